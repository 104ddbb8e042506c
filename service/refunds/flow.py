"""Money on its way back: asked for by us, or made in the gateway's dashboard and told to us.

A refund of ours is a row before it is a call: `request` writes it with the exact request, `send` sends that under the row's
id as key, and repeats it until there is an answer. Whatever moves the money moves `returned_minor` of its payment, and the
order follows that sum, never one event. A refused refund stays `failed`, in sight of a person, or until the gateway tells of it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from service.gateways.base import Capability, Gateway
from service.gateways.facts import EventKind, GatewayEvent, RefundFacts, RefundIntent
from service.kernel import outbox
from service.kernel.db import Database, Session
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable, Parked
from service.kernel.machine import Outcome
from service.kernel.money import Money
from service.orders import flow as orders
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import REFUND, UNDER_WAY, RefundEvent, RefundStatus
from service.refunds.rules import EVENTS, QUIET, is_remembered, may_be_forgotten
from service.refunds.tables import Refund
from service.telemetry import catalogue
from service.telemetry.labels import RecoveredBy
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


async def send(db: Database, gateways: Mapping[str, Gateway], payload: Mapping[str, Any]) -> None:
    """Deliver `refund.send`: the stored request, again and again under the same key until there is an answer.

    Raises `GatewayUnavailable` while nobody knows, and `Parked` when the gateway has refused: the refund has failed.
    """
    async with db.transaction() as session:
        refund = (await session.execute(sa.select(Refund).where(Refund.id == payload["refund_id"]))).scalar_one()
    if refund.status != RefundStatus.REQUESTED or refund.request is None:
        return  # answered meanwhile, by its event
    try:
        facts = await _ask(db, gateways[refund.provider], refund, refund.request)
    except GatewayRejected as error:
        # "Nothing is left to refund" may be said because an earlier try of this one was taken.
        found = await _look_up_refused(db, gateways[refund.provider], refund.request)
        if found is None:
            await _refuse(db, refund, error)
            raise Parked("refund_refused", f"{refund.id}: {error.code} {error.message}") from error
        facts = found
    async with db.transaction() as session:
        order, payment, refund = await _lock(session, refund)
        await _believe(session, order, payment, refund, facts=facts, cause=f"answer to {refund.id}")


async def ask_again(session: Session, *, limit: int) -> None:
    """Refunds nobody answered in all the tries of their message get all of them again."""
    unanswered = Refund.status == RefundStatus.REQUESTED, Refund.request.is_not(None)
    query = sa.select(Refund.id).where(*unanswered, ~outbox.is_asked(SEND, Refund.id)).order_by(Refund.id).limit(limit)
    for refund_id in (await session.execute(query)).scalars():
        await outbox.revive(session, SEND, key=refund_id)


async def look_up_pending(db: Database, gateways: Mapping[str, Gateway], *, limit: int) -> None:
    """Ask for refunds that went out and of which nothing was heard for an hour; one that cannot be asked holds up no other."""
    able = [name for name, each in gateways.items() if Capability.FIND_REFUND in each.capabilities]
    async with db.transaction() as session:
        quiet = await _take_quiet(session, able, limit=limit)
    await asyncio.gather(*(_find_out(db, gateways[each.provider], each) for each in quiet))


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
    return await _believe(session, order, payment, refund, facts=facts, cause=cause)


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


async def _ask(db: Database, gateway: Gateway, refund: Refund, stored: dict[str, Any]) -> RefundFacts:
    """The gateway's answer; what it may have forgotten asking for is looked for before it is asked again."""
    if may_be_forgotten(gateway, created_at=refund.created_at, now=db.clock()):
        if Capability.FIND_REFUND not in gateway.capabilities:
            raise Parked(
                "refund_unknown", f"nobody knows whether {refund.id} was made, and its key is too old to repeat"
            )
        return await _look_up(db, gateway, stored) or await _try(db, gateway, refund, stored, key=refund.id)
    try:
        return await _try(db, gateway, refund, stored, key=refund.id)
    except GatewayUnavailable as error:
        if not is_remembered(gateway, error, sent_at=refund.sent_at, now=db.clock()):
            raise
        # A gateway may keep a failure under its key for a day. Its own list says whether there is a refund all the same.
        return await _look_up(db, gateway, stored) or await _try(db, gateway, refund, stored, key=f"{refund.id}-again")


async def _try(db: Database, gateway: Gateway, refund: Refund, stored: dict[str, Any], *, key: str) -> RefundFacts:
    """Ask, and note before that it was asked; `refund` itself keeps telling of the try before."""
    async with db.transaction() as session:
        await session.execute(sa.update(Refund).where(Refund.id == refund.id).values(sent_at=session.now))
    return await gateway.refund(stored, key=key)


async def _take_quiet(session: Session, providers: list[str], *, limit: int) -> list[Refund]:
    """Pending refunds to ask about now, noted as asked, the longest unasked first."""
    before = session.now - QUIET
    rested = sa.or_(Refund.looked_at.is_(None), Refund.looked_at <= before)
    query = (
        sa.select(Refund)
        .where(Refund.status == RefundStatus.PENDING, Refund.provider.in_(providers), Refund.request.is_not(None))
        .where(Refund.updated_at <= before, rested)
        .order_by(Refund.looked_at.nulls_first(), Refund.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    for each in (quiet := list((await session.execute(query)).scalars())):
        each.looked_at = session.now
    return quiet


async def _find_out(db: Database, gateway: Gateway, refund: Refund) -> None:
    try:
        facts = await gateway.find_refund(refund.request or {})
    except GatewayError as error:
        log.warning("cannot be found out", refund_id=refund.id, order_id=refund.order_id, exc_info=error)
        return
    if facts is None or facts.status == "pending":
        return
    async with db.transaction() as session:
        order, payment, refund = await _lock(session, refund)
        if await _believe(session, order, payment, refund, facts=facts, cause=f"look at {refund.id}") is Outcome.MOVED:
            session.count(catalogue.RECOVERED, provider=refund.provider, found_by=RecoveredBy.LOOKUP)


async def _look_up(db: Database, gateway: Gateway, stored: dict[str, Any]) -> RefundFacts | None:
    found = await gateway.find_refund(stored)
    if found is not None:
        db.telemetry.count(catalogue.RECOVERED, provider=gateway.provider, found_by=RecoveredBy.LOOKUP)
    return found


async def _look_up_refused(db: Database, gateway: Gateway, stored: dict[str, Any]) -> RefundFacts | None:
    if Capability.FIND_REFUND not in gateway.capabilities:
        return None
    try:
        return await _look_up(db, gateway, stored)
    except GatewayRejected:  # it does not even know the payment
        return None


async def _refuse(db: Database, refund: Refund, error: GatewayRejected) -> None:
    async with db.transaction() as session:
        _, _, refund = await _lock(session, refund)
        if refund.status == RefundStatus.REQUESTED:
            refund.failure_reason = error.code
            await advance(session, refund, RefundEvent.FAIL)
    log.error("refund refused", refund_id=refund.id, order_id=refund.order_id, code=error.code)


async def _lock(session: Session, refund: Refund) -> tuple[Order, Payment, Refund]:
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


async def _believe(
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
