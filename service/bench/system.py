"""The system under test: a database that really flushes, `serve` and, when asked, the gateway's stand-in.

All of it is started for one run on free loopback ports with its state in a temporary folder, and is ended and removed
with it. No worker runs unless a benchmark asks for one: it would take processor time at moments nobody chose.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from service import __version__
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.local import cluster
from service.local.console import Console
from service.local.festival import write_festival
from service.local.health import http_ready
from service.local.ports import LOOPBACK, free_ports
from service.local.postgres import EmbeddedPostgres
from service.local.processes import Child, Supervisor
from service.local.system import cubano, postgres
from service.migrations.run import migrate
from service.telemetry.registry import Telemetry

SEATS = 100_000_000  # of every ticket type: a benchmark measures sales, not refusals
_LOG = "children.log"


@dataclass(frozen=True)
class System:
    """Where to send the load, and whom to watch."""

    folder: Path
    port: int
    dsn: str
    secret: str
    pgbench: Path
    pids: Mapping[str, int]  # serve, postgres, emulate
    gateway: int = 0  # the port of the gateway's stand-in, where there is one
    metrics: int = 0  # the port of the metrics
    told: Mapping[str, str] = field(default_factory=dict, repr=False)  # the settings of `serve`, secrets among them

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """What the database answers; each question is committed."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Way:
    """How another `serve` is started: its command, what it is told beside the rest, and whose stand-in it uses."""

    argv: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)
    gateway: int = 0


@dataclass(frozen=True)
class Place:
    """A folder, a database server in it, and who looks after the processes."""

    folder: Path
    server: EmbeddedPostgres
    supervisor: Supervisor

    async def database(self, name: str = "cubano") -> str:
        """A new database with the sample festival, and seats for any load."""
        dsn = self.server.ensure_database(name)
        migrate(dsn)
        await _stock_up(dsn)
        return dsn

    async def serve(
        self, dsn: str, *, name: str = "serve", emulator: bool = False, tells: bool = False, way: Way | None = None
    ) -> System:
        """`serve` on a database, once it is ready; with the gateway's stand-in, which `tells` it of payments when asked."""
        ports = dict(zip(("serve", "serve-metrics", "emulate", "emulate-metrics"), free_ports(4), strict=True))
        if way and way.gateway:
            ports["emulate"] = way.gateway
        key, secret = f"sk_test_{secrets.token_hex(24)}", f"whsec_{secrets.token_hex(24)}"
        if emulator:
            await self.supervisor.start(_emulate(ports, secret if tells else ""))
        child = _serve(ports, dsn, key, secret, name=name)
        if way:
            child = replace(child, argv=way.argv or child.argv, environment={**child.environment, **way.told})
        await self.supervisor.start(child)
        pgbench = Path(self.server.command()[0]).with_name("pgbench")
        pids = {"serve" if each == name else each: pid for each, pid in self.supervisor.pids.items()}
        addresses = ports["emulate"], ports["serve-metrics"], child.environment
        return System(self.folder, ports["serve"], dsn, secret, pgbench, pids, *addresses)


@asynccontextmanager
async def prepared() -> AsyncIterator[Place]:
    """A database server for the length of the block. Raises `NotReady` or `PostgresError` when it cannot be started."""
    folder = temporary_folder()
    server = EmbeddedPostgres(folder / "postgres")
    with (folder / _LOG).open("w") as log:
        console = Console(log)
        supervisor = Supervisor(console)
        try:
            server.prepare()
            await supervisor.start(postgres(server))
            yield Place(folder, server, supervisor)
        finally:
            await supervisor.stop()
            server.release()
            console.close()
            cluster.forget(folder / "postgres")
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running(*, emulator: bool, tells: bool = False) -> AsyncIterator[System]:
    """A system for the length of the block. Raises as `prepared` does."""
    async with prepared() as place:
        yield await place.serve(await place.database(), emulator=emulator, tells=tells)


async def _stock_up(dsn: str) -> None:
    telemetry = Telemetry("bench", version=__version__, environment="development")
    db = Database(dsn, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    async with db.transaction() as session:
        await write_festival(session)
    await db.engine.dispose()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE stock SET capacity = %s", [SEATS])


def _serve(ports: Mapping[str, int], dsn: str, key: str, secret: str, *, name: str) -> Child:
    """As in production but for the addresses: no setting of the caller's environment comes through."""
    own = {
        "CUBANO_DATABASE_URL": dsn,
        "CUBANO_SECRET_KEYS": secrets.token_urlsafe(48),
        "CUBANO_PUBLIC_URL": f"http://{LOOPBACK}:{ports['serve']}",
        "CUBANO_STRIPE_API_KEY": key,
        "CUBANO_STRIPE_WEBHOOK_SECRETS": secret,
        "CUBANO_STRIPE_BASE_URL": f"http://{LOOPBACK}:{ports['emulate']}",
        "CUBANO_GATEWAY_RATE": "100000",  # the stand-in has no limit; ours would be all that is measured
        "CUBANO_RATE_LIMITS": "100000",  # one address plays all customers
        "CUBANO_SERVE_PORT": str(ports["serve"]),
        "CUBANO_SERVE_METRICS_PORT": str(ports["serve-metrics"]),
    }
    ready = http_ready(f"http://{LOOPBACK}:{ports['serve']}/health/ready")
    return Child(name, cubano("serve"), ready, _plain() | own)


def _emulate(ports: Mapping[str, int], secret: str) -> Child:
    words = cubano("emulate", "--port", str(ports["emulate"]), "--metrics-port", str(ports["emulate-metrics"]))
    if secret:
        door = f"http://{LOOPBACK}:{ports['serve']}/api/payment/webhook"
        words += ["--webhook-url", door, "--webhook-secret", secret]
    ready = http_ready(f"http://{LOOPBACK}:{ports['emulate']}/health/ready")
    return Child("emulate", words, ready, _plain())  # takes any test key


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CUBANO_")}


def temporary_folder() -> Path:
    """A temporary folder that lies on a disk: /tmp is memory on many machines, where a flush costs nothing."""
    kept = Path("/var/tmp")  # noqa: S108 - a fresh folder of ours is made in it
    folder = Path(tempfile.mkdtemp(prefix="cubano-bench-", dir=kept if os.access(kept, os.W_OK) else None))
    folder.chmod(0o711)  # the database server may run as another user and has to pass through
    return folder
