"""Refunds on their way: sent under the row's id as key, repeated until there is an answer, asked about when it is quiet.

The gateway's answer is believed as its events are (`refunds.flow.believe`). A refused refund stays `failed`, in sight of a
person, or until the gateway tells of it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from service.cases import flow as cases
from service.cases.flow import Fact
from service.cases.rules import CaseKind
from service.dispatch.rules import QUIET, is_remembered, may_be_forgotten
from service.gateways.base import Capability, Gateway
from service.gateways.facts import RefundFacts
from service.kernel import outbox
from service.kernel.db import Database, Session
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable, Parked
from service.kernel.machine import Outcome
from service.orders import flow as orders
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.refunds import flow as refunds
from service.refunds.flow import SEND, believe, fail, lock
from service.refunds.machine import RefundStatus
from service.refunds.tables import Refund
from service.telemetry import catalogue
from service.telemetry.labels import RecoveredBy
from service.telemetry.logs import get_logger

log = get_logger("dispatch")
DISPUTED = "dispute_running"  # why it was not even asked for


async def send(db: Database, gateways: Mapping[str, Gateway], payload: Mapping[str, Any]) -> None:
    """Deliver `refund.send`: the stored request, again and again under the same key until there is an answer.

    Raises `GatewayUnavailable` while nobody knows, and `Parked` when the gateway has refused: the refund has failed.
    """
    async with db.transaction() as session:
        refund = (await session.execute(sa.select(Refund).where(Refund.id == payload["refund_id"]))).scalar_one()
        disputed = await payments.is_disputed(session, refund.payment_id)
    if refund.status != RefundStatus.REQUESTED or refund.request is None:
        return  # answered meanwhile, by its event
    if disputed and refund.sent_at is None:  # opened since it was asked for: the bank has the money already
        await _refuse(db, refund, DISPUTED)
        raise Parked("refund_refused", f"{refund.id}: a dispute about {refund.payment_id} runs")
    try:
        facts = await _ask(db, gateways[refund.provider], refund, refund.request)
    except GatewayRejected as error:
        # "Nothing is left to refund" may be said because an earlier try of this one was taken.
        found = await _look_up_refused(db, gateways[refund.provider], refund.request)
        if found is None:
            await _refuse(db, refund, error.code)
            raise Parked("refund_refused", f"{refund.id}: {error.code} {error.message}") from error
        facts = found
    async with db.transaction() as session:
        order, payment, refund = await lock(session, refund)
        await believe(session, order, payment, refund, facts=facts, cause=f"answer to {refund.id}")


async def give_back(db: Database, gateways: Mapping[str, Gateway], payload: Mapping[str, Any]) -> None:
    """Deliver `refund.return`: ask for all that is left of a payment, once for each reason."""
    async with db.transaction() as session:
        order = await orders.lock(session, payload["order_id"])
        attempts = await payments.of_order(session, payload["order_id"])
        payment = next((each for each in attempts if each.id == payload["payment_id"]), None)
        if order is None or payment is None or payment.status != PaymentStatus.SUCCEEDED:
            raise Parked("nothing_to_return", f"{payload['payment_id']} holds no money")
        known = [each.reason for each in await refunds.of_order(session, order.id) if each.payment_id == payment.id]
        amount = await refunds.left(session, payment)
        if amount.is_positive and payload["reason"] not in known:
            gateway = gateways[payment.provider]
            if Capability.REFUND not in gateway.capabilities or payment.payment_ref is None:
                what = {"amount": amount.minor, "currency": amount.currency, "provider": payment.provider}
                await cases.open_case(session, Fact(CaseKind.MONEY_OWED, payment.id, order.id, what))
            else:
                await refunds.request(session, gateway, order, payment, amount, reason=payload["reason"])


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
        order, payment, refund = await lock(session, refund)
        if await believe(session, order, payment, refund, facts=facts, cause=f"look at {refund.id}") is Outcome.MOVED:
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


async def _refuse(db: Database, refund: Refund, code: str) -> None:
    async with db.transaction() as session:
        _, _, refund = await lock(session, refund)
        if refund.status == RefundStatus.REQUESTED:
            await fail(session, refund, code=code)
    log.error("refund refused", refund_id=refund.id, order_id=refund.order_id, code=code)
