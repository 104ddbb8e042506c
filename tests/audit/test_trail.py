"""The audit trail: written with its cause, one chain whoever writes, and whatever is done to it by hand is found."""

import asyncio
from dataclasses import dataclass, field, replace

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.audit.flow import Chosen, Mark, newest, note, read, verify
from service.audit.rules import START, Entry, Origin, digest
from service.audit.tables import HASHED, INVARIANTS
from service.kernel.clock import utc_now
from service.kernel.db import Database, Session
from service.kernel.ids import Ids
from service.kernel.invariants import check
from service.telemetry.registry import Telemetry


@dataclass(frozen=True)
class Somebody:
    kind: str = "staff"
    id: str = "stf_1"
    name: str = "Ana"
    origin: Origin = field(default_factory=lambda: Origin("203.0.113.9", "curl/8"))


@pytest.fixture
async def db(database_url):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    yield database
    await database.engine.dispose()


async def write(db: Database, *subjects: str) -> None:
    """One transaction each."""
    for subject in subjects:
        async with db.transaction() as session:
            note(session, Somebody(), "thing.change", subject, before={"was": 1}, after={"is": 2})


async def verdict(db: Database, kept: Mark | None = None):
    async with db.transaction() as session:
        return await verify(session, kept=kept)


async def tamper(db: Database, *statements: str) -> None:
    """By hand, as the superuser who switches the guard off first."""
    async with db.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE audit_trail DISABLE TRIGGER ALL"))
        for each in statements:
            await connection.execute(sa.text(each))
        await connection.execute(sa.text("ALTER TABLE audit_trail ENABLE TRIGGER ALL"))


async def test_an_entry_says_who_what_where_and_from_what_to_what(db):
    """All of it can be read back."""
    await write(db, "key_1")

    async with db.transaction() as session:
        (entry,) = await newest(session, Chosen(), limit=10)

    assert (1, START) == (entry.seq, entry.previous)
    assert ("staff", "stf_1", "Ana", "203.0.113.9", "curl/8") == (
        *(entry.actor_kind, entry.actor_id, entry.actor_name, entry.ip, entry.user_agent),
    )
    assert ("thing.change", "key_1", '{"was": 1}', '{"is": 2}') == (
        *(entry.action, entry.subject, entry.before, entry.after),
    )


async def fail_after_noting(db: Database, subject: str) -> None:
    async with db.transaction() as session:
        note(session, Somebody(), "a", subject)
        raise LookupError


async def undo_a_part(session: Session) -> None:
    async with session.savepoint():
        note(session, Somebody(), "a", "undone")
        raise LookupError


async def test_what_is_rolled_back_was_never_noted(db):
    """An error, a rollback by hand, and a savepoint that was undone leave nothing."""
    with pytest.raises(LookupError):
        await fail_after_noting(db, "failed")
    async with db.transaction() as session:
        note(session, Somebody(), "a", "rolled back")
        await session.rollback()
    async with db.transaction() as session:
        note(session, Somebody(), "a", "kept")
        with pytest.raises(LookupError):
            await undo_a_part(session)

    async with db.transaction() as session:
        assert ["kept"] == [each.subject for each in await newest(session, Chosen(), limit=10)]


async def test_many_writers_make_one_chain(db):
    """200 transactions, 20 at once, some of which fail: no gap, no fork."""
    for start in range(0, 200, 20):
        numbers = range(start, start + 20)
        work = [fail_after_noting(db, "x") if each % 5 == 0 else write(db, f"s{each}") for each in numbers]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert 4 == len([each for each in outcomes if isinstance(each, LookupError)])

    found = await verdict(db)
    assert (160, None) == (found.entries, found.broken)


async def test_a_writer_never_waits_in_the_chain_for_another_lock(db):
    """Two transactions that note first and then want each other's row end without a deadlock."""
    async with db.engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE rows AS SELECT n FROM generate_series(1, 2) n"))

    async def one(first: int, second: int) -> None:
        async with db.transaction() as session:
            note(session, Somebody(), "a", "x")
            await session.execute(sa.text("SELECT 1 FROM rows WHERE n = :n FOR SHARE"), {"n": first})
            await asyncio.sleep(0.05)
            await session.execute(sa.text("SELECT 1 FROM rows WHERE n = :n FOR SHARE"), {"n": second})

    await asyncio.gather(one(1, 2), one(2, 1))

    assert 2 == (await verdict(db)).entries


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_trail SET after = NULL",
        "UPDATE audit_trail SET after = NULL WHERE seq = 99",
        "DELETE FROM audit_trail WHERE seq = 2",
        "TRUNCATE audit_trail",
        "INSERT INTO audit_trail SELECT * FROM audit_trail WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET action = ''",
        "SET session_replication_role = replica; DELETE FROM audit_trail",
    ],
)
async def test_the_database_refuses_every_change(db, database_url, statement):
    """Whoever asks, and however."""
    await write(db, "a", "b")

    with psycopg.connect(database_url, autocommit=True) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement)

    assert 2 == (await verdict(db)).entries


