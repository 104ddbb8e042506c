"""Each type of difference is made by a lever of the gateways' stand-in, found, owned, and closed by what closes it."""

from datetime import timedelta
from typing import Any

from service.cli.mending import mend
from service.comparison.rules import DifferenceKind
from service.parts import ON_EVENT
from service.reconciliation.flow import accept, find_open
from service.reconciliation.views import Report, age_days
from service.webhooks.flow import apply_next
from tests.reconciliation.books import DAY, HOUR, PASSES, Books

STRIPE_FEE, PAYPAL_FEE = 1_474, 1_538  # of 498.00
Rows = set[tuple[str, str, int, str]]


def rows(report: Report) -> Rows:
    """(kind, subject, minor units, owner) of each difference."""
    return {(each.kind, each.subject, each.amount.minor, each.owner) for each in report.differences}


def kinds(report: Report) -> list[str]:
    return sorted(each.kind for each in report.differences)


async def fix(books: Books, report: Report) -> None:
    """`--fix`, and the worker that applies what it has fetched."""
    await mend(books.parts, books.parts.gateways[report.provider], report, by="ana")
    while await apply_next(books.parts.db, books.parts.gateways, ON_EVENT, jitter=0.5):
        pass


async def accept_all(books: Books, report: Report) -> None:
    async with books.parts.db.transaction() as session:
        for each in report.differences:
            found = await find_open(session, each.id)
            assert found
            accept(session, found, why="we know", by="ana")


async def test_a_day_without_trouble(books: Books):
    """Sales at both gateways: nothing is out on the day, nor when payouts have gone to the bank a week later."""
    await books.sell()
    await books.sell("paypal")
    day = books.today
    first = [await books.compare(day, provider) for provider in ("stripe", "paypal")]
    await books.later(7 * DAY)
    await books.read()
    then = [await books.compare(day, provider) for provider in ("stripe", "paypal")]

    assert [[], [], [], []] == [kinds(each) for each in (*first, *then)]
    assert [("payment", 1, PASSES)] == [(each.kind, each.count, each.amount.minor) for each in first[0].settled]
    assert {"fee": -STRIPE_FEE, "payment": PASSES} == {each.kind: each.amount.minor for each in first[0].journal}


async def make_each(books: Books) -> tuple[dict[str, dict[str, Any]], Rows]:
    """One sale for each type and what went wrong with it; and the differences that makes."""
    names = ("fee", "currency", "amount", "drop", "duplicate_charge", "external_refund", "missing_event")
    sold = {name: await books.sell() for name in names}
    made = {
        "fee": await books.odd("fee", sold["fee"], amount=STRIPE_FEE + 500),
        "currency": await books.odd("currency", sold["currency"]),
        "amount": await books.odd("amount", sold["amount"], amount=PASSES - 100),
        "drop": await books.odd("drop", sold["drop"]),
        "duplicate_charge": await books.odd("duplicate_charge", sold["duplicate_charge"]),
        "external_refund": await books.odd("external_refund", sold["external_refund"], amount=3_000),
        "missing_event": await books.odd("missing_event", sold["missing_event"]),
        "unknown": await books.odd("unknown", amount=-700),
    }
    twice = made["duplicate_charge"]["balance_transaction"]
    lost = made["missing_event"]["balance_transactions"][0]["id"]
    return made, {
        ("fee", made["fee"]["id"], 500, "finance"),
        ("currency", sold["currency"], PASSES, "finance"),
        ("amount", sold["amount"], -100, "finance"),
        ("timing", sold["drop"], PASSES, "finance"),
        ("duplicate_charge", twice, PASSES, "support"),
        ("external_refund", made["external_refund"]["id"], -3_000, "support"),
        ("missing_event", lost, -PASSES, "on_call"),
        ("unknown", made["unknown"]["id"], -700, "finance"),
    }


async def test_each_type_at_stripe(books: Books):
    """One sale for each; the books hold what can be known, and every difference has its kind, amount and owner."""
    day = books.today
    made, expected = await make_each(books)

    same_day = await books.compare(day)
    assert expected == rows(same_day)

    await books.later(2 * DAY + HOUR)
    later = await books.compare(day)
    assert {(kind.replace("timing", "missing_settlement"), *rest) for kind, *rest in expected} == rows(later)
    assert {2} == {age_days(each, at=later.at) for each in later.differences}

    await fix(books, later)
    fixed = await books.compare(day)
    assert "missing_event" not in kinds(fixed)
    external = next(each for each in fixed.differences if each.kind == "external_refund")
    assert (made["external_refund"]["id"], 2) == (external.subject, age_days(external, at=fixed.at))
    assert "its event has been posted" in external.note

    await books.control("external-refunds", charge=made["duplicate_charge"]["id"])
    await books.read()
    returned = await books.compare(day)
    assert "duplicate_charge" not in kinds(returned)

    await accept_all(books, returned)
    assert [] == kinds(await books.compare(day))
    assert [] == await books.broken()


