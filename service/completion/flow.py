"""Bring a checkout to its end at the gateway: close what nobody paid, capture what was approved, find out what is unknown.

The gateway is always asked outside of any transaction, and what it says is applied as its event would be.
"""

from datetime import timedelta

from service.checkout.flow import Shop
from service.gateways.facts import CheckoutStatus, EventKind, GatewayCheckout, GatewayEvent
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.orders import flow as orders
from service.orders.machine import OrderEvent, OrderStatus
from service.payments import flow as payments
from service.payments.machine import PaymentEvent, PaymentStatus
from service.payments.tables import Payment

NO_PAGE_LIVES = timedelta(hours=1)  # longer than we let a gateway keep its page open


_MAY_BE_OPEN = (
    PaymentStatus.CREATED,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.FAILED,
    PaymentStatus.UNKNOWN,
)


async def expire_order(shop: Shop, order_id: str) -> None:
    """Close an order nobody paid: at the gateway first, here after, so that its seats are never sold twice.

    Raises `GatewayError` while the gateway cannot say how things stand; the seats stay held until it can.
    """
    async with shop.db.transaction() as session:
        attempts = await payments.of_order(session, order_id)
    for payment in attempts:
        closed = await _close_page(shop, payment) if payment.status in _MAY_BE_OPEN else None
        if closed is not None and closed.status is CheckoutStatus.OPEN:
            raise GatewayUnavailable(payment.provider, "still_open")
        if closed is not None and closed.status is CheckoutStatus.COMPLETE:
            await _believe(shop, payment, closed)
            return
    async with shop.db.transaction() as session:
        order = await orders.lock(session, order_id)
        if order is None:
            return
        if order.status == OrderStatus.AWAITING_PAYMENT:
            await payments.close(session, order, OrderEvent.EXPIRE, cause="hold ran out")
            return
        for payment in await payments.of_order(session, order_id):
            if payment.status == PaymentStatus.UNKNOWN:
                await payments.advance(session, payment, PaymentEvent.CANCEL)


async def _close_page(shop: Shop, payment: Payment) -> GatewayCheckout | None:
    """What the page is after closing it; None when there never was one."""
    gateway = shop.gateways[payment.provider]
    ref = payment.checkout_ref
    if ref is None:
        if shop.db.clock() - payment.created_at > NO_PAGE_LIVES:
            return None  # whatever was opened, nobody ever had its address and it has closed by itself
        try:  # no answer is on record: the same request under the same key finds the page, if there is one
            ref = (await gateway.open_checkout(payment.request, key=payment.id)).ref
        except GatewayRejected:
            return None
    return await gateway.expire_checkout(ref)


async def _believe(shop: Shop, payment: Payment, closed: GatewayCheckout) -> None:
    """The buyer was done before the hold ran out; take the gateway's word now instead of waiting for its event."""
    event = GatewayEvent(
        provider=payment.provider,
        event_id=closed.ref,
        kind=EventKind.CHECKOUT_PAID if closed.paid else EventKind.CHECKOUT_PENDING,
        type="object",
        occurred_at=shop.db.clock(),
        order_id=payment.order_id,
        payment_id=payment.id,
        checkout_ref=closed.ref,
        payment_ref=closed.payment_ref,
        amount=closed.amount,
    )
    async with shop.db.transaction() as session:
        await payments.ON_EVENT[event.kind](session, event)
