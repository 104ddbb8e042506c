"""Money that comes after the seats were given back: taken again when there are any, apologised for when not."""

from service.kernel.clock import Dial
from tests.payments.history import PAID, end_of, expire_then_pay, ordered, refund, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples, told


async def test_seats_that_are_still_there_are_taken_again(stage: Stage, inbox: Inbox):
    """The customer never knows: paid, with tickets."""
    checkout = await expire_then_pay(stage, inbox)
    expired = await end_of(stage, checkout["orderId"])

    await take_in(stage, inbox, *await told(stage))

    total = checkout["total"]["minor"]
    assert ("expired", {"released": 3}) == (expired["order"], expired["holds"])
    sold = {"payments": [("succeeded", total)], "tickets": {"valid": 3}, "holds": {"sold": 3}}
    assert PAID | sold == await end_of(stage, checkout["orderId"])
    assert 1 == _moves(inbox)["pay", "moved"]
    odd = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_odd_money_total")
    assert {("reacquired", "stripe"): 1} == {key: count for key, count in odd.items() if count}
    assert [] == await inbox.broken()


async def test_seats_that_are_gone_make_a_late_payment(stage: Stage, inbox: Inbox):
    """One of two types is sold out: no ticket at all, an apology, and the order waits for its money to go back."""
    checkout = await expire_then_pay(stage, inbox)
    await stage.rows("UPDATE stock SET capacity = held + sold + 1 WHERE ticket_type = 'orishas-masterclass'")

    await take_in(stage, inbox, *await told(stage))

    late = {
        "order": "late_payment",
        "payments": [("succeeded", checkout["total"]["minor"])],
        "refunds": [],
        "tickets": {},
        "mails": {"mail.late_payment": 1},
        "holds": {"released": 3},
    }
    assert late == await end_of(stage, checkout["orderId"])
    assert 1 == _moves(inbox)["pay_unseated", "moved"]
    assert [] == await inbox.broken()


async def test_a_late_payment_is_over_when_its_money_is_back(stage: Stage, inbox: Inbox):
    """Refunded; and late again, still without tickets and in sight of a person, when the bank returns the refund."""
    checkout = await expire_then_pay(stage, inbox)
    await stage.rows("UPDATE stock SET capacity = held + sold WHERE ticket_type = 'orishas-masterclass'")
    await take_in(stage, inbox, *await told(stage))
    intent = (await stage.rows("SELECT payment_ref FROM payments"))[0][0]

    given_back = await refund(stage, intent)
    await take_in(stage, inbox, *await told(stage))
    refunded = await end_of(stage, checkout["orderId"])
    await stage.emulator.post(f"/_emulator/refunds/{given_back['id']}/fail", json={})
    await take_in(stage, inbox, *await told(stage))
    again = await end_of(stage, checkout["orderId"])

    assert ("refunded", {}) == (refunded["order"], refunded["tickets"])
    assert ("late_payment", {}) == (again["order"], again["tickets"])
    assert ["late-payment-waits"] == await inbox.broken()


async def test_a_hold_that_ran_out_is_closed_at_the_gateway_first(stage: Stage, stage_clock: Dial):
    """The buyer has paid in the last second: asked before the seats are freed, the gateway says so."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    stage_clock.advance(3600)
    async with stage.worker():
        order = await stage.order_in(checkout, "paid", "expired")

    assert "paid" == order["status"]
    assert [(0,)] == await stage.rows("SELECT count(*) FROM payment_events WHERE found_by = 'webhook'")


def _moves(inbox: Inbox) -> dict[tuple[str, ...], float]:
    return samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_order_moves_total")