async def test_each_type_at_paypal(books: Books):
    """The same where the capture is our act and the list tells fewer words."""
    day = books.today
    names = ("fee", "currency", "delay", "duplicate_charge", "external_refund", "missing_event")
    sold = {name: await books.sell("paypal") for name in names}
    refs = {name: await books.ref(each) for name, each in sold.items()}
    for name in ("fee", "currency", "missing_event"):
        await books.odd(name, sold[name], "paypal")
    await books.odd("delay", sold["delay"], "paypal", seconds=3 * HOUR)
    twice = await books.odd("duplicate_charge", sold["duplicate_charge"], "paypal")
    refund = await books.odd("external_refund", sold["external_refund"], "paypal", amount=3_000)
    odd = await books.odd("unknown", None, "paypal")

    found = await books.compare(day, "paypal")
    disputed = next(each.subject for each in found.differences if each.kind == "missing_event")
    assert {
        ("fee", refs["fee"], PAYPAL_FEE, "finance"),
        ("currency", sold["currency"], PASSES, "finance"),
        ("timing", sold["delay"], PASSES, "finance"),
        ("duplicate_charge", twice["id"], PASSES, "support"),
        ("external_refund", refund["id"], -3_000, "support"),
        ("missing_event", disputed, -PASSES, "on_call"),
        ("unknown", odd["id"], -500, "finance"),
    } == rows(found)

    await books.later(4 * HOUR)
    await fix(books, found)
    fixed = await books.compare(day, "paypal")
    assert ["currency", "duplicate_charge", "external_refund", "fee", "unknown"] == kinds(fixed)
    assert [] == await books.broken()


async def test_a_payment_nobody_told_us_of(books: Books):
    """The buyer has paid and no event came: the gateway is asked, and the order is paid."""
    payment = await books.pay_unheard()
    day = books.today
    found = await books.compare(day)
    await fix(books, found)

    assert {("missing_event", payment, PASSES, "on_call")} == rows(found)
    assert [] == kinds(await books.compare(day))
    assert [("succeeded",)] == await books.stage.rows("SELECT status FROM payments")


async def test_payouts_that_do_not_add_up_or_come_back(books: Books):
    """One movement is missing in the list, another payout comes back and goes out again with the next."""
    day = books.today
    dropped = await books.sell()
    await books.odd("drop", dropped)
    await books.sell()
    await books.later(4 * DAY)
    await books.read()
    paid_on = (await books.stage.rows("SELECT occurred_at FROM settlements WHERE kind = 'payout'"))[0][0].date()
    payouts = (await books.stage.rows("SELECT payout_ref FROM settlements WHERE kind = 'payout'"))[0][0]
    short = await books.compare(paid_on)
    await books.control(f"payouts/{payouts}/fail", reason="account_closed")
    back_on = books.today
    back = await books.compare(back_on)
    await books.later(2 * DAY)
    await books.read()

    assert {("payout", payouts, PASSES - STRIPE_FEE, "finance")} == rows(short)
    assert {("payout", f"{payouts} back", 2 * (PASSES - STRIPE_FEE), "finance")} == rows(back)
    assert [] == kinds(await books.compare(back_on))
    assert ["missing_settlement"] == kinds(await books.compare(day))


async def test_money_that_no_payout_takes(books: Books):
    """Available for days and not on its way to the bank, as far as the gateway lists; it closes when the payout shows."""
    day = books.today
    await books.sell()
    await books.later(4 * DAY)
    await books.odd("delay", movement=await books.payout(), seconds=5 * DAY)
    await books.later(3 * DAY)
    await books.read()
    late = await books.compare(day)
    await books.later(2 * DAY)
    await books.read()
    await books.compare(day + timedelta(days=3))

    assert {("payout", f"unpaid {day} USD", PASSES - STRIPE_FEE, "finance")} == rows(late)
    assert [] == kinds(await books.compare(day))


def test_every_type_is_tried():
    """What stands in the enum is found by one of these tests, or by those of what was not posted."""
    tried = {
        *("timing", "fee", "currency", "missing_event", "external_refund", "duplicate_charge", "amount"),
        *("missing_settlement", "payout", "unknown", "unposted"),
    }
    assert set(DifferenceKind) == tried
