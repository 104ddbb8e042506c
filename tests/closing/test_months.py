"""The end of a month: once, in order, when everything is there; from then on the database lets nothing in."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from service.access.rules import system
from service.closing import flow
from service.closing.rules import NotClosable
from service.closing.tables import INVARIANTS
from service.journal.rules import EntryKind
from service.journal.tables import ClosedMonth
from service.kernel.db import Database
from service.kernel.invariants import check
from tests.closing.ledger import FEE, at, february, january, write
from tests.closing.test_reports import FEBRUARY, JANUARY, report

BY = system("cli:finance")


async def close(db: Database, month: str, **more: object) -> ClosedMonth:
    return await flow.close(db, BY, month, **{"grace_days": 3, **more})  # type: ignore[arg-type]


async def rows(db: Database, query: str) -> list[tuple[object, ...]]:
    async with db.engine.begin() as connection:
        found = await connection.execute(sa.text(query))
        return [tuple(each) for each in found] if found.returns_rows else []


async def broken(db: Database) -> list[tuple[str, str]]:
    async with db.transaction() as session:
        return [example for each in await check(session, INVARIANTS) for example in each.examples]


async def refusal(db: Database, month: str, **more: object) -> NotClosable:
    with pytest.raises(NotClosable) as caught:
        await close(db, month, **more)
    return caught.value


async def test_a_closed_month_is_written_down_and_audited(db):
    """What it came to, who closed it, and the digest of every entry."""
    await january(db)

    closed = await close(db, "2027-01")

    assert ("cli:finance", 8) == (closed.closed_by, closed.entries)
    assert [("books.close", "2027-01", "cli:finance")] == await rows(
        db, "SELECT action, subject, actor_name FROM audit_trail"
    )
    held = closed.totals["balances"]
    assert isinstance(held, dict)
    assert (765, 8_000) == (held["clearing:stripe USD"], held["bank USD"])
    assert "clearing:paypal USD" not in held
    assert [] == await broken(db)


async def test_what_comes_late_restates_the_month_it_is_written_in(db, clock):
    """On today's day, under the name of the month it belongs to; shown apart there, and as corrected here."""
    await january(db)
    await february(db)
    before = await report(db, *JANUARY)
    await close(db, "2027-01")
    clock.set(at("2027-02-28"))

    await write(db, EntryKind.FEE, "txn_late", FEE, "2027-01-31")
    january_now, february_now = await report(db, *JANUARY), await report(db, *FEBRUARY)

    assert (before.figures, before.entries) == (january_now.figures, january_now.entries)
    [told] = january_now.corrected
    usd = february_now.figures[1]
    assert ("2027-01", "fee", -335, -335) == (told.month, told.kind, told.result.minor, told.clearing.minor)
    assert (told,) == usd.restated
    assert (0, 10_500) == (usd.fees.minor, usd.net.minor)  # nothing of it in this month's own figures
    assert 11_265 - 335 == usd.providers[0].closing.minor  # and all of it in what is there
    assert [] == await broken(db)


async def test_only_a_month_that_is_over_can_be_closed(db, clock):
    """And a few days later still, because fees come late; how many is to be chosen."""
    await january(db)
    clock.set(at("2027-01-31", 23))
    running = await refusal(db, "2027-01", grace_days=0)
    clock.set(at("2027-02-03", 23))
    late = await refusal(db, "2027-01")
    closed = await close(db, "2027-01", grace_days=2)

    assert "has not ended" in str(running)
    assert "from 2027-02-04 on" in str(late)
    assert datetime(2027, 2, 3, 23, tzinfo=UTC) == closed.closed_at


async def test_months_are_closed_in_their_order(db):
    """An open month behind a closed one could still change its balances."""
    await january(db)
    await february(db)

    early = await refusal(db, "2027-02")
    await close(db, "2027-01")
    await close(db, "2027-02")

    assert "2027-01 is open" in str(early)
    assert "closed already" in str(await refusal(db, "2027-01"))
    assert [("2027-01", 8), ("2027-02", 2)] == await rows(db, "SELECT month, entries FROM closed_months ORDER BY month")


async def test_nothing_is_written_before_a_closed_month(db):
    """Also where nothing had been written when it was closed: its opening balances stay what they were."""
    await january(db)
    before = await report(db, *JANUARY)
    await close(db, "2027-01")

    await write(db, EntryKind.FEE, "txn_old", FEE, "2026-12-31")
    with pytest.raises(sa.exc.IntegrityError):
        await rows(db, LATE.replace("2027-01-31", "2026-12-31"))

    after = await report(db, *JANUARY)
    assert before.figures == after.figures
    assert [("2026-12", "2027-03-10")] == await rows(
        db, "SELECT restates, day::text FROM journal_entries WHERE subject = 'txn_old'"
    )


async def test_a_month_without_entries_can_be_closed(db):
    """It has the digest of nothing."""
    closed = await close(db, "2027-01")

    assert (0, {"accounts": {}, "balances": {}}) == (closed.entries, closed.totals)
    assert [] == await broken(db)


