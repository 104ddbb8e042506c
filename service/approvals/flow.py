"""Ask for a refund, and decide on one that is above its asker's limit. Each is one transaction under the order's lock.

What waits for approval holds its share of the payment, so two requests never ask for more than is left; what the gateway
did meanwhile is looked at again when somebody approves. The limit counts all that the same client or person has asked for
of the order, so many small requests are one large one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from service.access.flow import owners_of
from service.access.rules import Principal, system
from service.approvals.rules import UNDECIDED_FOR, Wish, fingerprint, has_asked, identity
from service.approvals.views import RefundAsked, RefundDecided, RefundDetail, present
from service.audit.flow import note
from service.gateways.base import Capability, Gateway
from service.idempotency import flow as idempotency
from service.idempotency.flow import Found, Key
from service.kernel.db import Database, Session
from service.kernel.errors import Conflict, FieldError, Invalid, NotFound, WrongState
from service.kernel.ids import is_id
from service.kernel.money import Money, sum_money
from service.kernel.refusals import (
    AboveLeft,
    DisputeRunning,
    NobodysKey,
    NothingLeft,
    NotPaid,
    NotRefundable,
    OwnRequest,
)
from service.orders import flow as orders
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds import flow as refunds
from service.refunds.machine import UNDER_WAY, RefundEvent, RefundStatus
from service.refunds.rules import Asked, Part
from service.refunds.tables import Refund, RefundItem

ON_ITS_WAY = (RefundStatus.REQUESTED, RefundStatus.PENDING)
TAKEN = (*UNDER_WAY, RefundStatus.SUCCEEDED)
REJECTED, EXPIRED, NO_ROOM, DISPUTED = "rejected", "expired", "no_room", "dispute_running"


@dataclass(frozen=True)
class Decision:
    """What was decided, or why it could not be: the refund was canceled then."""

    told: RefundDecided
    refused: Conflict | None = None


async def ask(db: Database, gateways: Mapping[str, Gateway], by: Principal, wish: Wish, *, key: str) -> RefundAsked:
    """Write the refund down, to be sent or to wait for a second person; the same key and wish give the same answer.

    Raises `Invalid`, `NotFound`, `KeyReused`, `NotPaid`, `DisputeRunning`, `NotRefundable`, `NothingLeft`, `AboveLeft`, or
    `NobodysKey` for what a second person would have to approve.
    """
    asked = Key(f"refund {identity(by)}", key, fingerprint(wish))
    async with db.transaction() as session:
        claim = await idempotency.claim(session, asked, subject="")
        if claim.found is Found.DONE:
            return RefundAsked(*claim.subject.split())
        order, payment = await _find(session, wish.order_id)
        amount, parts = await _price(session, order, payment, wish)
        gateway = gateways[payment.provider]
        _check_gateway(gateway, payment, amount)
        waits = await _asked_before(session, order, by) + amount.minor > by.refund_limit
        if waits and by.person is None:
            raise NobodysKey
        details = Asked(by, wish.note, parts)
        refund = await refunds.request(
            session, gateway, order, payment, amount, reason=wish.reason, asked=details, waits=waits
        )
        items = {
            item.ticket_type: each.quantity for each in parts for item in order.items if item.id == each.order_item_id
        }
        note(session, by, "refund.request", refund.id, after=_facts(refund) | {"items": items})
        await idempotency.finish(session, asked, claim, subject=f"{refund.id} {refund.status}")
        return RefundAsked(refund.id, refund.status)


async def approve(db: Database, by: Principal, refund_id: str, said: str | None) -> Decision:
    """Let it go; canceled instead when there is no room for it any more. `NotFound`, `OwnRequest`, `NobodysKey`, `WrongState`."""
    async with db.transaction() as session:
        order, payment, refund = await _lock(session, refund_id)
        if refund.status != RefundStatus.AWAITING_APPROVAL:
            return _decided(refund, canceled=False)
        asker = (await _people(session, [refund]))[refund.id]
        if by.person is None or asker is None:
            raise NobodysKey
        if has_asked(refund, by, person=asker):
            raise OwnRequest
        refused = await _why_not(session, order, payment, refund)
        if refused is not None:
            refund.failure_reason = DISPUTED if isinstance(refused, DisputeRunning) else NO_ROOM
            await _decide(session, by, refund, RefundEvent.CANCEL, said)
            return Decision(RefundDecided(refund.id, refund.status, "refused"), refused)
        await _decide(session, by, refund, RefundEvent.APPROVE, said)
        await refunds.send_soon(session, order, refund)
        return Decision(RefundDecided(refund.id, refund.status, "approved"))


async def reject(db: Database, by: Principal, refund_id: str, said: str | None) -> Decision:
    """It shall not be made; who asked for it may take it back in this way, too. `NotFound`, `WrongState`."""
    async with db.transaction() as session:
        _, _, refund = await _lock(session, refund_id)
        if refund.status != RefundStatus.AWAITING_APPROVAL:
            return _decided(refund, canceled=True)
        refund.failure_reason = REJECTED
        await _decide(session, by, refund, RefundEvent.CANCEL, said)
        return Decision(RefundDecided(refund.id, refund.status, "rejected"))


async def expire_undecided(db: Database, *, limit: int) -> bool:
    """Cancel what nobody has decided on in a week, oldest first; whether there was any."""
    async with db.transaction() as session:
        old = Refund.status == RefundStatus.AWAITING_APPROVAL, Refund.created_at <= session.now - UNDECIDED_FOR
        query = sa.select(Refund.id).where(*old).order_by(Refund.id).limit(limit)
        due = list((await session.execute(query)).scalars())
    for refund_id in due:
        async with db.transaction() as session:
            _, _, refund = await _lock(session, refund_id)
            if refund.status == RefundStatus.AWAITING_APPROVAL:
                refund.failure_reason = EXPIRED
                await _decide(session, system("worker"), refund, RefundEvent.CANCEL, None)
    return bool(due)


async def find(session: Session, refund_id: str) -> Refund:
    """`NotFound` for an unknown one."""
    refund = await session.get(Refund, refund_id) if is_id(refund_id, "rfd") else None
    if refund is None:
        raise NotFound
    return refund


async def listed(session: Session, *, status: RefundStatus | None, after: str | None, limit: int) -> list[Refund]:
    """Refunds in this state, or all, the oldest first, from behind this id on."""
    query = sa.select(Refund).order_by(Refund.id).limit(limit)
    if status is not None:
        query = query.where(Refund.status == status)
    if after is not None:
        query = query.where(Refund.id > after)
    return list((await session.execute(query)).scalars())


async def details(session: Session, found: Sequence[Refund]) -> list[RefundDetail]:
    """The refunds with their orders and tickets."""
    mine = Order.id.in_({each.order_id for each in found})
    rows = (await session.execute(sa.select(Order).where(mine).options(sa.orm.selectinload(Order.items)))).scalars()
    known = {order.id: order for order in rows}
    parts: dict[str, list[RefundItem]] = {each.id: [] for each in found}
    for part in (await session.execute(sa.select(RefundItem).where(RefundItem.refund_id.in_(parts)))).scalars():
        parts[part.refund_id].append(part)
    return [present(each, known[each.order_id], parts[each.id]) for each in found]


async def _find(session: Session, order_id: str) -> tuple[Order, Payment]:
    """The order, locked, and the payment that its money came by."""
    found = await orders.find_id(session, order_id)
    order = await orders.lock(session, found) if found else None
    if order is None:
        raise NotFound
    paid = (each for each in await payments.of_order(session, order.id) if each.status == PaymentStatus.SUCCEEDED)
    payment = next((each for each in paid if not each.surplus), None)
    if payment is None:
        raise NotPaid(f"Order {order.number} is {order.status.replace('_', ' ')}; no money has come for it.")
    if payment.disputed:
        raise DisputeRunning
    return order, payment


async def _price(session: Session, order: Order, payment: Payment, wish: Wish) -> tuple[Money, tuple[Part, ...]]:
    """How much, and of which tickets; never more than is left of either."""
    left = await refunds.left(session, payment)
    if wish.amount is not None and wish.amount.currency != left.currency:
        raise Invalid([FieldError("amount.currency", "other_currency", f"The order is in {left.currency}.")])
    parts = await _parts(session, order, wish, left)
    amount = sum_money((each.amount for each in parts), left.currency) if parts else wish.amount or left
    if not left.is_positive:
        raise NothingLeft
    if amount > left:
        raise AboveLeft(left)
    if not amount.is_positive:
        raise Invalid([FieldError("items", "free", "These tickets cost nothing, so nothing can go back for them.")])
    return amount, parts


async def _parts(session: Session, order: Order, wish: Wish, left: Money) -> tuple[Part, ...]:
    taken = await refunds.refunded_tickets(session, order.id, *TAKEN) if wish.items else {}
    known = {item.ticket_type: item for item in order.items}
    wrong = [
        FieldError(f"items[{index}].ticketType", "not_in_order", "The order has no such tickets.")
        for index, (ticket_type, _) in enumerate(wish.items)
        if ticket_type not in known
    ]
    if wrong:
        raise Invalid(wrong)
    for ticket_type, quantity in wish.items:
        free = max(known[ticket_type].quantity - taken.get(known[ticket_type].id, 0), 0)
        if quantity > free:
            raise AboveLeft(left, ticket_type, free)
    chosen = ((known[ticket_type], quantity) for ticket_type, quantity in wish.items)
    return tuple(Part(item.id, quantity, item.unit_price * quantity) for item, quantity in chosen)


def _check_gateway(gateway: Gateway, payment: Payment, amount: Money) -> None:
    if Capability.REFUND not in gateway.capabilities or payment.payment_ref is None:
        raise NotRefundable(f"{payment.provider} gives nothing back by itself. Agree with the customer on another way.")
    if Capability.PARTIAL_REFUND not in gateway.capabilities and amount != payment.amount:
        raise NotRefundable(f"{payment.provider} gives back all of {payment.amount.format()} or nothing.")


async def _asked_before(session: Session, order: Order, by: Principal) -> int:
    """Minor units that the same client or person has asked for of this order, and that were not turned down."""
    found = await refunds.of_order(session, order.id)
    people = await _people(session, found)
    mine = (each for each in found if has_asked(each, by, person=people[each.id]))
    return sum(each.amount.minor for each in mine if each.status in TAKEN)


async def _people(session: Session, found: Sequence[Refund]) -> dict[str, str | None]:
    """Who has asked for each, by its id: behind a key whoever answers for it, and None where that is nobody."""
    owners = await owners_of(session, {each.requester_id for each in found if each.requester_id})
    return {
        each.id: owners.get(each.requester_id or "") if each.requester_kind == "key" else each.requester_id
        for each in found
    }


async def _lock(session: Session, refund_id: str) -> tuple[Order, Payment, Refund]:
    return await refunds.lock(session, await find(session, refund_id))


async def _why_not(session: Session, order: Order, payment: Payment, refund: Refund) -> Conflict | None:
    """What has happened since it was asked for and leaves no room for it."""
    if payment.disputed:
        return DisputeRunning()
    left = await refunds.left(session, payment, beside=ON_ITS_WAY)
    if refund.amount > left:
        return AboveLeft(left) if left.is_positive else NothingLeft()
    taken = await refunds.refunded_tickets(session, order.id, *ON_ITS_WAY, RefundStatus.SUCCEEDED)
    items = {item.id: item for item in order.items}
    for part in await refunds.parts_of(session, refund.id):
        free = items[part.order_item_id].quantity - taken.get(part.order_item_id, 0)
        if part.quantity > free:
            return AboveLeft(left, items[part.order_item_id].ticket_type, max(free, 0))
    return None


async def _decide(session: Session, by: Principal, refund: Refund, event: RefundEvent, said: str | None) -> None:
    before = _facts(refund)
    refund.decider_kind, refund.decider_id, refund.decider_name = by.kind, by.id, by.name
    refund.decided_at, refund.decision_note = session.now, said
    await refunds.advance(session, refund, event)
    action = "refund.approve" if event is RefundEvent.APPROVE else "refund.cancel"
    after = _facts(refund) | ({"because": refund.failure_reason} if event is RefundEvent.CANCEL else {})
    note(session, by, action, refund.id, before=before, after=after)


def _decided(refund: Refund, *, canceled: bool) -> Decision:
    """The answer for a refund that waits no more."""
    if refund.decided_at is None:
        raise WrongState(f"{refund.id} is {refund.status}; nobody has to decide on it.")
    was_turned_down = refund.failure_reason in {REJECTED, EXPIRED, NO_ROOM, DISPUTED}
    was_approved = refund.status != RefundStatus.CANCELED or not was_turned_down  # a dispute may stop it afterwards
    if was_approved == canceled:
        how = "approved" if was_approved else f"canceled ({refund.failure_reason})"
        raise WrongState(f"{refund.id} was {how} by {refund.decider_name} and is {refund.status}.")
    return Decision(RefundDecided(refund.id, refund.status, "already"))


def _facts(refund: Refund) -> dict[str, Any]:
    return {
        "orderId": refund.order_id,
        "status": refund.status,
        "amount": {"minor": refund.amount.minor, "currency": refund.amount.currency},
        "reason": refund.reason,
    }
