"""One commit at the edge; what was counted is told only after it; a full pool is an error in time, not a queue."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import sqlalchemy as sa
import sqlalchemy.exc
from prometheus_client.parser import text_string_to_metric_families

from service.kernel.clock import Dial, utc_now
from service.kernel.db import Database, Session
from service.kernel.ids import Ids
from service.telemetry.catalogue import MAILS, PAID_TO_TICKET
from service.telemetry.registry import Telemetry
from tests.app.test_app import database_away

WRITE = sa.text("INSERT INTO notes VALUES (1)")
MAIL = {"template": "confirmation", "outcome": "sent"}


def database(dsn: str, *, pool_size: int = 5) -> Database:
    telemetry = Telemetry("test", version="0", environment="test")
    clock = Dial(utc_now())
    return Database(dsn, clock=clock, ids=Ids(clock), telemetry=telemetry, pool_size=pool_size)


@pytest.fixture
async def db(empty_database_url) -> AsyncIterator[Database]:
    """A database with one table, `notes`."""
    made = database(empty_database_url)
    async with made.transaction() as session:
        await session.execute(sa.text("CREATE TABLE notes (id int PRIMARY KEY CHECK (id < 100))"))
    yield made
    await made.engine.dispose()


async def notes(db: Database) -> int:
    async with db.transaction() as session:
        return (await session.execute(sa.text("SELECT count(*) FROM notes"))).scalar_one()


def value(db: Database, name: str, **labels: str) -> float:
    """What a scrape would see of one series."""
    families = text_string_to_metric_families(db.telemetry.render()[0].decode())
    return sum(s.value for f in families for s in f.samples if s.name == name and labels.items() <= s.labels.items())


async def test_a_block_that_ends_well_is_committed_once_and_then_told(db):
    """What was counted inside becomes a figure after the commit, not before."""
    async with db.transaction() as session:
        await session.execute(WRITE)
        session.count(MAILS, **MAIL)
        session.observe(PAID_TO_TICKET, 0.2)
        before = value(db, "cubano_mails_total", **MAIL)

    assert (0, 1) == (before, value(db, "cubano_mails_total", **MAIL))
    assert 1 == value(db, "cubano_paid_to_ticket_seconds_count")
    assert 1 == await notes(db)


async def test_a_block_that_raises_leaves_nothing(db):
    """No row and no figure."""

    async def fail() -> None:
        async with db.transaction() as session:
            await session.execute(WRITE)
            session.count(MAILS, **MAIL)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert (0, 0) == (await notes(db), value(db, "cubano_mails_total", **MAIL))


async def test_a_commit_that_fails_is_not_told(db):
    """A deferred constraint speaks up at the commit itself."""
    async with db.transaction() as session:
        await session.execute(sa.text("CREATE TABLE later (id int REFERENCES notes DEFERRABLE INITIALLY DEFERRED)"))

    async def dangle() -> None:
        async with db.transaction() as session:
            await session.execute(sa.text("INSERT INTO later VALUES (7)"))
            session.count(MAILS, **MAIL)

    with pytest.raises(sqlalchemy.exc.IntegrityError):
        await dangle()

    assert 0 == value(db, "cubano_mails_total", **MAIL)


async def test_a_savepoint_takes_back_its_rows_and_its_figures_alone(db):
    """The transaction around it goes on."""

    async def fail(session: Session) -> None:
        async with session.savepoint():
            session.count(MAILS, 5, **MAIL)
            await session.execute(sa.text("INSERT INTO notes VALUES (100)"))

    async with db.transaction() as session:
        session.count(MAILS, **MAIL)
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            await fail(session)
        await session.execute(WRITE)

    assert (1, 1) == (await notes(db), value(db, "cubano_mails_total", **MAIL))


async def test_a_transaction_has_one_point_in_time(db):
    """`now` is the clock's at its start, however long it takes."""
    async with db.transaction() as session:
        first = session.now
        db.clock.advance(5)
        second = session.now

    assert first == second


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
async def test_only_what_is_told_to_nobody_may_skip_the_flush(db, durable, expected):
    """`durable=False` holds for its own transaction, and not for the next on the same connection."""
    async with db.transaction(durable=durable) as session:
        inside = (await session.execute(sa.text("SHOW synchronous_commit"))).scalar_one()
    async with db.transaction() as session:
        afterwards = (await session.execute(sa.text("SHOW synchronous_commit"))).scalar_one()

    assert (expected, "on") == (inside, afterwards)


