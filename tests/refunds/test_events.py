"""Refunds as the gateway tells them: made in its dashboard, in parts, pending, failing, or of somebody else's payment."""

from tests.payments.history import PAID, REFUNDED, end_of, ordered, refund, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, told

REFUND_PENDING = "4000000000007726"


async def bought(stage: Stage, inbox: Inbox, card: str = "4242424242424242") -> tuple[str, str]:
    """(order id, payment intent) of a paid order."""
    await deaf(stage)
    checkout = await ordered(stage)
    intent = (await stage.pay(checkout, card))["payment_intent"]
    await take_in(stage, inbox, *(await told(stage)))
    return checkout["orderId"], intent


async def hear(stage: Stage, inbox: Inbox) -> None:
    """Take in whatever the gateway has to tell; what is known already is known already."""
    await take_in(stage, inbox, *(await told(stage)))


async def test_a_refund_made_in_the_dashboard_is_written_down(stage: Stage, inbox: Inbox):
    """We did not ask for it, so it is external; first a part, then the rest, and only then the tickets are void."""
    order_id, intent = await bought(stage, inbox)

    await refund(stage, intent, 10000)
    await hear(stage, inbox)
    part = await end_of(stage, order_id)
    await refund(stage, intent)
    await hear(stage, inbox)
    whole = await end_of(stage, order_id)

    assert PAID | {"order": "partially_refunded", "refunds": [("succeeded", 10000, True)]} == part
    assert REFUNDED | {"refunds": [("succeeded", 10000, True), ("succeeded", 39800, True)]} == whole
    assert [] == await inbox.broken()


async def test_a_pending_refund_moves_nothing_until_it_succeeds(stage: Stage, inbox: Inbox):
    """The money has not gone yet: the tickets are good until it has."""
    order_id, intent = await bought(stage, inbox, REFUND_PENDING)

    await refund(stage, intent)
    await hear(stage, inbox)
    waiting = await end_of(stage, order_id)
    await stage.emulator.post("/_emulator/clock", json={"advance": 10})
    await hear(stage, inbox)

    assert PAID | {"refunds": [("pending", 49800, True)]} == waiting
    assert REFUNDED == await end_of(stage, order_id)


async def test_a_refund_that_fails_after_it_succeeded_gives_the_tickets_back(stage: Stage, inbox: Inbox):
    """The bank has sent the money back to us, so the customer has paid, and gets in."""
    order_id, intent = await bought(stage, inbox)
    given_back = await refund(stage, intent)
    await hear(stage, inbox)
    refunded = await end_of(stage, order_id)

    await stage.emulator.post(f"/_emulator/refunds/{given_back['id']}/fail", json={"reason": "declined"})
    await hear(stage, inbox)

    assert REFUNDED == refunded
    assert PAID | {"refunds": [("failed", 49800, True)]} == await end_of(stage, order_id)
    assert [("declined",)] == await stage.rows("SELECT failure_reason FROM refunds")
    assert [] == await inbox.broken()


async def test_a_failed_part_leaves_the_other_part(stage: Stage, inbox: Inbox):
    """Two halves went back, one of them fails: the order is refunded in part and its tickets are good."""
    order_id, intent = await bought(stage, inbox)
    first = await refund(stage, intent, 24900)
    await refund(stage, intent, 24900)
    await hear(stage, inbox)

    await stage.emulator.post(f"/_emulator/refunds/{first['id']}/fail", json={})
    await hear(stage, inbox)

    end = await end_of(stage, order_id)
    assert ("partially_refunded", {"valid": 2}) == (end["order"], end["tickets"])
    assert [] == await inbox.broken()


async def test_a_refund_of_an_unknown_payment_is_somebody_elses(stage: Stage, inbox: Inbox):
    """It is tried for a good while, because its payment may be about to arrive; then it is ignored, not dead."""
    await deaf(stage)
    thing = {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "currency": "usd",
        "status": "succeeded",
        "payment_intent": "pi_of_another_shop",
        "metadata": {},
    }
    event = {
        "id": "evt_foreign",
        "type": "refund.created",
        "created": 1_780_000_000,
        "livemode": False,
        "data": {"object": thing},
    }

    await deliver(stage, event)
    await inbox.apply()
    first = (await inbox.states())["evt_foreign"]
    await inbox.settle()

    assert ("pending", 1) == (first[0], first[2])
    last = (await inbox.states())["evt_foreign"]
    assert ("ignored", "foreign") == (last[0], last[3])
    assert [] == await stage.rows("SELECT 1 FROM refunds")


async def test_a_refund_heard_of_before_its_payment_waits_for_it(stage: Stage, inbox: Inbox):
    """The refund's event comes first; nothing is lost and nothing is guessed."""
    await deaf(stage)
    checkout = await ordered(stage)
    intent = (await stage.pay(checkout))["payment_intent"]
    await refund(stage, intent)
    events = await told(stage)
    early = [event for event in events if event["type"] == "refund.created"]

    await take_in(stage, inbox, *early)
    await take_in(stage, inbox, *(event for event in events if event not in early))
    await inbox.settle()

    assert REFUNDED == await end_of(stage, checkout["orderId"])


async def test_a_refund_given_up_as_foreign_is_applied_when_its_payment_is_known(stage: Stage, inbox: Inbox):
    """The payment's own events may come days later; its refund was ignored by then, and is taken up again."""
    await deaf(stage)
    checkout = await ordered(stage)
    intent = (await stage.pay(checkout))["payment_intent"]
    await refund(stage, intent)
    events = await told(stage)
    early = [event for event in events if event["type"].startswith("refund.")]

    await take_in(stage, inbox, *early)
    await inbox.settle()
    given_up = {state[0] for state in (await inbox.states()).values()}
    await take_in(stage, inbox, *(event for event in events if event not in early))
    await inbox.settle()

    assert {"ignored"} == given_up
    assert REFUNDED == await end_of(stage, checkout["orderId"])
