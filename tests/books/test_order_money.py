"""What happens to an order's money, in its accounts, by real events of the gateway: full passes at 249.00, 5 % tax inside."""

from typing import Any

from service.books import flow as books
from service.books.rules import Moved
from service.journal import flow as journal
from service.journal.rules import EntryKind, Posting
from service.kernel.money import Money
from service.orders import flow as orders
from tests.disputes.test_disputes import bought, control, dispute, hear
from tests.payments.history import refund
from tests.refunds.sending import paid_too_late, send_all
from tests.stage import Stage, buyer
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf

SOLD = {"clearing:stripe": 49800, "revenue:full-pass": -47429, "tax": -2371}
NOTHING: dict[str, int] = {}


async def accounts(stage: Stage, order_id: str) -> dict[str, int]:
    """What the order comes to, in cents."""
    async with stage.db.transaction() as session:
        stands = await journal.of_order(session, order_id)
    return {account: amount.minor for account, amount in stands.items()}


async def intent_of(stage: Stage, checkout: dict[str, Any]) -> str:
    query = "SELECT payment_ref FROM payments WHERE order_id = :id"
    return str((await stage.rows(query, id=checkout["orderId"]))[0][0])


async def test_a_sale_is_revenue_and_tax(stage: Stage, inbox: Inbox):
    """By ticket type, on the day the gateway took the money."""
    checkout = await bought(stage, inbox)

    assert SOLD == await accounts(stage, checkout["orderId"])
    days = "SELECT e.day = (p.paid_at AT TIME ZONE 'UTC')::date FROM journal_entries e, payments p"
    assert [(True,)] == await stage.rows(days)


async def test_refunds_in_parts_leave_no_cent(stage: Stage, inbox: Inbox):
    """Each takes its share of revenue and tax; the last one takes what the roundings of the others have left."""
    checkout = await bought(stage, inbox)
    intent, left = await intent_of(stage, checkout), 49800
    sums = []

    for amount in (3333, 3333, 3333, 39801):
        left -= amount
        await refund(stage, intent, amount)
        await hear(stage, inbox)
        sums.append(await accounts(stage, checkout["orderId"]))

    assert [46467, 43134, 39801, 0] == [each.get("clearing:stripe", 0) for each in sums]
    assert {**SOLD, "clearing:stripe": 46467, "refunds:full-pass": 3174, "tax": -2212} == sums[0]
    assert {"revenue:full-pass": -47429, "refunds:full-pass": 47429} == sums[-1]
    assert [] == await inbox.broken()


async def test_a_refund_that_fails_later_is_taken_back(stage: Stage, inbox: Inbox):
    """The money is with us again, and both entries remain."""
    checkout = await bought(stage, inbox)
    made = await refund(stage, await intent_of(stage, checkout), 1000)
    await hear(stage, inbox)

    (await stage.emulator.post(f"/_emulator/refunds/{made['id']}/fail")).raise_for_status()
    await hear(stage, inbox)

    assert SOLD == await accounts(stage, checkout["orderId"])
    assert [(2,)] == await stage.rows("SELECT count(*) FROM journal_entries WHERE kind = 'refund'")
    assert [] == await inbox.broken()


async def test_a_dispute_holds_the_money_and_gives_it_back_or_not(stage: Stage, inbox: Inbox):
    """Held while it runs; won it is as before, lost it is gone."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout)
    await hear(stage, inbox)
    held = await accounts(stage, checkout["orderId"])
    await control(stage, f"{ref}/submit")
    await control(stage, f"{ref}/close", outcome="won")
    await hear(stage, inbox)
    won = await accounts(stage, checkout["orderId"])
    other = await bought(stage, inbox)
    ref = await dispute(stage, other)
    await control(stage, f"{ref}/close", outcome="lost")
    await hear(stage, inbox)

    rest = {key: SOLD[key] for key in ("revenue:full-pass", "tax")}
    assert {**rest, "disputes:held": 49800} == held
    assert won == SOLD
    assert {**rest, "disputes:lost": 49800} == await accounts(stage, other["orderId"])


async def test_money_that_comes_too_late_is_owed_and_never_revenue(stage: Stage, inbox: Inbox):
    """It belongs to its customer until it is back with them."""
    checkout = await paid_too_late(stage, inbox)
    owed = await accounts(stage, checkout["orderId"])
    await send_all(inbox)
    await hear(stage, inbox)

    assert {"clearing:stripe": 36900, "customers:owed": -36900} == owed
    assert NOTHING == await accounts(stage, checkout["orderId"])


async def test_a_gift_is_a_sale_that_a_discount_has_paid(stage: Stage, inbox: Inbox):
    """No money anywhere, and its refund is none either."""
    await deaf(stage)
    checkout = (await stage.checkout(buyer())).raise_for_status().json()
    async with stage.db.transaction() as session:
        order = await orders.lock(session, checkout["orderId"])
        assert order is not None
        paid = Moved("pay_gift", "manual", order.total, session.now)
        await books.sell(session, order, paid, gift=True)
        given = {account: amount.minor for account, amount in (await journal.of_order(session, order.id)).items()}
        back = Moved("rfd_gift", "manual", Money(1000, "USD"), session.now)
        await books.give_back(session, order, "pay_gift", back)
        left = await journal.of_order(session, order.id)

    assert {"discounts:complimentary": 49800, "revenue:full-pass": -47429, "tax": -2371} == given
    assert Money(48800, "USD") == left["discounts:complimentary"]
    assert not [account for account in left if account.startswith("clearing")]


async def test_a_refund_stands_as_it_did_when_the_money_was_settled_in_another_currency(stage: Stage, inbox: Inbox):
    """The gateway's share is in its own currency; what was sold and went back is in the order's, said once or again."""
    await deaf(stage)
    checkout = (await stage.checkout(buyer())).raise_for_status().json()
    fee = {"clearing:stripe": Money(-700, "ZAR"), "fees:stripe": Money(700, "ZAR")}
    async with stage.db.transaction() as session:
        order = await orders.lock(session, checkout["orderId"])
        assert order is not None
        await books.sell(session, order, Moved("pay_1", "stripe", order.total, session.now))
        back = Moved("rfd_1", "stripe", order.total, session.now)
        first = await books.give_back(session, order, "pay_1", back, is_last=True)
        await journal.post(session, Posting(EntryKind.FEE, "txn_1", fee, session.now, "stripe", order.id))
        again = await books.give_back(session, order, "pay_1", back, is_last=True)

    assert (True, False) == (first, again)


async def test_a_fee_waits_for_nobody_who_works_on_its_order(stage: Stage, inbox: Inbox):
    """Whoever reads the gateway's balance names many orders in one transaction; nobody stands in another's way by that."""
    await deaf(stage)
    checkout = (await stage.checkout(buyer())).raise_for_status().json()
    fee = {"clearing:stripe": Money(-700, "USD"), "fees:stripe": Money(700, "USD")}
    async with stage.db.transaction() as working:
        await orders.lock(working, checkout["orderId"])
        async with stage.db.transaction() as session:
            posting = Posting(EntryKind.FEE, "txn_1", fee, session.now, "stripe", checkout["orderId"])
            wrote = await journal.post(session, posting)

    assert wrote