async def test_a_full_pool_is_an_error_in_time(empty_database_url):
    """Who waits longer than two seconds for a connection is told to come again, and it is counted."""
    db = database(empty_database_url, pool_size=1)

    async with db.transaction():
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            async with asyncio.timeout(5), db.transaction():
                pass

    assert 1 == value(db, "cubano_db_pool_timeouts_total")
    await db.engine.dispose()


async def test_a_cancelled_transaction_gives_its_connection_back(empty_database_url):
    """A request that ends in the middle costs no connection."""
    db = database(empty_database_url, pool_size=1)

    async def hang() -> None:
        async with db.transaction() as session:
            await session.execute(sa.text("SELECT pg_sleep(30)"))

    for _ in range(3):
        task = asyncio.create_task(hang())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await db.ping()
    db.measure_pool()
    assert 0 == value(db, "cubano_db_pool_connections", state="in_use")
    await db.engine.dispose()


async def test_a_busy_database_is_not_away(empty_database_url):
    """With every connection taken there is an answer: a process under load is not taken out as one that is broken."""
    db = database(empty_database_url, pool_size=1)
    await db.open()

    idle = await asyncio.wait_for(db.ask("SELECT 7"), 1)
    async with db.transaction():
        busy = [await asyncio.wait_for(db.ask(query), 1) for query in ("SELECT 7", "SELECT 7 WHERE false")]
    await db.close()

    assert (7, [7, None]) == (idle, busy)


async def test_no_statement_and_no_lock_waits_for_ever(db):
    """The server itself ends what takes too long, and a transaction that was forgotten."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")

    async with db.transaction() as session:
        shown = [(await session.execute(sa.text(f"SHOW {name}"))).scalar_one() for name in names]

    assert ["5s", "3s", "15s", "cubano-test"] == shown


async def test_statements_are_timed_by_their_verb_alone(db):
    """Never by their text."""
    await notes(db)

    assert 1 <= value(db, "db_client_operation_duration_seconds_count", db_operation_name="SELECT")


async def test_one_statement_for_many_rows_is_timed_once(db):
    """Whatever way SQLAlchemy takes to run it, and a failure is none."""
    rows = [{"value": "1"}, {"value": "2"}]
    before = value(db, "db_client_operation_duration_seconds_count", db_operation_name="SELECT")

    async with db.transaction() as session:
        await session.execute(sa.text("SELECT set_config('cubano.test', :value, true)"), rows)
    with pytest.raises(sa.exc.DBAPIError):
        async with db.transaction() as session:
            await session.execute(sa.text("SELECT 1 / 0"))

    assert (before or 0) + 1 == value(db, "db_client_operation_duration_seconds_count", db_operation_name="SELECT")


async def test_what_takes_webhooks_in_is_back_as_soon_as_the_database(empty_database_url):
    """However long it was away: who asks tries anew, and does not rest as long as that took."""
    db = database(empty_database_url)
    await db.open()

    async def ask() -> None:
        async with db.raw.connection() as connection:
            await connection.execute("SELECT 1")

    await ask()
    async with database_away(empty_database_url):
        for _ in range(8):
            with pytest.raises((psycopg.Error, TimeoutError)):
                await asyncio.wait_for(ask(), 0.5)
            await asyncio.sleep(0.1)
    await asyncio.wait_for(ask(), 1.5)

    await db.close()


async def test_a_database_that_is_not_there_is_told_as_such(db):
    """An operational error, which becomes a 503."""
    away = database("postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(sqlalchemy.exc.OperationalError):
        await away.ping()

    await away.engine.dispose()
