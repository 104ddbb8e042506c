"""Money that comes after the seats were given back: taken again when there are any, apologised for when not."""

from service.completion.flow import expire_order
from service.kernel.clock import Dial
from tests.payments.history import PAID, end_of, expire_then_pay, ordered, refund, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, samples, told


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


async def test_money_of_another_amount_is_known_by_its_name(stage: Stage, inbox: Inbox):
    """Parked for a person; what came under its name, or our order's, before anybody knew it is no longer foreign."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    paid = next(each for each in await told(stage) if each["type"] == "checkout.session.completed")
    thing = paid["data"]["object"]
    less = {**paid, "data": {"object": {**thing, "amount_total": 100}}}
    foreign = """
        INSERT INTO payment_events (provider, event_id, type, subject, livemode, payload, created_at, received_at, due_at,
                                    state, cause)
        VALUES ('stripe', :id, 'customer.created', :id, false, '{}', now(), now(), now(), 'ignored', 'foreign')
    """
    for subject in (thing["payment_intent"], checkout["orderId"], "pi_of_others"):
        await stage.rows(foreign, id=subject)

    (await deliver(stage, less)).raise_for_status()
    await inbox.apply()

    known = await inbox.states()
    assert ("dead", None, 1, "amount_mismatch") == known[paid["id"]]
    assert [(thing["payment_intent"], "created")] == await stage.rows("SELECT payment_ref, status FROM payments")
    assert [False, False, True] == [
        known[each][3] == "foreign" for each in (thing["payment_intent"], checkout["orderId"], "pi_of_others")
    ]


async def test_money_of_another_amount_does_not_hold_the_seats_for_ever(stage: Stage, inbox: Inbox, stage_clock: Dial):
    """The hold ends as anybody's does; the money waits for a person, who may have it sold late or give it back."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await stage.rows("UPDATE payments SET amount_minor = 100")  # what we asked, in our books
    stage_clock.advance(3600)

    for _ in range(2):
        await expire_order(inbox.parts.shop, checkout["orderId"])

    end = await end_of(stage, checkout["orderId"])
    assert ("expired", [("canceled", 100)], {"released": 2}) == (end["order"], end["payments"], end["holds"])
    assert [(True,)] == await stage.rows("SELECT payment_ref LIKE 'pi_%' FROM payments")
    odd = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_odd_money_total")
    assert 1 == odd["mismatched", "stripe"]


async def test_other_money_for_a_payment_that_is_paid_is_for_a_person(stage: Stage, inbox: Inbox):
    """Under another name it is not the same money told again; the sale stays as it is."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    paid = next(each for each in await told(stage) if each["type"] == "checkout.session.completed")
    other = {**paid, "id": "evt_other", "data": {"object": {**paid["data"]["object"], "payment_intent": "pi_other"}}}

    await take_in(stage, inbox, paid, {**paid, "id": "evt_again"}, other)

    states = await inbox.states()
    assert ("applied", "already") == states["evt_again"][:2]
    assert ("dead", "second_money") == (states["evt_other"][0], states["evt_other"][3])
    assert PAID == await end_of(stage, checkout["orderId"])
