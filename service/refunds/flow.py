"""Money on its way back: asked for by us, or made in the gateway's dashboard and told to us.

A refund of ours is a row before it is a call: `request` writes it with the exact request, and the noun `dispatch` sends it.
Whatever moves the money moves `returned_minor` of its payment, and the order and the books follow that sum, never one event.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from service.books import flow as books
from service.books.rules import Moved
from service.gateways.base import Capability, Gateway
from service.gateways.facts import EventKind, GatewayEvent, RefundFacts, RefundIntent
from service.kernel import outbox
from service.kernel.db import Database, Session
from service.kernel.errors import Parked
from service.kernel.machine import Outcome
from service.kernel.money import Money
from service.orders import flow as orders
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import REFUND, UNDER_WAY, RefundEvent, RefundStatus
from service.refunds.rules import EVENTS
from service.refunds.tables import Refund
from service.telemetry import catalogue
from service.telemetry.logs import get_logger
from service.webhooks.rules import FOREIGN

SEND = "refund.send"
log = get_logger("refunds")


async def request(
    session: Session, gateway: Gateway, order: Order, payment: Payment, amount: Money, *, reason: str
) -> Refund:
    """Write down that money shall go back, with what will be asked of the gateway; it is sent after the commit.

    The order is locked, and `amount` is no more than what is `left` of the payment.
    """
    if Capability.REFUND not in gateway.capabilities or payment.payment_ref is None:
        raise Parked("not_refundable", f"{payment.provider} gives nothing back by itself for {payment.id}")
    refund = _write(session, payment, amount, reason=reason)
    intent = RefundIntent(
        refund_id=refund.id,
        payment_id=payment.id,
        order_id=order.id,
        order_number=order.number,
        payment_ref=payment.payment_ref,
        amount=amount,
        reason=reason,
        traceparent=order.traceparent,
    )
    refund.request = gateway.refund_request(intent)
    await session.flush()
    what = {"order_id": order.id, "refund_id": refund.id}
    await outbox.enqueue(session, SEND, what, key=refund.id, traceparent=order.traceparent)
    return refund


async def left(session: Session, payment: Payment) -> Money:
    """What of a payment, whose order is locked, has not gone back and is not on its way."""
    mine = [each for each in await of_order(session, payment.order_id) if each.payment_id == payment.id]
    asked = sum(each.amount.minor for each in mine if each.status in UNDER_WAY)
    minor = payment.amount.minor - payment.returned_minor - asked
    return Money(max(minor, 0), payment.amount.currency)


async def give_back(db: Database, gateways: Mapping[str, Gateway], payload: Mapping[str, Any]) -> None:
    """Deliver `refund.return`: ask for all that is left of a payment, once for each reason."""
    async with db.transaction() as session:
        order = await orders.lock(session, payload["order_id"])
        attempts = await payments.of_order(session, payload["order_id"])
        payment = next((each for each in attempts if each.id == payload["payment_id"]), None)
        if order is None or payment is None or payment.status != PaymentStatus.SUCCEEDED:
            raise Parked("nothing_to_return", f"{payload['payment_id']} holds no money")
        known = [each.reason for each in await of_order(session, order.id) if each.payment_id == payment.id]
        amount = await left(session, payment)
        if amount.is_positive and payload["reason"] not in known:
            await request(session, gateways[payment.provider], order, payment, amount, reason=payload["reason"])


async def record(session: Session, event: GatewayEvent) -> str:
    """Move the refund an event tells of, then the order to where the sum of its refunds puts it."""
    facts = event.refund
    if facts is None or facts.payment_ref is None:
        return FOREIGN  # a refund of something older than payment intents, or of another application
    order, payment = await payments.find_by_ref(session, provider=event.provider, payment_ref=facts.payment_ref)
    refund = await _find_refund(session, payment, facts)
    if refund is None:
        refund = _write(session, payment, facts.amount, reason=facts.reason or "made at the gateway")
        refund.external = True
    cause = f"{event.provider} {event.type} {event.event_id}"
    return await believe(session, order, payment, refund, facts=facts, cause=cause)


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


def _write(session: Session, payment: Payment, amount: Money, *, reason: str) -> Refund:
    refund = Refund(
        id=session.ids.new("rfd"),
        order_id=payment.order_id,
        payment_id=payment.id,
        provider=payment.provider,
        status=REFUND.initial,
        amount=amount,
        reason=reason,
        external=False,
        created_at=session.now,
        updated_at=session.now,
    )
    session.add(refund)
    return refund


async def lock(session: Session, refund: Refund) -> tuple[Order, Payment, Refund]:
    """The order, locked, and the rows as they are now."""
    order = await orders.lock(session, refund.order_id)
    rows = {each.id: each for each in await payments.of_order(session, refund.order_id)}
    query = sa.select(Refund).where(Refund.id == refund.id)
    found = (await session.execute(query)).scalar_one()
    if order is None:
        raise Parked("no_order", f"{refund.id} belongs to no order")
    return order, rows[refund.payment_id], found


async def _find_refund(session: Session, payment: Payment, facts: RefundFacts) -> Refund | None:
    mine = sa.or_(
        Refund.id == facts.refund_id, sa.and_(Refund.provider == payment.provider, Refund.refund_ref == facts.ref)
    )
    return (await session.execute(sa.select(Refund).where(mine))).scalar_one_or_none()


async def believe(
    session: Session, order: Order, payment: Payment, refund: Refund, *, facts: RefundFacts, cause: str
) -> Outcome:
    """Take the gateway's word for a refund: it moves, and when money moved the payment's sum and the order follow."""
    before, event = refund.status, EVENTS[facts.status]
    if refund.refund_ref is None and event in (RefundEvent.SEND, RefundEvent.SUCCEED):
        await _reopen(session, refund)
    refund.refund_ref = refund.refund_ref or facts.ref
    refund.failure_reason = facts.failure_reason or refund.failure_reason
    outcome = await advance(session, refund, event)
    went = (refund.status == RefundStatus.SUCCEEDED) - (before == RefundStatus.SUCCEEDED)  # 1, or -1: it came back
    if went:
        payment.returned_minor += went * refund.amount.minor
        refund.returned_at = session.now if went > 0 else None
        await keep_books(session, order, payment, refund)
        await payments.follow(session, order, cause=cause)
    if outcome is Outcome.MOVED and refund.status == RefundStatus.FAILED:
        log.error("refund failed", refund_id=refund.id, order_id=order.id, code=refund.failure_reason)
    return outcome


async def _reopen(session: Session, refund: Refund) -> None:
    """Refused in all we knew, and there it is: only what the gateway itself has never told of; its own word is final."""
    if refund.status == RefundStatus.FAILED:
        log.warning("refund refused and made", refund_id=refund.id, order_id=refund.order_id)
        refund.failure_reason = None
        await advance(session, refund, RefundEvent.REOPEN)


async def keep_books(session: Session, order: Order, payment: Payment, refund: Refund) -> bool:
    """Bring the books to where a refund of a locked order stands."""
    at = refund.returned_at or refund.updated_at
    back = Moved(refund.id, refund.provider, refund.amount, at)
    if refund.status != RefundStatus.SUCCEEDED:
        return await books.take_back(session, order, back)
    done = [each for each in await of_order(session, order.id) if each.payment_id == payment.id]
    gone = sum(each.amount.minor for each in done if each.status == RefundStatus.SUCCEEDED)
    return await books.give_back(session, order, payment.id, back, is_last=gone == payment.amount.minor)
