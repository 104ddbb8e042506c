"""Each promise holds after real sales, and is seen to be broken when a row is changed by hand."""

from typing import Any

import sqlalchemy as sa

from service.kernel.db import Session
from service.kernel.invariants import SHOWN, Invariant, check
from service.parts import INVARIANTS
from tests.kernel.tampering import (
    BY_THEMSELVES,
    DISPUTED,
    ERASED,
    FAILED_OF_TWICE,
    FEE_UNPOSTED,
    LATE,
    NOTED,
    ONE_MORE_TICKET,
    PAID_TWICE,
    PROCESSING,
    REFUND,
    RETURNED,
    THREE_KEYS,
    THREE_TICKETS_BACK,
)
from tests.stage import Stage

# One change by hand each, and the promises it breaks; there are one paid and one open order. Constraints that stand in
# the way are dropped first, as somebody in a hurry would.
BY_HAND: dict[str, tuple[list[str], set[str]]] = {
    "a total was changed": (["UPDATE orders SET total_minor = 1 WHERE status = 'awaiting_payment'"], {"order-total"}),
    "a line in another currency": (
        ["UPDATE order_items SET unit_price_currency = 'EUR' WHERE order_id = (SELECT max(id) FROM orders)"],
        {"order-total"},
    ),
    "a line is gone": (
        ["DELETE FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE status = 'awaiting_payment')"],
        {"order-total"},
    ),
    "a status was set by hand": (
        ["UPDATE orders SET status = 'expired' WHERE status = 'awaiting_payment'"],
        {"order-history", "holds-match-orders"},
    ),
    "paid without a payment": (
        ["UPDATE payments SET status = 'created' WHERE status = 'succeeded'"],
        {"books-tell-payments", "paid-has-payment", "ticket-has-payment"},
    ),
    "paid too little": (
        ["UPDATE payments SET amount_minor = 1 WHERE status = 'succeeded'"],
        {"books-tell-payments", "paid-has-payment"},
    ),
    "paid twice": (
        [PAID_TWICE.format(surplus=False, age="0")],
        {"books-tell-payments", "paid-has-payment"},
    ),
    "money without an order that knows": (
        ["UPDATE payments SET status = 'succeeded'"],
        {"books-tell-payments", "payment-moves-order"},
    ),
    "a capture nobody waits for": (
        [PROCESSING, "UPDATE payments SET updated_at = now() - interval '11 minutes'"],
        {"processing-has-payment", "order-history"},
    ),
    "a bank that has just refused, and is no harm": (
        [PROCESSING, "UPDATE payments SET updated_at = now() - interval '9 minutes'"],
        {"order-history"},
    ),
    "an erased customer's address came back": (
        [ERASED, "UPDATE orders SET email = 'ana@example.org' WHERE id = (SELECT max(id) FROM orders)"],
        {"erased-is-erased"},
    ),
    "a ticket is missing": (
        ["DELETE FROM tickets WHERE ordinal = (SELECT min(ordinal) FROM tickets)"],
        {"paid-has-tickets"},
    ),
    "a ticket too many": (
        [ONE_MORE_TICKET],
        {"paid-has-tickets"},
    ),
    "a ticket for an order nobody paid": (
        ["UPDATE tickets SET order_id = (SELECT id FROM orders WHERE status = 'awaiting_payment')"],
        {"ticket-has-payment", "paid-has-tickets"},
    ),
    "a counter is off": (["UPDATE stock SET held = held + 1 WHERE ticket_type = 'full-pass'"], {"stock-adds-up"}),
    "a seat sold twice": (
        [
            "ALTER TABLE stock DROP CONSTRAINT ck_stock_within_capacity",
            "UPDATE stock SET capacity = 1 WHERE ticket_type = 'full-pass'",
        ],
        {"never-oversold"},
    ),
    "a hold nobody gave back": (
        ["UPDATE holds SET state = 'active' WHERE state = 'sold'"],
        {"holds-match-orders", "stock-adds-up"},
    ),
    "a seat on sale again whose ticket is good": (
        ["UPDATE holds SET returned = 1 WHERE state = 'sold'"],
        {"stock-adds-up", "paid-has-tickets", "returned-seats-have-no-ticket"},
    ),
    "a ticket void for no refund": (
        [
            "UPDATE orders SET status = 'partially_refunded' WHERE status = 'paid'",
            "UPDATE tickets SET status = 'void' WHERE ordinal = 0",
        ],
        {"tickets-fit-refunds", "order-history", "refunded-state"},
    ),
    "more tickets given back than were bought": (
        [REFUND.format(id="ref_1", amount=1, status="pending"), THREE_TICKETS_BACK],
        {"refund-items-within-order"},
    ),
    "a refund approved by who asked for it": (
        [REFUND.format(id="ref_1", amount=1, status="pending"), BY_THEMSELVES],
        {"four-eyes"},
    ),
    "refunded more than paid": (
        [
            REFUND.format(id="ref_1", amount=49_800, status="succeeded"),
            REFUND.format(id="ref_2", amount=1, status="succeeded"),
        ],
        {"books-tell-refunds", "refunds-within-payment", "returned-adds-up"},
    ),
    "refunded, and the payment does not know": (
        [REFUND.format(id="ref_1", amount=1, status="succeeded")],
        {"books-tell-refunds", "returned-adds-up"},
    ),
    "refunded, and the order does not know": (
        [REFUND.format(id="ref_1", amount=49_800, status="succeeded"), RETURNED.format(amount=49_800)],
        {"books-tell-refunds", "refunded-state"},
    ),
    "refunded in part, and the order does not know": (
        [REFUND.format(id="ref_1", amount=1, status="succeeded"), RETURNED.format(amount=1)],
        {"books-tell-refunds", "refunded-state"},
    ),
    "lost at the bank, and the payment does not know": (
        [DISPUTED.format(status="lost")],
        {"books-tell-disputes", "returned-adds-up"},
    ),
    "disputed, and the payment does not know": (
        [DISPUTED.format(status="needs_response")],
        {"books-tell-disputes", "disputed-state"},
    ),
    "disputed, and the order does not know": (
        [DISPUTED.format(status="under_review"), "UPDATE payments SET disputed = true WHERE status = 'succeeded'"],
        {"books-tell-disputes", "disputed-state"},
    ),
    "a late payment nobody gives back": (
        [each.format(age="49 hours") for each in LATE],
        {"late-payment-waits", "order-history", "holds-match-orders"},
    ),
    "a late payment whose refund has failed": (
        [*(each.format(age="1 hour") for each in LATE), REFUND.format(id="ref_1", amount=49_800, status="failed")],
        {"late-payment-waits", "order-history", "holds-match-orders"},
    ),
    "a second payment nobody gives back": (
        [PAID_TWICE.format(surplus=True, age="49 hours")],
        {"books-tell-payments", "surplus-goes-back"},
    ),
    "a second payment whose refund has failed": (
        [PAID_TWICE.format(surplus=True, age="1 hour"), FAILED_OF_TWICE],
        {"books-tell-payments", "surplus-goes-back"},
    ),
    "a second payment that only the books do not know yet": (
        [PAID_TWICE.format(surplus=True, age="1 hour")],
        {"books-tell-payments"},
    ),
    "an event lies there for an hour": (
        ["UPDATE payment_events SET state = 'pending', due_at = now() - interval '61 minutes'"],
        {"no-event-forgotten"},
    ),
    "the audit trail was mended": (
        [
            NOTED,
            "ALTER TABLE audit_trail DISABLE TRIGGER audit_trail_append_only",
            "UPDATE audit_trail SET after = NULL",
        ],
        {"audit-chain"},
    ),
    "a cent is gone from the books": (
        [
            "ALTER TABLE journal_lines DISABLE TRIGGER ALL",
            "UPDATE journal_lines SET amount_minor = amount_minor + 1 WHERE account = 'tax'",
        ],
        {"journal-zero"},
    ),
    "a month is closed that was another": (
        ["INSERT INTO closed_months VALUES ('2020-01', now(), 'x', 7, repeat('0', 64), '{}')"],
        {"closed-months-unchanged"},
    ),
    "a gateway's fee that the books do not know": ([FEE_UNPOSTED], {"settlements-posted"}),
    "a third key that works": (
        ["INSERT INTO api_clients VALUES ('cli_1', 'desk', 'support', now())", THREE_KEYS],
        {"two-live-keys"},
    ),
}


