"""The database: one `Database` a process, one `transaction()` a request or job, one commit at its edge.

Flows take a `Session` and never commit. What a flow counts or observes becomes a metric only after the commit, so that a
rolled-back transaction leaves no trace in the figures. `durable=False` lets a commit return before its log reaches the
disk; the next durable commit on the same server makes it durable too (a flush covers all earlier log), so it is only for
work that is told to nobody before such a commit follows.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast

import psycopg_pool
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from service.kernel.clock import Clock
from service.kernel.data_keys import MasterKeys
from service.kernel.ids import Ids
from service.telemetry import catalogue
from service.telemetry.metric import Counter, Histogram
from service.telemetry.registry import Telemetry

POOL_WAIT_S = 2  # a request that waits longer for a connection is better told to come again
RAW_POOL_SIZE = 5  # one for each group of inserts under way, and one for the moment one of them is replaced
SERVER_LIMITS = "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000"  # ms


class Tables(DeclarativeBase):
    """The declarative root; every constraint has a predictable name."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: sa.DateTime(timezone=True), str: sa.Text()}  # noqa: RUF012 - SQLAlchemy's own form


class Session(AsyncSession):
    """A transaction in the making: `now` is its one point in time, `ids` makes its ids."""

    def __init__(
        self, engine: AsyncEngine, *, now: datetime, ids: Ids, telemetry: Telemetry, master_keys: MasterKeys | None
    ) -> None:
        super().__init__(engine, expire_on_commit=False, autoflush=False)
        self.now = now
        self.ids = ids
        self._telemetry = telemetry
        self._master_keys = master_keys
        self._after_commit: list[Callable[[], None]] = []
        self._before_commit: list[Callable[[], Awaitable[None]]] = []

    @property
    def master_keys(self) -> MasterKeys:
        """What personal data is sealed with; only a database built without them has none."""
        if self._master_keys is None:
            raise RuntimeError("this database was built without master keys")
        return self._master_keys

    def count(self, metric: Counter, by: int = 1, **labels: str) -> None:
        """Count once this transaction has committed."""
        self._after_commit.append(lambda: self._telemetry.count(metric, by, **labels))

    def count_anyway(self, metric: Counter, by: int = 1, **labels: str) -> None:
        """Count at once, whatever becomes of this transaction: for what is refused because of what was found."""
        self._telemetry.count(metric, by, **labels)

    def observe(self, metric: Histogram, value: float, **labels: str) -> None:
        """Observe once this transaction has committed."""
        self._after_commit.append(lambda: self._telemetry.observe(metric, value, **labels))

    def before_commit(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this last: for a lock that many want, and that nobody may hold while waiting for another."""
        self._before_commit.append(work)

    async def commit(self) -> None:
        for each in self._before_commit:
            await each()
        self._before_commit.clear()
        await super().commit()

    async def rollback(self) -> None:
        self._before_commit.clear()
        self._after_commit.clear()
        await super().rollback()

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None, None]:
        """Undo the block's work, and what it counted, when it raises; the transaction itself goes on."""
        counted, last = len(self._after_commit), len(self._before_commit)
        try:
            async with self.begin_nested():
                yield
        except BaseException:
            del self._after_commit[counted:]
            del self._before_commit[last:]
            raise

    def tell(self) -> None:
        """Apply what was counted; called by `Database.transaction` after its commit."""
        for each in self._after_commit:
            each()
        self._after_commit.clear()


class Database:
    """The engine for transactions and a small autocommit pool (`raw`) for the hottest single statements."""

    def __init__(
        self,
        dsn: str,
        *,
        clock: Clock,
        ids: Ids,
        telemetry: Telemetry,
        pool_size: int = 10,
        master_keys: MasterKeys | None = None,
    ) -> None:
        self.clock = clock
        self.ids = ids
        self._master_keys = master_keys
        self.telemetry = telemetry
        self._waiting = 0
        self._waited = telemetry.observing(catalogue.DB_POOL_WAIT)
        url = make_url(dsn).set(drivername="postgresql+psycopg")
        name = f"cubano-{telemetry.process}"
        options = {"application_name": name, "connect_timeout": 5, "options": SERVER_LIMITS}
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=False,
            connect_args=options,
            hide_parameters=True,  # they hold names, addresses and ticket codes; errors are logged and stored
        )
        # After a restart of the server each kept connection costs one failed statement; the intake repeats its own.
        self.raw = psycopg_pool.AsyncConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            kwargs={"autocommit": True, **options},
            min_size=1,
            max_size=RAW_POOL_SIZE,
            timeout=POOL_WAIT_S,
            reconnect_timeout=POOL_WAIT_S,  # then who asks tries anew; else it rests as long as the server was away
            open=False,
            name=name,
        )
        _watch_statements(self.engine, telemetry)

    async def open(self) -> None:
        await self.raw.open()

    async def close(self) -> None:
        await self.raw.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncGenerator[Session, None]:
        """One transaction: commits when the block ends well, rolls back when it raises."""
        session = Session(
            self.engine, now=self.clock(), ids=self.ids, telemetry=self.telemetry, master_keys=self._master_keys
        )
        async with session:
            await self._connect(session)
            if not durable:
                await (await session.connection()).exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield session
            await session.commit()
        session.tell()

    async def _connect(self, session: Session) -> None:
        started = time.perf_counter()
        self._waiting += 1
        try:
            await session.connection()
        except sa.exc.TimeoutError:
            self.telemetry.count(catalogue.DB_POOL_TIMEOUTS)
            raise
        finally:
            self._waiting -= 1
            self._waited(time.perf_counter() - started)

    def measure_pool(self) -> None:
        """Set the pool gauges; called before each scrape's figures are read."""
        pool = cast("sa.QueuePool", self.engine.pool)
        self.telemetry.set(catalogue.DB_POOL, pool.size(), state="size")
        self.telemetry.set(catalogue.DB_POOL, pool.checkedout(), state="in_use")
        self.telemetry.set(catalogue.DB_POOL, pool.checkedin(), state="idle")
        waiting = self._waiting + self.raw.get_stats().get("requests_waiting", 0)
        self.telemetry.set(catalogue.DB_POOL, waiting, state="waiting")

    async def ping(self) -> None:
        """Raise unless the database answers."""
        await self.ask("SELECT 1")

    async def ask(self, query: str) -> Any:
        """One value or None, for who wants to know whether it answers: does not stand in line with the transactions."""
        pool = cast("sa.QueuePool", self.engine.pool)
        if pool.checkedout() < pool.size():
            async with self.engine.connect() as connection:
                return (await connection.execute(sa.text(query))).scalar_one_or_none()
        async with self.raw.connection() as beside:  # all are taken: busy, and not away
            row = await (await beside.execute(query.encode())).fetchone()
        return row[0] if row else None


def _watch_statements(engine: AsyncEngine, telemetry: Telemetry) -> None:
    """Observe the duration of each statement under its verb (`SELECT`, `INSERT`, …), never its text.

    We stand in for the dialect's own calls: listening before and after each cursor costs a statement 7 µs more, because
    SQLAlchemy then takes all its ways with events.
    """
    told: dict[str, Callable[[float], None]] = {}  # by verb: a checkout has some twenty statements
    clock = time.perf_counter

    def timed(execute: Callable[[Any, str, Any, Any], object]) -> Callable[[Any, str, Any, Any], bool]:
        def run(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
            started = clock()
            execute(cursor, statement, parameters, context)
            seconds = clock() - started
            verb = statement.split(None, 1)[0].upper()
            if verb not in told:
                told[verb] = telemetry.observing(catalogue.DB_OPERATION, db_operation_name=verb)
            told[verb](seconds)
            return True  # it is done

        return run

    dialect = engine.sync_engine.dialect
    event.listen(engine.sync_engine, "do_execute", timed(dialect.do_execute))
    event.listen(engine.sync_engine, "do_executemany", timed(dialect.do_executemany))