async def test_open_differences_are_in_the_way(db):
    """Unless somebody says why it shall be closed all the same; later ones and resolved ones are not."""
    difference = """INSERT INTO differences (id, provider, day, kind, subject, amount_minor, amount_currency, occurred_at,
        note, owner, first_seen, last_seen, resolved_at, resolution) VALUES ('dif_{n}', 'stripe', '{day}', 'fee', 'pay_{n}',
        100, 'USD', now(), '', 'finance', now(), now(), {resolved})"""
    await january(db)
    await rows(db, difference.format(n=1, day="2027-02-01", resolved="NULL, NULL"))
    await rows(db, difference.format(n=2, day="2027-01-02", resolved="now(), 'gone'"))
    await rows(db, difference.format(n=3, day="2027-01-31", resolved="NULL, NULL"))

    refused = await refusal(db, "2027-01")
    await close(db, "2027-01", anyway="the bank confirmed it by letter")

    assert (True, "2027-01 is not reconciled: 1 difference of it is open.") == (refused.by_decision, str(refused))
    [(after,)] = await rows(db, "SELECT after FROM audit_trail")
    assert "the bank confirmed it by letter" in str(after)


async def test_days_that_were_never_compared_are_in_the_way(db):
    """Of each provider that moved money and has a list; one compared before its end was not. The desk has no list."""
    await january(db)
    await rows(db, "DELETE FROM reconciliations WHERE provider = 'stripe' AND day IN ('2027-01-05', '2027-01-06')")
    await rows(db, "DELETE FROM reconciliations WHERE provider = 'paypal' AND day < '2027-01-15'")  # its first sale
    early = "UPDATE reconciliations SET ran_at = '2027-01-31 23:00Z' WHERE provider = 'stripe' AND day = '2027-01-31'"
    await rows(db, early)

    refused = await refusal(db, "2027-01")
    await close(db, "2027-01", anyway="the gateway was away, its statement by letter is in the file")

    told = "2027-01 is not reconciled: stripe was never compared on 2027-01-05 to 2027-01-06, 2027-01-31."
    assert (True, told) == (refused.by_decision, str(refused))


async def test_of_two_closings_at_once_one_wins(db):
    """The other one hears that it is done."""
    await january(db)

    answers = await asyncio.gather(*(close(db, "2027-01") for _ in range(4)), return_exceptions=True)

    assert 1 == sum(isinstance(each, ClosedMonth) for each in answers)
    assert ["2027-01 is closed already."] * 3 == [str(each) for each in answers if isinstance(each, NotClosable)]
    assert [(1, 1)] == await rows(db, "SELECT (SELECT count(*) FROM closed_months), (SELECT count(*) FROM audit_trail)")


async def test_who_writes_while_it_is_closed_is_in_it_or_restates_it(db, clock):
    """Never neither, never both: entries come in all the time, and the month has exactly those it says."""
    await january(db)
    clock.set(at("2027-02-10"))

    async def go_on(lane: int) -> None:
        for number in range(8):
            await write(db, EntryKind.FEE, f"txn_{lane}_{number}", FEE, "2027-01-31")

    lanes = [asyncio.create_task(go_on(lane)) for lane in range(3)]
    await asyncio.sleep(0.05)
    closed = None
    while closed is None:
        try:
            closed = await close(db, "2027-01")
        except NotClosable:  # three times in a row somebody wrote
            await asyncio.sleep(0.05)
    await asyncio.gather(*lanes)

    [(inside, later)] = await rows(
        db,
        "SELECT count(*) FILTER (WHERE restates IS NULL), count(*) FILTER (WHERE restates = '2027-01') FROM journal_entries",
    )
    assert (closed.entries, 8 + 24) == (inside, int(str(inside)) + int(str(later)))
    assert [] == await broken(db)


LATE = """INSERT INTO journal_entries (kind, subject, number, day, occurred_at, posted_at, lines, memo)
    VALUES ('fee', 'late', 1, '2027-01-31', now(), now(), 2, '')"""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (LATE, "closed with 8 entries and has 9"),
        ("UPDATE journal_lines SET amount_minor = amount_minor * 2 WHERE entry_seq = 1", "come to something else"),
        ("UPDATE journal_lines SET account = 'revenue:other' WHERE account = 'revenue:party-pass'", "something else"),
        ("DELETE FROM journal_lines WHERE entry_seq = 1", "come to something else"),
    ],
)
async def test_a_closed_month_that_was_changed_is_found(db, change, told):
    """By somebody who may switch the database's own guards off."""
    await january(db)
    await close(db, "2027-01")
    tables = ("journal_entries", "journal_lines")
    for table in tables:
        await rows(db, f"ALTER TABLE {table} DISABLE TRIGGER USER")

    await rows(db, change)

    assert [("2027-01", True)] == [(id_, told in problem) for id_, problem in await broken(db)]


async def test_the_guards_hold_against_everybody_else(db):
    """No entry into a closed month, by no way; and what stands stays."""
    await january(db)
    await close(db, "2027-01")

    for forbidden in (LATE, "UPDATE closed_months SET entries = 9", "DELETE FROM closed_months"):
        with pytest.raises(sa.exc.IntegrityError):
            await rows(db, forbidden)
    assert [] == await broken(db)
