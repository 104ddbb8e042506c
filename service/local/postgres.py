"""An embedded PostgreSQL server of our own, for development, tests and benchmarks.

`EmbeddedPostgres(directory).start()` makes the cluster at first use, takes it up again later, survives the kill -9
of the server and of its owner, and returns a DSN. One owner at a time: a lock says so. The server listens on
127.0.0.1 only, wants a password (kept 0600 in the directory) and dies with the process that started it.
"""

import json
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from service.local import cluster as on_disk
from service.local.cluster import Cluster, PostgresError, server_environment
from service.local.lock import Lock, Locked
from service.local.orphans import end_orphan, lock_file
from service.local.ports import free_port, is_free
from service.local.tether import Lifeline, User

__all__ = ["EmbeddedPostgres", "PostgresError"]

STOP_SIGNAL = signal.SIGINT  # the fast shutdown: sessions are cut, data is written
DEATH_SIGNAL = signal.SIGQUIT  # at once and without a checkpoint; the log is replayed at the next start

_SUPERUSER = "cubano"
_START_TIMEOUT_S = 60  # crash recovery replays at most `max_wal_size` of log
_STOP_STEPS = ((STOP_SIGNAL, 7.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0))  # fast, immediate, by force
_HANDOVER_S = 10  # a busy backend notices the death of its server only when its statement ends
_POLL_S = 0.02

_CONFIGURATION = """\
# Written by `cubano up` at every start; changes are lost.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
effective_cache_size = 1GB
max_wal_size = 1GB
min_wal_size = 80MB
random_page_cost = 1.1
jit = off
shared_preload_libraries = 'pg_stat_statements'
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = ''
log_checkpoints = off
synchronous_commit = on
fsync = {durable}
full_page_writes = {durable}
"""


