"""Money on its way back: asked for by us, or made in the gateway's dashboard and told to us.

A refund of ours is a row before it is a call: `request` writes it with the exact request, and the noun `dispatch` sends it.
Whatever moves the money moves `returned_minor` of its payment, and the order and the books follow that sum, never one event.
"""

from collections.abc import Collection

import sqlalchemy as sa

from service.books import flow as books
from service.books.rules import Moved
from service.cases import flow as cases
from service.cases.flow import Fact
from service.cases.rules import CaseKind
from service.gateways.base import Capability, Gateway
from service.gateways.facts import EventKind, GatewayEvent, RefundFacts, RefundIntent
from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.errors import Parked
from service.kernel.machine import Outcome
from service.kernel.money import Money
from service.mail.rules import REFUND_FAILED, REFUND_MADE
from service.orders import flow as orders
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.tables import Payment
from service.refunds.machine import REFUND, UNDER_WAY, RefundEvent, RefundStatus
from service.refunds.rules import AUTOMATIC, EVENTS, Asked
from service.refunds.tables import Refund, RefundItem, refunds_of
from service.seats import flow as seats
from service.telemetry import catalogue
from service.telemetry.logs import get_logger
from service.webhooks.rules import FOREIGN

SEND = "refund.send"
UNDONE = (RefundStatus.FAILED, RefundStatus.CANCELED)
SETTLED_BY_MONEY = (
    *(CaseKind.REFUND_REFUSED, CaseKind.REFUND_FAILED),
    *(CaseKind.REFUND_CANCELED, CaseKind.MONEY_OWED),
)
log = get_logger("refunds")


async def request(
    session: Session,
    gateway: Gateway,
    order: Order,
    payment: Payment,
    amount: Money,
    *,
    reason: str,
    asked: Asked = Asked(),  # noqa: B008 - frozen: nobody did
    waits: bool = False,
) -> Refund:
    """Write down that money shall go back, with what will be asked of the gateway; it is sent after the commit.

    The order is locked, and `amount` is no more than what is `left` of the payment. `waits`: for a second person.
    """
    if Capability.REFUND not in gateway.capabilities or payment.payment_ref is None:
        raise Parked("not_refundable", f"{payment.provider} gives nothing back by itself for {payment.id}")
    refund = _write(session, payment, amount, reason=reason)
    refund.note = asked.note
    if asked.by is not None:
        refund.requester_kind, refund.requester_id, refund.requester_name = asked.by.kind, asked.by.id, asked.by.name
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
    for part in asked.parts:
        session.add(RefundItem(refund_id=refund.id, **vars(part)))
    if waits:
        await advance(session, refund, RefundEvent.ESCALATE)
    else:
        await send_soon(session, order, refund)
    return refund


async def send_soon(session: Session, order: Order, refund: Refund) -> None:
    """Have it sent once this transaction has committed."""
    await session.flush()
    what = {"order_id": order.id, "refund_id": refund.id}
    await outbox.enqueue(session, SEND, what, key=refund.id, traceparent=order.traceparent)


async def left(session: Session, payment: Payment, *, beside: Collection[RefundStatus] = UNDER_WAY) -> Money:
    """What of a payment, whose order is locked, has not gone back and is not on its way (in a state of `beside`)."""
    mine = [each for each in await of_order(session, payment.order_id) if each.payment_id == payment.id]
    asked = sum(each.amount.minor for each in mine if each.status in beside)
    minor = payment.amount.minor - payment.returned_minor - asked
    return Money(max(minor, 0), payment.amount.currency)


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
        await session.flush()
        await _open_case(session, CaseKind.REFUND_EXTERNAL, refund)
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
    return list((await session.execute(refunds_of(), {"of_order": order_id})).scalars())


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
    query = sa.select(Refund).where(Refund.id == refund.id).execution_options(populate_existing=True)
    found = (await session.execute(query)).scalar_one()
    if order is None:
        raise Parked("no_order", f"{refund.id} belongs to no order")
    return order, rows[refund.payment_id], found


async def _find_refund(session: Session, payment: Payment, facts: RefundFacts) -> Refund | None:
    """By the gateway's name for it, or by ours: but one of ours is made once, so under another name it is another one."""
    by_ref = sa.and_(Refund.provider == payment.provider, Refund.refund_ref == facts.ref)
    unnamed = sa.and_(Refund.id == facts.refund_id, Refund.payment_id == payment.id, Refund.refund_ref.is_(None))
    query = sa.select(Refund).where(sa.or_(by_ref, unnamed)).order_by(Refund.refund_ref.nulls_last()).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


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
        if went > 0 and not order.synthetic:
            session.count(catalogue.RETURNED, refund.amount.minor, currency=refund.amount.currency, cause="refund")
        await keep_books(session, order, payment, refund)
        await follow(session, order, cause=cause)
    if outcome is Outcome.MOVED:
        await _tell(session, order, payment, refund, before=RefundStatus(before))
    return outcome


