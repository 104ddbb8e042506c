"""A refund that takes its time, and whose end no event tells."""

import sqlalchemy as sa

from service.dispatch.flow import look_up_pending
from service.kernel.clock import Dial
from service.orders.flow import lock
from service.payments.tables import Payment
from service.refunds.flow import request
from tests.payments.history import REFUNDED, end_of, ordered, take_in
from tests.refunds.sending import hours_pass, send_all, states
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples, told

REFUND_PENDING = "4000000000007726"


async def pending(stage: Stage, inbox: Inbox) -> str:
    """A paid order all of whose money is on its way back; nothing more is heard of that."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, REFUND_PENDING)
    await take_in(stage, inbox, *await told(stage))
    async with inbox.parts.db.transaction() as session:
        order = await lock(session, checkout["orderId"])
        assert order is not None
        payment = (await session.execute(sa.select(Payment).where(Payment.order_id == order.id))).scalar_one()
        gateway = inbox.parts.gateways["stripe"]
        await request(session, gateway, order, payment, payment.amount, reason="requested_by_customer")
    await send_all(inbox)
    return checkout["orderId"]


async def look(inbox: Inbox, times: int = 1) -> float:
    """Look as often; how often the gateway was asked since the start."""
    for _ in range(times):
        await look_up_pending(inbox.parts.db, inbox.parts.gateways, limit=10)
    shown = inbox.parts.telemetry.render("")[0].decode()
    asked = samples(shown, "http_client_request_duration_seconds_count")
    return sum(count for labels, count in asked.items() if "find_refund" in labels)


async def test_a_refund_whose_end_nobody_told_is_asked_for(stage: Stage, inbox: Inbox):
    """The bank has it, the event was lost: an hour later the gateway is asked, and the order follows."""
    order_id = await pending(stage, inbox)
    before = await states(stage)
    await hours_pass(stage, 2)

    await look(inbox)

    recovered = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_recovered_total")
    assert [("pending", None)] == before
    assert REFUNDED | {"refunds": [("succeeded", 49800, False)]} == await end_of(stage, order_id)
    assert 1 == recovered["lookup", "stripe"]
    assert [] == await inbox.broken()


async def test_a_refund_that_is_pending_is_asked_for_rarely(stage: Stage, inbox: Inbox):
    """Not before an hour has passed, and not twice in the next."""
    await pending(stage, inbox)
    assert isinstance(stage.clock, Dial)

    young = await look(inbox)
    stage.clock.advance(3601)
    first = await look(inbox, times=3)
    stage.clock.advance(3601)
    second = await look(inbox, times=3)

    assert (0, 1, 2) == (young, first, second)
    assert [("pending", None)] == await states(stage)
