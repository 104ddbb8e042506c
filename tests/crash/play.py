"""One play: a service that is killed at a chosen point and comes again, its gateway, its mail box, and people who do not give up.

A story plays its part without knowing of the kill; whoever meets a dead service tries again, as browsers, programs and
gateways do. When the service has died the clock is turned to where the leases of the dead are over, and it starts again.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import psycopg.rows
from aiosmtpd.smtp import SMTP

from tests.crash.strike import Strike, read_reached
from tests.crash.system import ROOT, Mailbox, command
from tests.postgres.names import child_environment

AFTER_A_DEATH_S = 50  # longer than any lease: that of a sweep is the longest with 45 s
TOLERATED_S = 200  # between the time of a signature and ours; beyond 300 it is refused
SECRETS = {"stripe": "whsec_cubano_test", "paypal": "WH-CRASH-TEST"}
_WAITING = """
    SELECT count(*) AS how_many, extract(epoch FROM min(due_at) - now())::float AS rest_s FROM (SELECT due_at
    FROM payment_events WHERE state = 'pending' UNION ALL SELECT due_at FROM outbox WHERE state = 'pending') AS waiting
"""
_OPEN = """
    SELECT kind, key, state, attempts, due_at, leased_until, last_error FROM outbox WHERE state <> 'done'
    UNION ALL
    SELECT type, event_id, state, attempts, due_at, NULL, last_error FROM payment_events WHERE state IN ('pending', 'dead')