# What is done to six entries, which one is named, and whether the regular check sees it too.
CHANGES = {
    "a word": (["UPDATE audit_trail SET after = '{\"is\": 3}' WHERE seq = 3"], 3, True),
    "an actor": (["UPDATE audit_trail SET actor_id = 'stf_2' WHERE seq = 3"], 3, True),
    "a microsecond": (["UPDATE audit_trail SET at = at + interval '1 microsecond' WHERE seq = 6"], 6, True),
    "nothing for empty": (["UPDATE audit_trail SET ip = '' WHERE seq = 1"], 1, True),
    "taken out": (["DELETE FROM audit_trail WHERE seq = 4"], 5, True),
    "taken out and renumbered": (
        ["DELETE FROM audit_trail WHERE seq = 4", "UPDATE audit_trail SET seq = seq - 1 WHERE seq > 4"],
        4,
        True,
    ),
    "the first is gone": (["DELETE FROM audit_trail WHERE seq = 1"], 2, True),
    "a hash made right again": (
        [
            "UPDATE audit_trail SET subject = 'x' WHERE seq = 2",
            f"UPDATE audit_trail SET hash = {HASHED} WHERE seq = 2",  # noqa: S608
        ],
        3,
        True,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_first_wrong_entry_is_named(db, change):
    """By the full check and by the regular one."""
    await write(db, *"abcdef")
    statements, place, _ = CHANGES[change]
    await tamper(db, *statements)

    found = await verdict(db)
    async with db.transaction() as session:
        (regular,) = await check(session, INVARIANTS)

    assert place == found.broken[0], found
    assert str(place) == regular.examples[0][0]


async def test_a_chain_that_was_cut_short_or_made_anew_is_found_by_a_kept_mark(db):
    """By itself such a chain is whole; the mark, kept elsewhere, tells."""
    await write(db, *"abc")
    mark = (await verdict(db)).last
    await write(db, "d")
    assert None is (await verdict(db, mark)).broken

    await tamper(db, "DELETE FROM audit_trail WHERE seq > 2")
    short = await verdict(db, mark)
    await write(db, "another c")
    anew = await verdict(db, mark)

    assert None is (await verdict(db)).broken
    assert (3, "the chain once reached entry 3; it was cut short") == short.broken
    assert 3 == anew.broken[0]
    assert "made anew" in anew.broken[1]


async def test_any_number_of_entries_is_read_in_batches(db):
    """More than one batch, in order, and chosen."""
    entry = Entry(0, "", "system", "cli", "cli", "a", "s", None, None, None, None, None, START)
    rows, last = [], START
    for seq in range(1, 2501):
        entry = replace(entry, seq=seq, at="2027-02-13T18:00:00.000000Z", previous=last)
        last = digest(entry)
        rows.append((seq, "2027-02-13T18:00:00Z", *entry_values(entry), last))
    async with db.engine.begin() as connection:
        await connection.exec_driver_sql(f"INSERT INTO audit_trail VALUES ({', '.join(['%s'] * 14)})", rows)  # noqa: S608

    async with db.transaction() as session:
        seen = [each.seq async for each in read(session, Chosen(actor_id="cli"))]
        none = [each.seq async for each in read(session, Chosen(subject="other"))]

    assert (list(range(1, 2501)), []) == (seen, none)
    assert (2500, None) == ((found := await verdict(db)).entries, found.broken)


def entry_values(entry: Entry) -> tuple:
    return (
        *(entry.actor_kind, entry.actor_id, entry.actor_name, entry.action, entry.subject, entry.before),
        *(entry.after, entry.ip, entry.user_agent, entry.trace_id, entry.previous),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=400),
    values=st.none()
    | st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.floats(), max_size=4),
)
def test_whatever_is_noted_both_ways_of_hashing_agree(database_url, text, values):
    """Quotes, control and half characters, huge numbers: it is written, and the database computes the same hash."""

    async def run():
        telemetry = Telemetry("test", version="0", environment="test")
        db = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
        who = Somebody(name=text, origin=Origin(text, text))
        async with db.transaction() as session:
            note(session, who, "a", text, before=values, after=values)
        async with db.transaction() as session:
            hashes = sa.text(f"SELECT hash = {HASHED} FROM audit_trail ORDER BY seq DESC LIMIT 1")  # noqa: S608
            same = (await session.execute(hashes)).scalar_one()
        await db.engine.dispose()
        return same

    assert asyncio.run(run())
