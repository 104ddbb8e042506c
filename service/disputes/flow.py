"""What a gateway tells of disputes: written down, and the money and the order follow.

While a dispute runs the bank has the money and nobody knows how it ends: the order is `disputed` and its tickets are good.
Won, all is as before; lost, the amount counts as gone back, like a refund. An inquiry only asks and moves nothing.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from service.books import flow as books
from service.books.rules import Moved
from service.cases import flow as cases
from service.cases.flow import Fact
from service.cases.rules import CaseKind
from service.disputes.machine import DISPUTE, RUNNING, UNDECIDED, WAITING, DisputeEvent, DisputeState
from service.disputes.tables import Dispute
from service.gateways.facts import DisputeFacts, DisputeStatus, EventKind, GatewayEvent
from service.kernel.db import Database, Session
from service.kernel.errors import Parked
from service.kernel.machine import Outcome
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.tables import Payment
from service.refunds import flow as refunds
from service.telemetry import catalogue
from service.webhooks.rules import FOREIGN

REMINDED_BEFORE = timedelta(days=3)  # evidence takes a day or two to gather
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
    if facts.due_at is not None and outcome is Outcome.ALREADY and dispute.status in WAITING:
        dispute.due_at = facts.due_at  # the bank has given more time, or PayPal has named a day
        await _keep_cases(session, dispute)
    if outcome is Outcome.MOVED:
        dispute.amount, dispute.due_at = facts.amount, facts.due_at or dispute.due_at
        if dispute.status == DisputeState.LOST:
            payment.returned_minor += facts.amount.minor
            session.count(catalogue.RETURNED, facts.amount.minor, currency=facts.amount.currency, cause="dispute")
        await session.flush()
        payment.disputed = await _is_disputed(session, payment)
        await keep_books(session, order, dispute, event.occurred_at)
        await refunds.follow(session, order, cause=f"{event.provider} {event.type} {event.event_id}")
        await _keep_cases(session, dispute)
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


async def remind(db: Database, *, limit: int) -> bool:
    """Open a case for evidence that is due in a few days and was not sent; whether there was any."""
    async with db.transaction() as session:
        soon = Dispute.status.in_(WAITING), Dispute.due_at <= session.now + REMINDED_BEFORE
        query = sa.select(Dispute).where(*soon).order_by(Dispute.due_at.desc()).limit(limit)
        due = (await session.execute(query.with_for_update(skip_locked=True))).scalars().all()
        return any([await cases.open_case(session, _case(CaseKind.EVIDENCE_DUE, each)) for each in due])


async def listed(session: Session, *, closed: bool = False, limit: int) -> list[Dispute]:
    """Disputes that are not decided, the first due first; or all, the newest first."""
    query = sa.select(Dispute)
    if closed:
        query = query.order_by(Dispute.id.desc())
    else:
        query = query.where(Dispute.status.in_(UNDECIDED)).order_by(Dispute.due_at.nulls_last(), Dispute.id)
    return list((await session.execute(query.limit(limit))).scalars())


async def _keep_cases(session: Session, dispute: Dispute) -> None:
    """One case from its beginning to its end; who has answered needs no reminder."""
    if dispute.status in UNDECIDED:
        await cases.open_case(session, _case(CaseKind.DISPUTE_OPENED, dispute))
        await cases.put_off(session, dispute.id, dispute.due_at)
    if dispute.status not in WAITING:
        await cases.resolve(session, [CaseKind.EVIDENCE_DUE], [dispute.id], because=f"the dispute is {dispute.status}")
    if dispute.status not in UNDECIDED:
        await cases.resolve(
            session, [CaseKind.DISPUTE_OPENED], [dispute.id], because=f"the dispute is {dispute.status}"
        )


def _case(kind: CaseKind, dispute: Dispute) -> Fact:
    what = {
        "provider": dispute.provider,
        "ref": dispute.dispute_ref,
        "amount": dispute.amount.minor,
        "currency": dispute.amount.currency,
        "reason": dispute.reason,
        "payment": dispute.payment_id,
    }
    return Fact(kind, dispute.id, dispute.order_id, what, due_at=dispute.due_at)


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
