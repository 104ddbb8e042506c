"""The gateways' movements are read once and for all, whoever reads, and post what only they tell."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from service.gateways.facts import Settlement
from service.gateways.paypal import PayPalGateway
from service.settlements.flow import read
from tests.reconciliation.books import DAY, HOUR, PASSES, Books

STRIPE_FEE, PAYPAL_FEE = 1_474, 1_538  # of 498.00: 2.9 % and 30; 2.99 % and 49


async def test_fees_come_with_the_movement_and_payouts_go_to_the_bank(books: Books):
    """What a sale brought is posted by its event; its fee when the balance tells; the bank when it was paid out."""
    payment = await books.sell()
    before = await books.stands("clearing:stripe", "fees:stripe", "bank")
    read = await books.read()
    after = await books.stands("clearing:stripe", "fees:stripe", "bank")
    await books.later(4 * DAY)
    await books.read()
    rows = await books.stage.rows(
        "SELECT kind, subject, order_id IS NULL, paid_out_by IS NULL FROM settlements ORDER BY kind"
    )

    assert [PASSES, 0, 0] == before
    assert (True, [PASSES - STRIPE_FEE, STRIPE_FEE, 0]) == (read, after)
    assert [0, STRIPE_FEE, PASSES - STRIPE_FEE] == await books.stands("clearing:stripe", "fees:stripe", "bank")
    assert [("payment", payment, False, False), ("payout", None, True, True)] == rows
    assert [] == await books.broken()


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
async def test_reading_again_changes_nothing(books: Books, provider):
    """It is due every ten minutes; two readers at once, and the hours that overlap, write each movement once."""
    await books.sell(provider)
    first = await asyncio.gather(*(books.read(provider) for _ in range(3)))
    at_once = await books.read(provider)
    await books.later(HOUR)
    again = await books.read(provider)
    entries = await books.stage.rows("SELECT subject, number FROM journal_entries WHERE kind = 'fee'")

    assert (1, False, True) == (sum(first), at_once, again)
    assert 1 == len(entries)
    assert [STRIPE_FEE if provider == "stripe" else PAYPAL_FEE] == await books.stands(f"fees:{provider}")


async def test_a_movement_before_its_payment_is_matched_later(books: Books):
    """The balance may tell before the event does."""
    payment = await books.sell()
    await books.stage.rows("UPDATE payments SET payment_ref = payment_ref || '?'")
    await books.read()
    unknown = await books.stage.rows("SELECT subject FROM settlements")
    waiting, broken = await books.stands("clearing:stripe", "suspense"), await books.broken()
    await books.stage.rows("UPDATE payments SET payment_ref = rtrim(payment_ref, '?')")
    await books.later(HOUR)
    await books.read()

    assert ([(None,)], [(payment,)]) == (unknown, await books.stage.rows("SELECT subject FROM settlements"))
    assert ([2 * PASSES - STRIPE_FEE, -PASSES], []) == (waiting, broken)  # its own event has told of it once
    assert [PASSES - STRIPE_FEE, 0] == await books.stands("clearing:stripe", "suspense")
    kinds = await books.stage.rows("SELECT kind FROM journal_entries WHERE subject LIKE 'txn%' ORDER BY seq")
    assert [("adjustment",), ("adjustment",)] == kinds
    assert [] == await books.broken()


async def test_a_charge_nobody_of_ours_knows_waits_in_suspense(books: Books):
    """So that clearing is what the gateway holds; given back there, nothing of it is left."""
    twice = await books.odd("duplicate_charge", await books.sell())
    await books.read()
    fee = 2 * STRIPE_FEE
    waiting, broken = await books.stands("clearing:stripe", "suspense", "fees:stripe"), await books.broken()
    await books.control("external-refunds", charge=twice["id"])
    await books.later(HOUR)
    await books.read()

    assert ([2 * PASSES - fee, -PASSES, fee], []) == (waiting, broken)
    assert [PASSES - fee, 0, fee] == await books.stands("clearing:stripe", "suspense", "fees:stripe")
    assert [] == await books.broken()


async def test_what_shows_late_is_read_all_the_same(books: Books):
    """PayPal's list shows a movement up to three hours later, under the time it had."""
    payment = await books.sell("paypal")
    await books.odd("delay", payment, "paypal", seconds=3 * HOUR)
    await books.read("paypal")
    early = await books.stands("fees:paypal")
    await books.later(3 * HOUR + 1)
    await books.read("paypal")

    assert ([0], [PAYPAL_FEE]) == (early, await books.stands("fees:paypal"))


