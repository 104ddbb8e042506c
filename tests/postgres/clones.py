"""A database for each test, cloned from the template that the keeper migrated once.

`Run` belongs to the pytest that was started by hand: it owns the keeper. `Clones` belongs to whoever runs tests, an xdist
worker or that same pytest; the first clone wakes the keeper and waits for the server.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.postgres.names import connect, create_database, drop_database, on_server

_ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 150
_STOP_TIMEOUT_S = 30
_POLL_S = 0.05


class NoDatabaseError(Exception):
    """The keeper could not bring a server or a template up; the message holds all it said."""


class Run:
    """One test run and the keeper of its server."""

    def __init__(self) -> None:
        self.folder = _ROOT / ".cubano" / "tests" / f"run-{secrets.token_hex(4)}"
        self.folder.mkdir(parents=True)
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.keeper", str(self.folder)], cwd=_ROOT, stdin=subprocess.PIPE
        )

    def close(self) -> None:
        """End the keeper and with it the server; waits until both are gone."""
        assert self._keeper.stdin
        self._keeper.stdin.close()
        self._keeper.wait(_STOP_TIMEOUT_S)


class Clones:
    """Makes databases on the server of the run whose folder is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._admin: psycopg.Connection | None = None
        self._known: dict[str, str] = {}

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The DSN of a new database, migrated and seeded or entirely empty; dropped afterwards."""
        server = self._wait_for("server")
        template = self._wait_for("template") if migrated else "template1"
        self._admin = self._admin or connect(server)
        name = f"test_{secrets.token_hex(6)}"
        create_database(self._admin, name, template=template)
        try:
            yield on_server(server, name)
        finally:
            drop_database(self._admin, name)

    def close(self) -> None:
        if self._admin:
            self._admin.close()
            self._admin = None

    def _wait_for(self, name: str) -> str:
        if name not in self._known:
            (self._folder / "wanted").touch()
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> str:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not (self._folder / name).exists():
            if (self._folder / "failed").exists():
                raise NoDatabaseError((self._folder / "failed").read_text())
            if time.monotonic() > deadline:
                raise NoDatabaseError(f"no database {name} after {_START_TIMEOUT_S} s")
            time.sleep(_POLL_S)
        return (self._folder / name).read_text()
