"""How often a buyer had to try until the order was paid is counted once, with the payment."""

from service.gateways.facts import EventKind
from tests.payments.history import DECLINED, GOOD, NO_FUNDS, ordered, take_in
from tests.payments.test_approval import DECLINED as REFUSED
from tests.payments.test_approval import apply
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples, told


async def test_each_decline_was_a_try(stage: Stage, inbox: Inbox) -> None:
    """Two cards are declined and the third pays: three tries. Told twice, it counts no more."""
    await deaf(stage)
    checkout = await ordered(stage)
    for card in (DECLINED, NO_FUNDS, GOOD):
        await stage.pay(checkout, card=card)
    events = await told(stage)

    await take_in(stage, inbox, *events, *events)

    text = inbox.parts.telemetry.render("")[0].decode()
    assert {(): 1} == samples(text, "cubano_tries_to_pay_count")
    assert {(): 3} == samples(text, "cubano_tries_to_pay_sum")
    assert [(2,)] == await stage.rows("SELECT declines FROM payments")


async def test_a_declined_capture_is_one_try_however_often_it_is_told(stage: Stage, inbox: Inbox) -> None:
    """By the answer to the capture, then by its event; the next capture is another try."""
    checkout = await ordered(stage)
    for number in (1, 2):
        await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, f"WH-{number}")
        await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=REFUSED, type="object")
        await apply(
            inbox, checkout, EventKind.PAYMENT_DECLINED, f"WH-no-{number}", decline=REFUSED, payment_ref="CAP-1"
        )

    text = inbox.parts.telemetry.render("")[0].decode()
    assert 2 == sum(samples(text, "cubano_payment_attempts_total").values())
    assert [(2,)] == await stage.rows("SELECT declines FROM payments")