async def test_what_is_not_listed_any_more_is_withdrawn_and_posted_back(books: Books):
    """Seen when the day is read anew; listed again, it counts again."""
    payment = await books.sell("paypal")
    await books.read("paypal")
    await books.odd("delay", payment, "paypal", seconds=HOUR)
    await books.compare(books.today, "paypal")
    gone = await books.stands("fees:paypal")
    await books.later(HOUR + 1)
    await books.compare(books.today, "paypal")

    assert ([0], [PAYPAL_FEE]) == (gone, await books.stands("fees:paypal"))
    assert [] == await books.broken()


async def test_other_money_waits_in_suspense(books: Books):
    """What nobody of ours knows, and what was settled in another currency until its exchange is booked."""
    payment = await books.sell()
    await books.odd("currency", payment)
    await books.odd("unknown", amount=-700)
    await books.read()
    lines = await books.stage.rows("""
        SELECT account, amount_currency, sum(amount_minor) FROM journal_lines
        WHERE account IN ('clearing:stripe', 'suspense', 'fees:stripe') GROUP BY 1, 2 ORDER BY 1, 2""")

    euros, fee = PASSES * 92 // 100, STRIPE_FEE * 92 // 100
    assert [
        ("clearing:stripe", "EUR", euros - fee),
        ("clearing:stripe", "USD", -700),
        ("fees:stripe", "EUR", fee),
        ("suspense", "EUR", -euros),
        ("suspense", "USD", PASSES + 700),
    ] == [(account, currency, int(minor)) for account, currency, minor in lines]
    assert [] == await books.broken()


async def test_the_promise_is_broken_by_a_movement_that_moved_nothing(books: Books):
    """Its fee, or its amount, is missing in the books."""
    await books.sell()
    await books.odd("unknown")
    await books.read()
    well = await books.broken()
    await books.stage.rows("UPDATE settlements SET amount_minor = amount_minor - 1 WHERE kind = 'other'")

    assert ([], ["settlements-posted"]) == (well, await books.broken())


async def test_what_is_younger_than_the_list_is_not_withdrawn(books: Books):
    """A day that is not over may be compared while a worker reads on: what it has found meanwhile stays."""
    await books.sell()
    await books.read()
    younger = "UPDATE settlements SET occurred_at = :at, ref = 'txn_younger'"
    await books.stage.rows(younger, at=books.stage.clock())
    await books.compare(books.today)

    assert [("txn_younger", None)] == await books.stage.rows(
        "SELECT ref, withdrawn_at FROM settlements WHERE ref = 'txn_younger'"
    )


class Shifting(PayPalGateway):
    """PayPal while somebody pays: what stood at the end of a page stands again at the beginning of the next."""

    async def list_settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
        async for each in super().list_settlements(since=since, until=until):
            yield each
            yield each


async def test_a_movement_that_is_listed_twice_is_written_once(books: Books):
    """Pages are counted by number, and what is new moves the others on."""
    await books.sell("paypal")
    gateway, now = books.parts.gateways["paypal"], books.stage.clock()
    gateway.__class__ = Shifting

    listed = await read(books.parts.db, gateway, since=now - timedelta(hours=1), until=now)

    assert 1 == len(listed)
    assert [(1,)] == await books.stage.rows("SELECT count(*) FROM settlements")
    assert [PAYPAL_FEE] == await books.stands("fees:paypal")
