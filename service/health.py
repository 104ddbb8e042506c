"""Is this process fit for work: named pings with their own time-out.

Only what this process cannot do without is a ping; a dead gateway must not take the store out of the load balancer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
import sqlalchemy as sa
import sqlalchemy.exc

from service.kernel.db import Database
from service.migrations.head import HEAD
from service.telemetry.exposition import Ping
from service.telemetry.logs import get_logger

log = get_logger("health")

TIMEOUT_S = 2  # longer means: not fit


class Health:
    """The pings of one process; `watch` adds one. Where anybody may read them, reasons stand in the log alone."""

    def __init__(self, db: Database, *, shows_reasons: bool = True) -> None:
        self._db = db
        self._shows_reasons = shows_reasons
        self._checks: dict[str, Callable[[], Awaitable[str]]] = {"database": self._database, "schema": self._schema}

    def watch(self, name: str, check: Callable[[], Awaitable[str]]) -> None:
        """Add a ping: `check` answers a detail, or raises `RuntimeError` with what is wrong."""
        self._checks[name] = check

    async def pings(self) -> list[Ping]:
        return [await self._ping(name, check) for name, check in self._checks.items()]

    def from_thread(self) -> Callable[[], list[Ping]]:
        """The same for the metrics port's thread; call it on the event loop that does the work."""
        loop = asyncio.get_running_loop()
        return lambda: asyncio.run_coroutine_threadsafe(self.pings(), loop).result(TIMEOUT_S * len(self._checks))

    async def _ping(self, name: str, check: Callable[[], Awaitable[str]]) -> Ping:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                ok, detail = True, await check()
        except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error, OSError, RuntimeError) as error:
            ok, detail = False, self._reason(name, error)
        except TimeoutError:
            ok, detail = False, f"no answer within {TIMEOUT_S} s"
        return Ping(name, ok=ok, detail=detail, seconds=round(time.perf_counter() - started, 4))

    def _reason(self, name: str, error: Exception) -> str:
        kind, reason = type(error).__name__, str(error).splitlines()[0] if str(error) else "no answer"
        log.warning("not ready", ping=name, error=kind, reason=reason)
        ours = isinstance(error, RuntimeError)  # others name hosts, users and statements
        return f"{kind}: {reason}" if ours or self._shows_reasons else kind

    async def _database(self) -> str:
        await self._db.ping()
        return "answers"

    async def _schema(self) -> str:
        async with self._db.engine.connect() as connection:
            found = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
        if found != HEAD:
            raise RuntimeError(f"the schema is at {found}, this build needs {HEAD}: run `cubano db upgrade`")
        return f"at {found}"