async def broken(session: Session) -> set[str]:
    return {each.invariant.name for each in await check(session, INVARIANTS) if each.count}


async def one_paid_and_one_open(stage: Stage) -> None:
    """Two orders of two passes each."""
    paid = (await stage.checkout()).json()
    await stage.checkout()
    async with stage.worker():
        await stage.pay(paid)
        await stage.order_in(paid, "paid")
        await stage.until(lambda: stage.rows("SELECT 1 FROM payment_events HAVING bool_and(state <> 'pending')"))


async def after(stage: Stage, changes: list[str]) -> set[str]:
    """What is broken after these changes, which are then undone."""
    async with stage.db.transaction() as session:
        for change in changes:
            changed: Any = await session.execute(sa.text(change))
            assert changed.rowcount, change
        found = await broken(session)
        await session.rollback()
    return found


async def test_every_promise_is_seen_to_be_broken(stage):
    """Nothing after real sales; after each change by hand exactly the promises that it breaks."""
    await one_paid_and_one_open(stage)

    found = {why: await after(stage, changes) for why, (changes, _) in BY_HAND.items()}

    assert set() == await after(stage, [])
    assert {why: breaks for why, (_, breaks) in BY_HAND.items()} == found


def test_every_promise_has_a_change_that_breaks_it():
    """An invariant that nothing can break promises nothing."""
    assert {each.name for each in INVARIANTS} == set().union(*(breaks for _, breaks in BY_HAND.values()))


def test_every_promise_is_a_sentence_with_a_playbook():
    """Whoever is woken by it knows what it says and where to look."""
    assert [] == [each.name for each in INVARIANTS if not each.promise.endswith(".") or not each.playbook.isalnum()]
    assert len({each.name for each in INVARIANTS}) == len(INVARIANTS)


async def test_the_count_is_exact_and_the_examples_are_few(stage):
    """A thousand violations are a number and a handful of ids."""
    many = Invariant("many", "None.", "SELECT n AS id, 'too many' AS problem FROM generate_series(1, 1000) n", "Many")

    async with stage.db.transaction() as session:
        (finding,) = await check(session, [many])

    assert (1000, SHOWN, ("1", "too many")) == (finding.count, len(finding.examples), finding.examples[0])


async def test_each_query_answers_an_id_and_a_sentence(stage):
    """Two columns, on an empty shop too."""
    async with stage.db.transaction() as session:
        columns = {each.name: list((await session.execute(sa.text(each.query))).keys()) for each in INVARIANTS}

    assert {each.name: ["id", "problem"] for each in INVARIANTS} == columns
