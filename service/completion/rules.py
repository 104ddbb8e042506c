"""What a checkout's state at the gateway means here, and which attempts to pay may still have an open page. Pure."""

from datetime import datetime, timedelta

from service.gateways.base import Capability, Gateway
from service.gateways.facts import CheckoutStatus, Decline, EventKind, GatewayCheckout, GatewayEvent
from service.orders.machine import OPEN, OrderStatus
from service.orders.tables import Order
from service.payments.machine import PaymentStatus
from service.payments.rules import OBJECT
from service.payments.tables import Payment

SKEW = timedelta(minutes=4)  # between the gateway's clock and ours, before a page counts as closed by itself
NO_LONGER_UNDER_WAY = timedelta(
    seconds=90
)  # a request without an answer is not at work any more; clients give up in ten

MAY_BE_OPEN = (
    PaymentStatus.CREATED,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.FAILED,
    PaymentStatus.UNKNOWN,
)
MAY_BE_CAPTURED = (PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)  # the second: an earlier try had no answer


def is_lost(payment: Payment) -> bool:
    """No answer ever told whether a page was opened for it, so nobody has the address of that page."""
    return payment.status == PaymentStatus.UNKNOWN and payment.captures == 0


def is_to_close(order: Order, payment: Payment, *, now: datetime) -> bool:
    """Whether this attempt's page must not stay open: all of an order that is over, the lost ones of any order."""
    if payment.status not in MAY_BE_OPEN or (payment.status == PaymentStatus.UNKNOWN and payment.captures):
        return False  # decided, or its capture is under way
    return is_lost(payment) or order.status not in OPEN or has_run_out(order, now=now)


def has_run_out(order: Order, *, now: datetime) -> bool:
    """Nobody has paid it and its hold is over."""
    return order.status == OrderStatus.AWAITING_PAYMENT and order.expires_at <= now


def can_still_be_paid(gateway: Gateway, checkout: GatewayCheckout) -> bool:
    """After it was closed. Where the capture is our act, not to capture is to close."""
    return checkout.status is CheckoutStatus.OPEN and Capability.CAPTURE not in gateway.capabilities


def kind_of(checkout: GatewayCheckout) -> EventKind | None:
    """The event that would have told of this state; None while the buyer is not done."""
    match checkout.status:
        case CheckoutStatus.OPEN:
            return None
        case CheckoutStatus.APPROVED:
            return EventKind.CHECKOUT_APPROVED
        case CheckoutStatus.EXPIRED:
            return EventKind.CHECKOUT_EXPIRED
        case CheckoutStatus.COMPLETE if checkout.paid:
            return EventKind.CHECKOUT_PAID
        case CheckoutStatus.COMPLETE:
            return EventKind.CHECKOUT_FAILED if checkout.decline else EventKind.CHECKOUT_PENDING


def event_of(
    payment: Payment, checkout: GatewayCheckout, kind: EventKind, *, now: datetime, decline: Decline | None = None
) -> GatewayEvent:
    """What the gateway says of the object, in the form in which its event would have said it."""
    return GatewayEvent(
        provider=payment.provider,
        event_id=checkout.ref,
        kind=kind,
        type=OBJECT,
        occurred_at=now,
        order_id=payment.order_id,
        payment_id=payment.id,
        checkout_ref=checkout.ref,
        payment_ref=checkout.payment_ref,
        amount=checkout.amount,
        decline=decline or checkout.decline,
    )
