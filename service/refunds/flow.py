"""What a gateway tells of refunds: our own ones move, foreign ones (made in its dashboard) are written down.

The order's state follows from the sum of what has really gone back, never from one event.
"""

import sqlalchemy as sa

from service.gateways.facts import EventKind, GatewayEvent, RefundFacts
from service.kernel.db import Session
from service.kernel.errors import NotYet
from service.kernel.machine import Outcome
from service.kernel.money import Money, sum_money
from service.orders import flow as orders
from service.orders.machine import OrderEvent
from service.orders.tables import Order
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import REFUND, RefundEvent, RefundStatus
from service.refunds.tables import Refund
from service.telemetry import catalogue
from service.tickets import flow as tickets
from service.webhooks.rules import FOREIGN

EVENTS = {
    "pending": RefundEvent.SEND,
    "requires_action": RefundEvent.SEND,
    "succeeded": RefundEvent.SUCCEED,
    "failed": RefundEvent.FAIL,
    "canceled": RefundEvent.CANCEL,
}


async def record(session: Session, event: GatewayEvent) -> str:
    """Move the refund an event tells of, then the order to where the sum of its refunds puts it."""
    if event.refund is None or event.refund.payment_ref is None:
        return FOREIGN  # a refund of something older than payment intents, or of another application
    order, payment = await _find(session, event, event.refund)
    if payment.status != PaymentStatus.SUCCEEDED:
        raise NotYet(f"a refund of {payment.id}, which is {payment.status}")
    refund = await _find_refund(session, payment, event.refund)
    if refund is None:
        refund = _write_external(session, payment, event.refund)
    refund.failure_reason = event.refund.failure_reason or refund.failure_reason
    before = refund.status
    outcome = await advance(session, refund, EVENTS[event.refund.status])
    if outcome is Outcome.MOVED and RefundStatus.SUCCEEDED in {before, refund.status}:
        await _follow(session, order, cause=f"{event.provider} {event.type} {event.event_id}")
    return outcome


ON_EVENT = {EventKind.REFUND_CHANGED: record}


async def advance(session: Session, refund: Refund, event: RefundEvent) -> Outcome:
    """Apply one event to a refund whose order is locked; the only place that sets its status."""
    step = REFUND.step(RefundStatus(refund.status), event)
    session.count(catalogue.REFUNDS_MOVED, provider=refund.provider, event=event, outcome=step.outcome)
    if step.moved:
        refund.status = step.state
        refund.updated_at = session.now
    await session.flush()
    return step.outcome


async def of_order(session: Session, order_id: str) -> list[Refund]:
    """All refunds of an order, oldest first."""
    return list(
        (await session.execute(sa.select(Refund).where(Refund.order_id == order_id).order_by(Refund.id))).scalars()
    )


async def _find(session: Session, event: GatewayEvent, refund: RefundFacts) -> tuple[Order, Payment]:
    known = Payment.payment_ref == refund.payment_ref, Payment.provider == event.provider
    order_id = (await session.execute(sa.select(Payment.order_id).where(*known))).scalar_one_or_none()
    order = await orders.lock(session, order_id) if order_id else None
    if order is None:
        # The event that tells us the payment's ref may still be on its way.
        raise NotYet(f"no payment is known under {refund.payment_ref}", maybe_foreign=True)
    payment = (
        await session.execute(sa.select(Payment).where(*known).execution_options(populate_existing=True))
    ).scalar_one()
    return order, payment


async def _find_refund(session: Session, payment: Payment, facts: RefundFacts) -> Refund | None:
    mine = sa.or_(
        Refund.id == facts.refund_id, sa.and_(Refund.provider == payment.provider, Refund.refund_ref == facts.ref)
    )
    refund = (await session.execute(sa.select(Refund).where(mine))).scalar_one_or_none()
    if refund is not None:
        refund.refund_ref = refund.refund_ref or facts.ref
    return refund


def _write_external(session: Session, payment: Payment, facts: RefundFacts) -> Refund:
    refund = Refund(
        id=session.ids.new("rfd"),
        order_id=payment.order_id,
        payment_id=payment.id,
        provider=payment.provider,
        status=REFUND.initial,
        amount=facts.amount,
        reason=facts.reason or "made at the gateway",
        external=True,
        refund_ref=facts.ref,
        created_at=session.now,
        updated_at=session.now,
    )
    session.add(refund)
    return refund


async def _follow(session: Session, order: Order, *, cause: str) -> None:
    """Put the order, and its tickets, where the sum of its succeeded refunds says: a refund may fail after it succeeded."""
    gone = [each.amount for each in await of_order(session, order.id) if each.status == RefundStatus.SUCCEEDED]
    total = sum_money(gone, order.total.currency)
    move = _move(total, order.total, seated=bool(await tickets.of_order(session, order.id)))
    if await orders.advance(session, order, move, cause=cause) is not Outcome.MOVED:
        return
    if move is OrderEvent.REFUND_ALL:
        await tickets.void(session, order.id)
    else:
        await tickets.restore(session, order.id)


def _move(gone: Money, paid: Money, *, seated: bool) -> OrderEvent:
    if not gone < paid:
        return OrderEvent.REFUND_ALL
    if not seated:
        return OrderEvent.UNREFUND_UNSEATED
    return OrderEvent.UNREFUND if gone.is_zero else OrderEvent.REFUND_PART
