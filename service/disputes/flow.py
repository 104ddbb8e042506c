"""What a gateway tells of disputes: written down, and the money and the order follow.

While a dispute runs the bank has the money and nobody knows how it ends: the order is `disputed` and its tickets are good.
Won, all is as before; lost, the amount counts as gone back, like a refund. An inquiry only asks and moves nothing.
"""

from datetime import datetime

import sqlalchemy as sa

from service.books import flow as books
from service.books.rules import Moved
from service.disputes.machine import DISPUTE, RUNNING, DisputeEvent, DisputeState
from service.disputes.tables import Dispute
from service.gateways.facts import DisputeFacts, DisputeStatus, EventKind, GatewayEvent
from service.kernel.db import Session
from service.kernel.errors import Parked
from service.kernel.machine import Outcome
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.tables import Payment
from service.refunds import flow as refunds
from service.telemetry import catalogue
from service.webhooks.rules import FOREIGN

_EVENTS = {
    DisputeStatus.NEEDS_RESPONSE: DisputeEvent.OPEN,
    DisputeStatus.UNDER_REVIEW: DisputeEvent.REVIEW,
    DisputeStatus.WON: DisputeEvent.WIN,
    DisputeStatus.LOST: DisputeEvent.LOSE,
    DisputeStatus.CLOSED: DisputeEvent.CLOSE,
}


async def record(session: Session, event: GatewayEvent) -> str:
    """Move the dispute an event tells of, then the payment's sums, then the order to where they put it."""
    facts = event.dispute
    if facts is None or facts.payment_ref is None:
        return FOREIGN
    order, payment = await payments.find_by_ref(session, provider=event.provider, payment_ref=facts.payment_ref)
    if facts.amount.currency != payment.amount.currency:
        raise Parked("amount_mismatch", f"{facts.ref} is about {facts.amount}, {payment.id} about {payment.amount}")
    dispute = await _find(session, event.provider, facts.ref)
    outcome = Outcome.ALREADY if dispute else Outcome.MOVED
    if dispute is None:
        dispute = await _write(session, payment, facts)
    if facts.status in _EVENTS:
        outcome = await advance(session, dispute, _EVENTS[facts.status])
    if outcome is Outcome.MOVED:
        dispute.amount, dispute.due_at = facts.amount, facts.due_at
        if dispute.status == DisputeState.LOST:
            payment.returned_minor += facts.amount.minor
        await session.flush()
        payment.disputed = await _is_disputed(session, payment)
        await keep_books(session, order, dispute, event.occurred_at)
        await refunds.follow(session, order, cause=f"{event.provider} {event.type} {event.event_id}")
    return outcome


ON_EVENT = {EventKind.DISPUTE_CHANGED: record}


async def advance(session: Session, dispute: Dispute, event: DisputeEvent) -> Outcome:
    """Apply one event to a dispute whose order is locked; the only place that sets its status."""
    step = DISPUTE.step(DisputeState(dispute.status), event)
    session.count(catalogue.DISPUTES_MOVED, provider=dispute.provider, event=event, outcome=step.outcome)
    if step.moved:
        dispute.status = step.state
        dispute.updated_at = session.now
    await session.flush()
    return step.outcome


async def keep_books(session: Session, order: Order, dispute: Dispute, at: datetime) -> bool:
    """Bring the books to where a dispute of a locked order stands."""
    disputed = Moved(dispute.id, dispute.provider, dispute.amount, at)
    is_lost = dispute.status == DisputeState.LOST
    return await books.dispute(session, order, disputed, held=dispute.status in RUNNING, lost=is_lost)


async def of_order(session: Session, order_id: str) -> list[Dispute]:
    """All disputes about an order, oldest first."""
    query = sa.select(Dispute).where(Dispute.order_id == order_id).order_by(Dispute.id)
    return list((await session.execute(query)).scalars())


async def _find(session: Session, provider: str, ref: str) -> Dispute | None:
    known = Dispute.provider == provider, Dispute.dispute_ref == ref
    return (await session.execute(sa.select(Dispute).where(*known))).scalar_one_or_none()


async def _write(session: Session, payment: Payment, facts: DisputeFacts) -> Dispute:
    dispute = Dispute(
        id=session.ids.new("dsp"),
        order_id=payment.order_id,
        payment_id=payment.id,
        provider=payment.provider,
        dispute_ref=facts.ref,
        status=DISPUTE.initial,
        amount=facts.amount,
        reason=facts.reason,
        due_at=facts.due_at,
        created_at=session.now,
        updated_at=session.now,
    )
    session.add(dispute)
    await session.flush()
    return dispute


async def _is_disputed(session: Session, payment: Payment) -> bool:
    running = sa.exists().where(Dispute.payment_id == payment.id, Dispute.status.in_(RUNNING))
    return bool((await session.execute(sa.select(running))).scalar_one())