class EmbeddedPostgres:
    """A server and its data below `directory`; `durable=False` trades crash safety of the machine for speed.

    `port=0` takes the port of the last start when it is free, else any free one. Start it from the main thread.
    """

    def __init__(self, directory: Path, port: int = 0, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "postgres.log"
        self._wanted_port = port
        self._chosen_port = 0
        self._durable = durable
        self._settings: dict[str, str] = {}
        self._lock = Lock(self.directory / "lock")
        self._lifeline: Lifeline | None = None
        self._cluster: Cluster | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return int(self._settings["port"])

    @property
    def pid(self) -> int | None:
        """The running server's process, None when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://{_SUPERUSER}:{self._settings['password']}@127.0.0.1:{self.port}/{database}"

    def start(self) -> str:
        """Bring the server up, from nothing if need be, and return the DSN of its `postgres` database."""
        if self.pid is not None:
            return self.dsn()
        self.prepare()
        try:
            self._spawn_patiently()
        except BaseException:
            self.stop()
            raise
        return self.dsn()

    def prepare(self) -> None:
        """Everything before the server process: lock, cluster, port, configuration, what a crash left behind."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            on_disk.sweep()
            self._cluster = on_disk.locate(self.directory)
            self._settings = self._load_settings()
            end_orphan(self._cluster.data)
            if not self._cluster.exists:
                on_disk.initialise(self._cluster, superuser=_SUPERUSER, password=self._settings["password"])
                self._configure_once()
            self._require_same_version()
            self._chosen_port = self._choose_port()
            self._settings["port"] = str(self._chosen_port)
            self._save_settings()
            self._write(self._cluster.data / "cubano.conf", self._configuration())
        except BaseException:
            self.release()
            raise

    def command(self) -> list[str | Path]:
        """The command line of a prepared server; whoever runs it ties it, as `user`, with DEATH_SIGNAL."""
        cluster = self._prepared()
        return [cluster.programs / "postgres", "-D", cluster.data]

    @property
    def programs(self) -> Path:
        """Where PostgreSQL's own programs lie, for the account a prepared server runs as."""
        return self._prepared().programs

    @property
    def user(self) -> User | None:
        """The account a prepared server runs as, None for our own."""
        return self._prepared().user

    def is_ready(self) -> bool:
        """Whether the server says that it accepts connections."""
        lines = lock_file(self._prepared().data)
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[3].strip() == str(self.port)  # noqa: PLR2004

    def ensure_database(self, name: str) -> str:
        """Create the database when it is missing, with the statistics extension; returns its DSN."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return self.dsn(name)

    def stop(self) -> None:
        """End the server, politely first, and let go of the directory; fine to call twice."""
        if self._process:
            for step, wait_s in _STOP_STEPS:
                if self._process.poll() is not None:
                    break
                self._process.send_signal(step)
                _wait_for(lambda process=self._process: process.poll() is not None, wait_s)  # type: ignore[misc]
            self._process = None
        if self._lifeline:
            self._lifeline.close()
        self.release()

    def _spawn(self) -> None:
        self._lifeline = Lifeline()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._lifeline.tie(self.command(), death_signal=DEATH_SIGNAL, user=self.user),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=server_environment(),
                start_new_session=True,
                pass_fds=self._lifeline.inherited,
            )

    def _spawn_patiently(self) -> None:
        """Start the server, again while the last backends of a killed one still hold the shared memory."""
        deadline = time.monotonic() + _HANDOVER_S
        while True:
            self._spawn()
            try:
                self._wait_until_ready()
            except PostgresError as error:
                if "still in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def _wait_until_ready(self) -> None:
        _wait_for(lambda: self.pid is None or self.is_ready(), _START_TIMEOUT_S)
        if self.pid is None or not self.is_ready():
            raise PostgresError(f"PostgreSQL did not start: {self._last_complaint()} (all of it: {self.log})")

    def _last_complaint(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        complaints = [line for line in lines if line.startswith(("FATAL:", "PANIC:", "ERROR:"))]
        return (complaints or lines or ["it said nothing"])[-1]

    def _prepared(self) -> Cluster:
        if self._cluster is None:
            raise PostgresError("the server was not prepared; call start() or prepare() first")
        return self._cluster

    def _choose_port(self) -> int:
        if self._wanted_port:
            return self._wanted_port
        if self._chosen_port:  # addresses given out stay true after a crash
            _wait_for(lambda: is_free(self._chosen_port), _HANDOVER_S)
            return self._chosen_port
        last = int(self._settings.get("port", 0))
        return last if last and is_free(last) else free_port()

    def _configuration(self) -> str:
        return _CONFIGURATION.format(port=self.port, durable="on" if self._durable else "off")

    def _configure_once(self) -> None:
        data = self._prepared().data
        with (data / "postgresql.conf").open("a") as file:
            file.write("\ninclude = 'cubano.conf'\n")
        self._write(data / "pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        on_disk.give(path, self._prepared().user)

    def _require_same_version(self) -> None:
        cluster = self._prepared()
        made_by = (cluster.data / "PG_VERSION").read_text().strip()
        shown = subprocess.run([cluster.programs / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        ours = shown.stdout.split()[-1].split(".")[0]
        if made_by != ours:
            raise PostgresError(
                f"{self.directory} was made by PostgreSQL {made_by}, this is {ours}: start over with --fresh"
            )

    def _load_settings(self) -> dict[str, str]:
        path = self.directory / "server.json"
        if path.is_file():
            return dict(json.loads(path.read_text()))
        if self._prepared().exists:
            raise PostgresError(f"{path} is gone and with it the password of the data: start over with --fresh")
        return {"password": secrets.token_urlsafe(24)}

    def _save_settings(self) -> None:
        path = self.directory / "server.json"
        scratch = path.with_suffix(".new")
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps({**self._settings, "data": str(self._prepared().data)}))
        scratch.replace(path)

    def _take_lock(self) -> None:
        try:
            self._lock.take()
        except Locked:
            raise PostgresError(f"another process is using the database in {self.directory}") from None

    def release(self) -> None:
        """Let go of the directory; for whoever ran the process without `start()`."""
        self._lock.release()


def _wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
