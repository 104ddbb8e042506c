"""What PostgreSQL says of itself becomes a figure: real deadlocks, real waits, real transactions that stay open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from service.kernel.db import Database
from service.kernel.vitals import Vitals, look
from tests.kernel.test_db import database, value

OLDEST = "cubano_db_oldest_transaction_seconds"
LOCK_WAIT = "cubano_db_longest_lock_wait_seconds"
IDLE = "cubano_db_idle_in_transaction_seconds"
LOCK = "SELECT pg_advisory_xact_lock(%s)"


@pytest.fixture
async def db(empty_database_url: str) -> AsyncIterator[Database]:
    made = database(empty_database_url)
    await made.open()
    yield made
    await made.close()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection of somebody else's."""
    plain = make_url(dsn).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await psycopg.AsyncConnection.connect(plain)
    try:
        yield connection
    finally:
        await connection.close()


def shown(db: Database) -> str:
    return db.telemetry.render()[0].decode()


async def test_a_quiet_database_is_told_in_zeroes(db: Database):
    """Nothing is open and nobody waits; sizes and limits are what the server says."""
    await Vitals(db).refresh()

    assert [0, 0, 0] == [value(db, each) for each in (OLDEST, LOCK_WAIT, IDLE)]
    assert value(db, "cubano_db_size_bytes") > 5_000_000
    assert 10 < value(db, "cubano_db_connections_limit") < 10_000
    assert 0 == value(db, "cubano_db_deadlocks_total")
    assert 0 == value(db, "cubano_db_connections", state="idle_in_transaction")


async def test_who_holds_and_who_waits_is_told(db: Database, empty_database_url: str):
    """One forgets its transaction with a lock in hand, another waits for that lock: three figures grow."""
    async with connected(empty_database_url) as forgetful, connected(empty_database_url) as patient:
        await forgetful.execute(LOCK, [1])
        waiting = asyncio.create_task(patient.execute(LOCK, [1]))
        await asyncio.sleep(0.6)
        await Vitals(db).refresh()
        grown = [value(db, each) for each in (OLDEST, LOCK_WAIT, IDLE)]
        states = [value(db, "cubano_db_connections", state=each) for each in ("idle_in_transaction", "active")]
        await forgetful.rollback()
        await waiting
        await patient.rollback()
        await Vitals(db).refresh()

    assert all(0.5 <= each < 5 for each in grown)
    assert [1, 1] == states
    assert [0, 0, 0] == [value(db, each) for each in (OLDEST, LOCK_WAIT, IDLE)]


async def test_a_deadlock_is_counted_once(db: Database, empty_database_url: str):
    """The server's own count before we looked first is history; what comes afterwards is an increase."""
    vitals = Vitals(db)
    await _deadlock(empty_database_url)
    await _counted(db, 1)
    await vitals.refresh()
    before = value(db, "cubano_db_deadlocks_total")

    await _deadlock(empty_database_url)
    await _counted(db, 2)
    await vitals.refresh()
    await vitals.refresh()

    assert (0, 1) == (before, value(db, "cubano_db_deadlocks_total"))


async def _deadlock(dsn: str) -> None:
    """Each has what the other wants; the server breaks one off."""
    async with connected(dsn) as one, connected(dsn) as other:
        for each in (one, other):
            await each.execute("SET deadlock_timeout = '20ms'")
            await each.commit()
        await one.execute(LOCK, [1])
        await other.execute(LOCK, [2])
        ends = await asyncio.gather(one.execute(LOCK, [2]), other.execute(LOCK, [1]), return_exceptions=True)
    assert [psycopg.errors.DeadlockDetected] == [type(each) for each in ends if isinstance(each, Exception)]


async def _counted(db: Database, deadlocks: int) -> None:
    """The server's statistics are a moment late."""
    query = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with asyncio.timeout(5):
        while True:
            async with db.engine.connect() as connection:
                if (await connection.execute(query)).scalar_one() == deadlocks:
                    return
            await asyncio.sleep(0.05)


async def test_what_a_plain_role_may_not_see_is_absent_not_zero(db: Database, empty_database_url: str):
    """Another role's transaction is hidden, so nobody knows how old the oldest is; what may be read is told."""
    role = f"plain_{make_url(empty_database_url).database}"
    async with connected(empty_database_url) as owner:
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'plain'")
        await owner.commit()
        url = make_url(empty_database_url).set(username=role, password="plain").render_as_string(hide_password=False)
        plain = database(url)
        vitals = Vitals(plain)
        try:
            await vitals.refresh()
            hidden = shown(plain)
            async with connected(url) as own:
                await own.execute("SELECT 1")
                await asyncio.sleep(0.05)
                await vitals.refresh()
                seen = value(plain, OLDEST)
            await owner.commit()
        finally:
            await plain.close()
            await owner.execute(f"DROP ROLE {role}")
            await owner.commit()

    assert [] == [each for each in (OLDEST, IDLE) if f"\n{each} " in hidden]
    assert all(f"\n{each} " in hidden for each in (LOCK_WAIT, "cubano_db_size_bytes", "cubano_db_connections_limit"))
    assert 'cubano_db_connections{state="other"} ' in hidden
    assert seen > 0


async def test_requests_that_wait_for_a_connection_are_counted(empty_database_url: str):
    """Two wait behind the one that has it, and none afterwards."""
    db = database(empty_database_url, pool_size=1)

    async def want() -> None:
        async with db.transaction() as session:
            await session.execute(sa.text("SELECT 1"))

    async with db.transaction():
        waiters = [asyncio.create_task(want()) for _ in range(2)]
        await asyncio.sleep(0.05)
        db.measure_pool()
        during = value(db, "cubano_db_pool_connections", state="waiting")
    await asyncio.gather(*waiters)
    db.measure_pool()

    assert (2, 0) == (during, value(db, "cubano_db_pool_connections", state="waiting"))
    await db.engine.dispose()


async def test_whether_the_database_answers_is_a_figure(db: Database):
    """Up; still up when the server has dropped every connection we kept; down when nothing answers."""
    await look(db)
    up = value(db, "cubano_db_up")
    async with db.engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        await connection.execute(sa.text(f"{others} AND pid <> pg_backend_pid()"))
    await look(db)
    again = value(db, "cubano_db_up")
    away = database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(RuntimeError, match="does not answer"):
        await look(away)

    assert (1, 1) == (up, again)
    assert "\ncubano_db_up 0.0" in shown(away)
    await away.close()