async def follow(session: Session, order: Order, *, cause: str) -> None:
    """Put a locked order, its tickets and its seats where the money says: what went back, and for which tickets."""
    await payments.follow(session, order, cause=cause)
    await seats.settle(session, order, await refunded_tickets(session, order.id, RefundStatus.SUCCEEDED))


async def refunded_tickets(session: Session, order_id: str, *states: RefundStatus) -> dict[str, int]:
    """How many tickets of each line (by its id) refunds in these states are of."""
    query = (
        sa.select(RefundItem.order_item_id, sa.func.sum(RefundItem.quantity))
        .join(Refund, Refund.id == RefundItem.refund_id)
        .where(Refund.order_id == order_id, Refund.status.in_(states))
        .group_by(RefundItem.order_item_id)
    )
    return {item_id: int(count) for item_id, count in await session.execute(query)}


async def parts_of(session: Session, refund_id: str) -> list[RefundItem]:
    """The tickets a refund is of; none for one of an amount."""
    query = sa.select(RefundItem).where(RefundItem.refund_id == refund_id).order_by(RefundItem.order_item_id)
    return list((await session.execute(query)).scalars())


async def fail(session: Session, refund: Refund, *, code: str) -> None:
    """The gateway has refused it, so nothing was given back: a person has to find another way."""
    refund.failure_reason = code
    await advance(session, refund, RefundEvent.FAIL)
    await _open_case(session, CaseKind.REFUND_REFUSED, refund)


async def _tell(session: Session, order: Order, payment: Payment, refund: Refund, *, before: RefundStatus) -> None:
    """The letter for the customer, and the case for a person, that follow from a move just made."""
    match RefundStatus(refund.status):
        case RefundStatus.SUCCEEDED:
            await _settle_cases(session, payment, refund)
            if refund.reason not in AUTOMATIC:
                await _write_letter(session, order, refund, REFUND_MADE)
        case RefundStatus.FAILED:
            log.error("refund failed", refund_id=refund.id, order_id=order.id, code=refund.failure_reason)
            was_refused = before == RefundStatus.REQUESTED
            await _open_case(session, CaseKind.REFUND_REFUSED if was_refused else CaseKind.REFUND_FAILED, refund)
            if before == RefundStatus.SUCCEEDED:
                await _write_letter(session, order, refund, REFUND_FAILED)
        case RefundStatus.CANCELED if not refund.external:
            await _open_case(session, CaseKind.REFUND_CANCELED, refund)


async def _open_case(session: Session, kind: CaseKind, refund: Refund) -> None:
    owed = refund.reason in AUTOMATIC
    what = {
        "refund": refund.id,
        "amount": refund.amount.minor,
        "currency": refund.amount.currency,
        "provider": refund.provider,
        "reason": refund.reason,
        "code": refund.failure_reason,
    }
    fact = Fact(CaseKind.MONEY_OWED if owed else kind, refund.payment_id if owed else refund.id, refund.order_id, what)
    await cases.open_case(session, fact)


async def _settle_cases(session: Session, payment: Payment, refund: Refund) -> None:
    """It stands in for one of the same amount that failed; when all has gone back, nothing about it is left to do."""
    because = f"{refund.id} has succeeded"
    known = [each for each in await of_order(session, payment.order_id) if each.payment_id == payment.id]
    is_whole = payment.returned_minor >= payment.amount.minor
    about = [payment.id, *(each.id for each in known)] if is_whole else [refund.id]
    closed = await cases.resolve(session, SETTLED_BY_MONEY, about, because=because)
    alike = (each for each in known if each.amount == refund.amount and each.status in UNDONE and not closed)
    for each in alike:
        if await cases.resolve(session, SETTLED_BY_MONEY, [each.id], because=because):
            return


async def _write_letter(session: Session, order: Order, refund: Refund, letter: str) -> None:
    if order.synthetic:
        return
    what = {"order_id": order.id, "refund_id": refund.id}
    await outbox.enqueue(session, f"mail.{letter}", what, key=refund.id, traceparent=order.traceparent)


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
    is_last, types = gone == payment.amount.minor, {item.id: item.ticket_type for item in order.items}
    parts = {types[each.order_item_id]: each.amount for each in await parts_of(session, refund.id)}
    return await books.give_back(session, order, payment.id, back, items=parts or None, is_last=is_last)
