"""The journal: what is written sums to zero and stays, whoever tries otherwise; a subject is brought to where it stands."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from service.journal.flow import of_order, post, standing
from service.journal.rules import (
    BANK,
    SUSPENSE,
    TAX,
    EntryKind,
    Posting,
    Unbalanced,
    add_up,
    change,
    clearing,
    revenue,
    tax_within,
)
from service.journal.tables import INVARIANTS
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.kernel.invariants import check
from service.kernel.money import Money
from service.telemetry.registry import Telemetry

JANUARY = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
TEN = Money(1000, "USD")
SALE = {clearing("stripe"): TEN, revenue("full-pass"): Money(-900, "USD"), TAX: Money(-100, "USD")}


def posting(subject="pay_1", stands=None, at=JANUARY, kind=EntryKind.PAYMENT) -> Posting:
    return Posting(
        kind=kind, subject=subject, stands=SALE if stands is None else stands, occurred_at=at, provider="stripe"
    )


@pytest.fixture
async def db(database_url):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    yield database
    await database.engine.dispose()


async def written(db: Database, *postings: Posting) -> list[bool]:
    """Each in a transaction of its own."""
    answers = []
    for each in postings:
        async with db.transaction() as session:
            answers.append(await post(session, each))
    return answers


async def rows(db: Database, query: str):
    async with db.engine.begin() as connection:
        return [tuple(each) for each in await connection.execute(sa.text(query))]


async def test_a_subject_is_brought_to_where_it_stands(db):
    """Written once however often it is said, corrected by what is missing, and written back to nothing."""
    less = {clearing("stripe"): Money(400, "USD"), revenue("full-pass"): Money(-400, "USD")}

    moved = await written(db, posting(), posting(), posting(stands=less), posting(stands={}), posting(stands={}))

    assert [True, False, True, True, False] == moved
    assert [(1, 3), (2, 3), (3, 2)] == await rows(db, "SELECT number, lines FROM journal_entries ORDER BY seq")
    async with db.transaction() as session:
        assert {} == await standing(session, "pay_1")


async def test_what_it_comes_to_can_be_read(db):
    """By account, of one subject."""
    await written(db, posting(), posting("pay_2"))

    async with db.transaction() as session:
        assert SALE == await standing(session, "pay_1")
        assert {} == await of_order(session, "ord_none")


async def test_an_entry_stands_on_the_day_it_happened(db):
    """In UTC, whenever it was written."""
    await written(db, posting())

    assert [("2026-01-31", None)] == await rows(db, "SELECT day::text, restates FROM journal_entries")


async def test_what_does_not_sum_to_zero_is_refused_before_it_is_written(db):
    """In each currency by itself."""
    mixed = {clearing("stripe"): TEN, revenue("full-pass"): Money(-1000, "EUR")}

    with pytest.raises(Unbalanced):
        await written(db, posting(stands=mixed))
    with pytest.raises(Unbalanced):
        await written(db, posting(stands={BANK: TEN}))


async def test_two_at_once_write_it_once(db):
    """Without the lock the caller owes, the second fails instead of writing the money twice."""
    answers = await asyncio.gather(*(written(db, posting()) for _ in range(4)), return_exceptions=True)

    assert 1 == answers.count([True])
    assert all(each in ([True], [False]) or isinstance(each, sa.exc.IntegrityError) for each in answers)
    assert [(1,)] == await rows(db, "SELECT count(*) FROM journal_entries")


ENTRY = """INSERT INTO journal_entries (kind, subject, number, day, occurred_at, posted_at, lines, memo)
    VALUES ('payment', 'by hand', 1, '{day}', now(), now(), 2, '') RETURNING seq"""
LINE = "INSERT INTO journal_lines VALUES ({seq}, {position}, '{account}', {minor}, '{currency}')"


async def by_hand(db: Database, *lines: tuple[str, int, str], day="2026-01-31") -> None:
    """An entry written past our code, its lines in one statement each."""
    async with db.engine.begin() as connection:
        seq = (await connection.execute(sa.text(ENTRY.format(day=day)))).scalar_one()
        if lines:
            values = ", ".join(f"({seq}, {n}, '{a}', {m}, '{c}')" for n, (a, m, c) in enumerate(lines))
            await connection.execute(sa.text(f"INSERT INTO journal_lines VALUES {values}"))  # noqa: S608 - ours


@pytest.mark.parametrize(
    "lines",
    [
        (),  # no lines at all
        (("bank", 5, "USD"),),  # one side only
        (("bank", 5, "USD"), ("tax", -4, "USD")),  # a cent is missing
        (("bank", 5, "USD"), ("tax", -5, "EUR")),  # zero only if currencies were one
        (("bank", 5, "USD"), ("tax", -3, "USD"), ("suspense", -2, "USD")),  # three where two were announced
        (("bank", 5, "USD"), ("pockets", -5, "USD")),  # no such account
        (("bank", 0, "USD"), ("tax", 0, "USD")),  # nothing
    ],
)
async def test_the_database_refuses_an_entry_that_is_none(db, lines):
    """Whoever writes it: without lines, out of balance, with other lines than announced, on an account that is none."""
    with pytest.raises(sa.exc.IntegrityError):
        await by_hand(db, *lines)

    assert [] == await rows(db, "SELECT * FROM journal_lines")


async def test_the_database_takes_one_that_is_right(db):
    """So the refusals above have another cause than the way it is written."""
    await by_hand(db, ("bank", 5, "USD"), ("tax", -5, "USD"))

    assert [(2,)] == await rows(db, "SELECT count(*) FROM journal_lines")


async def as_role(db: Database, role: str, statement: str) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(sa.text(f"SET LOCAL session_replication_role = {role}"))
        await connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entries SET memo = 'better'",
        "UPDATE journal_lines SET amount_minor = amount_minor * 2",
        "DELETE FROM journal_lines",
        "DELETE FROM journal_entries",
        "TRUNCATE journal_entries CASCADE",
        "INSERT INTO journal_lines SELECT seq, 7, 'bank', 5, 'USD' FROM journal_entries",
        """INSERT INTO journal_lines SELECT seq, p, 'bank', m, 'USD' FROM journal_entries,
           (VALUES (8, 5), (9, -5)) AS v (p, m)""",  # in balance, and still an entry changed afterwards
    ],
)
async def test_the_database_refuses_to_change_what_is_written(db, statement):
    """Also for a session that plays a replica, where triggers usually sleep."""
    await written(db, posting())

    for role in ("origin", "replica") if "INSERT" not in statement else ("origin",):
        with pytest.raises(sa.exc.IntegrityError):
            await as_role(db, role, statement)


CLOSE = "INSERT INTO closed_months VALUES ('2026-01', now(), 'test', 1, repeat('0', 64), '{}')"


async def test_what_belongs_to_a_closed_month_is_a_restatement(db):
    """The month stays as it was; the entry stands on the day it was written and names the month."""
    await written(db, posting())
    await rows(db, CLOSE + " RETURNING 1")

    await written(db, posting("fee_1", {clearing("stripe"): -TEN, SUSPENSE: TEN}, kind=EntryKind.FEE))

    found = await rows(db, "SELECT day::text, restates FROM journal_entries ORDER BY seq")
    assert [("2026-01-31", None), (f"{utc_now():%Y-%m-%d}", "2026-01")] == found


async def test_the_database_refuses_an_entry_in_a_closed_month(db):
    """And to open it again."""
    await rows(db, CLOSE + " RETURNING 1")

    with pytest.raises(sa.exc.IntegrityError):
        await by_hand(db, ("bank", 5, "USD"), ("tax", -5, "USD"))
    with pytest.raises(sa.exc.IntegrityError):
        await rows(db, "DELETE FROM closed_months RETURNING 1")


async def test_who_closes_waits_for_who_writes(db):
    """An entry under way is in the month or not: it cannot slip in after the closing has looked."""
    async with db.engine.begin() as writer:
        await writer.execute(sa.text(ENTRY.format(day="2026-01-31")))
        closing = asyncio.create_task(rows(db, CLOSE + " RETURNING 1"))
        await asyncio.sleep(0.2)
        waits = not closing.done()
        await writer.rollback()
    await closing

    assert waits


async def test_the_promise_notices_what_the_database_could_not_refuse(db):
    """Triggers switched off by somebody who may: the invariant sees it."""
    await written(db, posting())
    async with db.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE journal_lines DISABLE TRIGGER ALL"))
        await connection.execute(sa.text("UPDATE journal_lines SET amount_minor = 901 WHERE account = 'tax'"))
        await connection.execute(sa.text("ALTER TABLE journal_lines ENABLE TRIGGER ALL"))

    async with db.transaction() as session:
        (finding,) = await check(session, INVARIANTS)

    assert ("journal-zero", 1) == (finding.invariant.name, finding.count)


AMOUNTS = st.dictionaries(
    st.sampled_from(["bank", "tax", "suspense"]), st.integers(-9, 9).map(lambda n: Money(n, "USD"))
)


@given(AMOUNTS, AMOUNTS)
def test_a_change_leads_from_one_standing_to_the_other(before, after):
    """Whatever stood and whatever shall stand."""
    known = {(account, amount.currency): amount.minor for account, amount in before.items()}
    led = add_up([*before.items(), *change(after, known)])

    assert add_up(after.items()) == led


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_the_tax_in_a_price_is_within_half_a_unit(gross, basis_points):
    """Net times the rate is the tax."""
    tax = tax_within(Money(gross, "USD"), basis_points).minor

    assert abs(tax * (10_000 + basis_points) - gross * basis_points) * 2 <= 10_000 + basis_points
    assert -tax == tax_within(Money(-gross, "USD"), basis_points).minor