"""
_LETTERS = (
    "SELECT 1 FROM outbox WHERE state = 'pending' AND kind LIKE 'mail.%%' AND due_at <= now() + %s * interval '1 s'"
)
ENOUGH_S = 30  # for any wait of a play


@contextmanager
def gateways() -> Iterator[str]:
    """The stand-in of the gateways as a process; its address. It repeats a delivery soon and for long."""
    given = ["--port", "0", "--metrics-port", "0", "--api-key", "sk_test_cubano", "--settle-ms", "100"]
    hurry = ["--webhook-retry-ms", "50", "--webhook-tries", "40"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    words = command("emulate", *given, *hurry)
    with subprocess.Popen(words, cwd=ROOT, env=kept, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


class Nursery:
    """The process that forks the services; it tells of their deaths on a pipe."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tests.crash.child"]
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._heard: asyncio.Queue[dict[str, int]] = asyncio.Queue()
        os.set_blocking(self._process.stdout.fileno(), False)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear it on the running event loop."""
        self._heard, rest = asyncio.Queue(), bytearray()

        def hear() -> None:
            rest.extend(self._process.stdout.read() or b"")
            while b"\n" in rest:
                line, _, left = rest.partition(b"\n")
                rest[:] = left
                self._heard.put_nowait(json.loads(line))

        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.stdout.fileno(), hear)
        try:
            yield
        finally:
            loop.remove_reader(self._process.stdout.fileno())

    async def fork(self, order: dict[str, Any]) -> int:
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return (await self._heard.get())["pid"]

    async def death(self) -> int:
        """Wait for the child's end; what `os.waitpid` says of it."""
        return (await self._heard.get())["status"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@dataclass
class Play:
    """What a story holds in its hands."""

    environment: dict[str, str]
    folder: Path
    gateway: httpx.AsyncClient
    nursery: Nursery
    db: psycopg.AsyncConnection[dict[str, Any]]
    mailbox: Mailbox
    url: str
    strike: Strike | None = None
    deaths: int = 0
    ahead_s: float = 0
    _pid: int | None = None
    _faults: tuple[dict[str, Any], ...] = ()
    expected: dict[str, str] = field(default_factory=dict)  # what each order has to be in the end

    @property
    def reached(self) -> list[tuple[str, str]]:
        """What the service has noted so far."""
        return list(read_reached(self.folder / "reached"))

    @property
    def log(self) -> str:
        path = self.folder / "service.log"
        return path.read_text() if path.exists() else ""

    @property
    def _struck(self) -> bool:
        """Whether the service has reached its end, noticed or not."""
        return (
            self.strike is not None and self.reached.count((self.strike.moment, self.strike.point)) >= self.strike.nth
        )

    async def start(self, strike: Strike | None) -> None:
        self.strike = strike or self.strike
        order = {
            "environment": self.environment,
            "strike": asdict(strike) if strike else None,
            "reached": str(self.folder / "reached"),
            "clock": str(self.folder / "clock"),
            "log": str(self.folder / "service.log"),
        }
        self._pid = await self.nursery.fork(order)

    async def stand(self) -> None:
        """Whenever the service dies of the strike, it comes again; any other end is an error."""
        while True:
            status = await self.nursery.death()
            self._pid = None
            if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
                raise RuntimeError(f"the service ended by itself ({status}):\n{self.log[-3000:]}")
            self.deaths += 1
            await self.advance(AFTER_A_DEATH_S, dead=True)
            await self.start(None)

    async def end(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            await self.nursery.death()

    async def advance(self, seconds: float, *, dead: bool = False) -> None:
        """Turn all clocks; of the living when no letter is on its way, because a lease that ends under its sender sends it twice."""
        while not dead and await self.rows(_LETTERS, self.ahead_s):  # noqa: ASYNC110 - it watches other processes
            await asyncio.sleep(0.05)
        self.ahead_s += seconds
        _write_clock(self.folder, self.ahead_s)
        await self.control("POST", "clock", advance=round(seconds))
        if self.ahead_s > TOLERATED_S:
            await self._arm()

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await (await self.db.execute(query.encode(), values)).fetchall()

    async def until(self, what: str, check: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until `check` answers something true, and answer that."""
        try:
            async with asyncio.timeout(ENOUGH_S):
                while not (found := await check()):  # noqa: ASYNC110 - it watches other processes
                    await asyncio.sleep(0.02)
        except TimeoutError:
            waiting = await self.rows(_OPEN)
            raise AssertionError(f"never came true: {what}\n{waiting}\n{self.log[-3000:]}") from None
        return found

    async def ready(self) -> None:
        """Wait until the service answers."""

        async def check() -> bool:
            with suppress(httpx.HTTPError):
                async with httpx.AsyncClient(base_url=self.url) as client:
                    return (await client.get("/health/ready")).status_code == 200
            return False

        await self.until("the service is ready", check)

    async def quiet(self) -> None:
        """Wait until everything is delivered, applied and sent; what waits for its time gets it."""

        async def check() -> bool:
            if self._struck and not self.deaths:
                return False
            deliveries = (await self.control("GET", "deliveries?state=pending"))["deliveries"]
            waiting = (await self.rows(_WAITING))[0]
            if not deliveries and waiting["how_many"]:
                rest_s = waiting["rest_s"] - self.ahead_s
                if rest_s > 1:
                    await self.advance(rest_s)
            return not deliveries and not waiting["how_many"]

        await self.until("everything is at rest", check)

    async def control(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One lever of the gateways' stand-in; two seldom-used ones take a list under `items`."""
        answer = await self.gateway.request(method, f"/_emulator/{path}", json=body.get("items", body))
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    async def faults(self, *faults: dict[str, Any]) -> None:
        self._faults = faults
        await self._arm()

    async def _arm(self) -> None:
        # The stand-in signs by the machine's time, which is not the service's any more.
        skewed = {"match": {"event_type": "*"}, "effects": {"skew_s": round(self.ahead_s)}}
        faults = [*self._faults, *([skewed] if self.ahead_s > TOLERATED_S else [])]
        await self.control("PUT", "faults", seed=1, faults=faults)


def _write_clock(folder: Path, ahead_s: float) -> None:
    fresh = folder / "clock.new"
    fresh.write_text(str(ahead_s))
    fresh.replace(folder / "clock")


@asynccontextmanager
async def play(
    nursery: Nursery, gateway_url: str, database_url: str, folder: Path, *, payload: str = "snapshot", **settings: str
) -> AsyncIterator[Play]:
    """Everything a story needs, with a clean gateway; the service is started by the caller."""
    url = f"http://127.0.0.1:{_port()}"
    mailbox, loop = Mailbox(), asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    environment = child_environment(
        database_url,
        CUBANO_STRIPE_BASE_URL=gateway_url,
        CUBANO_PAYPAL_BASE_URL=f"{gateway_url}/paypal",
        CUBANO_PAYPAL_CLIENT_ID="crash",
        CUBANO_PAYPAL_CLIENT_SECRET="crash",
        CUBANO_PAYPAL_WEBHOOK_IDS=SECRETS["paypal"],
        CUBANO_PAYPAL_CA_FILE=str(folder / "paypal.pem"),
        CUBANO_PUBLIC_URL=url,
        CUBANO_SERVE_PORT=url.rpartition(":")[2],
        CUBANO_SERVE_METRICS_PORT="0",
        CUBANO_WORK_METRICS_PORT="0",
        CUBANO_DATABASE_POOL_SIZE="8",
        CUBANO_SMTP_URL=f"smtp://127.0.0.1:{smtp.sockets[0].getsockname()[1]}",
    )
    _write_clock(folder, 0)
    connected = await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=psycopg.rows.dict_row)
    try:
        async with connected as db, httpx.AsyncClient(base_url=gateway_url, timeout=20) as gateway:
            with nursery.listening():
                made = Play(environment | settings, folder, gateway, nursery, db, mailbox, url)
                await made.control("POST", "reset")
                await made.control("PUT", "endpoints", items=_endpoints(url, payload=payload))
                (folder / "paypal.pem").write_text((await gateway.get("/_emulator/paypal/ca")).text)
                try:
                    yield made
                finally:
                    await made.end()
                    await made.control("POST", "reset")
    finally:
        smtp.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await smtp.wait_closed()


def _endpoints(url: str, *, payload: str) -> list[dict[str, Any]]:
    return [
        {
            "url": f"{url}/api/payment/webhook/{provider}",
            "secret": secret,
            "provider": provider,
            "payload": payload if provider == "stripe" else "snapshot",
        }
        for provider, secret in SECRETS.items()
    ]


def _port() -> int:
    """A free one that no outgoing connection is given while the service is dead."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
