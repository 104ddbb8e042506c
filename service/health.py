"""Is this process fit for work: named pings with their own time-out, all at once.

Only what this process cannot do without is a ping; a dead gateway must not take the store out of the load balancer. What
must have been true once before there is any traffic (the schema is ours, the switches were read) is asked until it was,
and never again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import psycopg
import sqlalchemy.exc

from service.kernel.db import Database
from service.migrations.head import HEAD
from service.telemetry.exposition import MetricsServer, Ping, serve_metrics
from service.telemetry.logs import get_logger

log = get_logger("health")

TIMEOUT_S = 1.5  # longer means: not fit; less than the metrics port waits for all of them


class Health:
    """The pings of one process; `watch` adds one, `expect` one of the start. Where anybody may read them, reasons stand in
    the log alone.
    """

    def __init__(self, db: Database, *, shows_reasons: bool = True) -> None:
        self._db = db
        self._shows_reasons = shows_reasons
        self._checks: dict[str, Callable[[], Awaitable[str]]] = {"database": self._database, "schema": self._schema}
        self._start: dict[str, Callable[[], Awaitable[str]]] = {"schema": self._schema}
        self._started: list[Ping] = []
        self._asking: asyncio.Task[list[Ping]] | None = None

    def watch(self, name: str, check: Callable[[], Awaitable[str]]) -> None:
        """Add a ping: `check` answers a detail, or raises `RuntimeError` with what is wrong."""
        self._checks[name] = check

    def expect(self, name: str, check: Callable[[], Awaitable[str]]) -> None:
        """The same for what must have been true once."""
        self._start[name] = check

    async def pings(self) -> list[Ping]:
        """What they say now. Who asks meanwhile gets the same answer: anybody may ask, and none of it costs twice."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(self._checks))
        return await asyncio.shield(self._asking)  # who hangs up ends it for nobody else

    async def startup(self) -> list[Ping]:
        """The pings of the start; once all of them were well, those of that moment."""
        if self._started:
            return self._started
        pings = await self._ask(self._start)
        if all(each.ok for each in pings):
            self._started = pings
        return pings

    def serve(self, host: str, port: int) -> MetricsServer:
        """The metrics port of this process; call it on the event loop that does the work."""
        loop = asyncio.get_running_loop()

        def from_thread(ask: Callable[[], Coroutine[Any, Any, list[Ping]]]) -> list[Ping]:
            return asyncio.run_coroutine_threadsafe(ask(), loop).result(2 * TIMEOUT_S)

        return serve_metrics(
            self._db.telemetry,
            host,
            port,
            partial(from_thread, self.pings),
            startup=partial(from_thread, self.startup),
        )

    async def _ask(self, checks: Mapping[str, Callable[[], Awaitable[str]]]) -> list[Ping]:
        return list(await asyncio.gather(*(self._ping(name, check) for name, check in checks.items())))

    async def _ping(self, name: str, check: Callable[[], Awaitable[str]]) -> Ping:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                ok, detail = True, await check()
        except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error, OSError, RuntimeError) as error:
            ok, detail = False, self._reason(name, error)
        except TimeoutError:
            ok, detail = False, f"no answer within {TIMEOUT_S} s"
            log.warning("not ready", ping=name, error="TimeoutError", reason=detail)
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
        found = await self._db.ask("SELECT version_num FROM alembic_version")
        if found != HEAD:
            raise RuntimeError(f"the schema is at {found}, this build needs {HEAD}: run `cubano db upgrade`")
        return f"at {found}"
