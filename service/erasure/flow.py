"""Forget a customer: all orders of the address lose their key, and what was ever sealed with it cannot be read again.

Bodies of the gateways' events and requests go as well, letters are no longer sent and links open nothing. Orders, lines,
payments, refunds, tickets and the journal stay as they are: they name nobody. What is still under way needs its customer;
it is refused unless a law says otherwise (`force`). Events that come later lose their bodies by `scrub_late`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from service.access.rules import Permission, Principal
from service.audit import flow as audit
from service.cases.tables import Case
from service.disputes.machine import RUNNING
from service.disputes.tables import Dispute
from service.idempotency.tables import IdempotencyKey
from service.kernel.db import Session
from service.kernel.errors import Forbidden, NotFound, WrongState
from service.kernel.outbox import OutboxMessage
from service.mail.rules import ORDER_LINK
from service.orders import flow as orders
from service.orders.machine import OPEN, OrderStatus
from service.orders.tables import Order
from service.payments.tables import Payment
from service.refunds.machine import UNDER_WAY
from service.refunds.tables import Refund
from service.vault import flow as vault
from service.vault.flow import normalise
from service.vault.tables import PLAIN_ORDERS, OrderCustomer
from service.webhooks.tables import EventState, PaymentEvent

BODY = b'{"erased": true}'  # what stands where an event's body was
UNUSED = (EventState.IGNORED, EventState.DEAD, EventState.DISCARDED)
RECENT = 100_000  # events among which `scrub_late` looks; many more than come in an hour
_LOCAL = r"a-z0-9.!#$%&'*+/=?^_`{|}~-"  # what the part before the @ is made of
_LONG = "SET LOCAL statement_timeout = '120s'"  # the inbox is read from end to end


@dataclass(frozen=True)
class Found:
    """An order of the customer; `under_way` says why it still needs its customer."""

    order_id: str
    number: str
    status: str
    erased: bool
    under_way: str | None


async def find(session: Session, wanted: str) -> list[Found]:
    """The orders of an address, or of the address of an order (its id or number), oldest first; `NotFound` without any."""
    ids = await _orders_of(session, wanted)
    query = sa.select(Order).where(Order.id.in_(ids)).order_by(Order.id)
    found = [await _look(session, each) for each in (await session.execute(query)).scalars()]
    if not found:
        raise NotFound
    return found


async def erase(session: Session, principal: Principal, wanted: str, *, force: bool = False) -> list[Found]:
    """Erase the customer of all these orders; the same again changes nothing. Answers what stood there before.

    Raises `Forbidden`, `NotFound`, and `WrongState` while an order needs its customer and nobody forces it.
    """
    if not principal.may(Permission.CUSTOMERS_ERASE):
        raise Forbidden(Permission.CUSTOMERS_ERASE)
    for each in await find(session, wanted):
        await orders.lock(session, each.order_id)  # in the order of their ids, as everybody does
    found = await find(session, wanted)
    stuck = [each for each in found if each.under_way and not each.erased]
    if stuck and not force:
        told = ", ".join(f"{each.number} ({each.under_way})" for each in stuck)
        raise WrongState(f"Still under way: {told}. Wait for its end, or force it where the law demands that.")
    ids = [each.order_id for each in found if not each.erased]
    if ids:
        await _forget(session, principal, ids, forced=bool(stuck))
    return found


async def _orders_of(session: Session, wanted: str) -> Sequence[str]:
    if "@" in wanted:
        return await _of_address(session, wanted)
    order_id = await orders.find_id(session, wanted)
    if order_id is None:
        return []
    buyer = await vault.open_buyer(session, order_id)
    return await _of_address(session, buyer.email) if buyer else [order_id]


async def _of_address(session: Session, email: str) -> Sequence[str]:
    plain = sa.select(PLAIN_ORDERS.c.id).where(sa.func.lower(PLAIN_ORDERS.c.email) == normalise(email))
    return [row[0] for row in await session.execute(vault.orders_of(session, email).union(plain))]


async def _look(session: Session, order: Order) -> Found:
    erased = await vault.erased(session, order.id) is not None
    return Found(order.id, order.number, order.status, erased, await _under_way(session, order))


async def _under_way(session: Session, order: Order) -> str | None:
    if order.status in OPEN:
        return order.status
    refunds = sa.select(Refund.status).where(Refund.order_id == order.id, Refund.status.in_(UNDER_WAY))
    if found := (await session.execute(refunds.limit(1))).scalar_one_or_none():
        return f"refund {found}"
    disputes = sa.select(Dispute.status).where(Dispute.order_id == order.id, Dispute.status.in_(RUNNING))
    if found := (await session.execute(disputes.limit(1))).scalar_one_or_none():
        return f"dispute {found}"
    return order.status if order.status in {OrderStatus.LATE_PAYMENT, OrderStatus.DISPUTED} else None


async def _forget(session: Session, principal: Principal, ids: list[str], *, forced: bool) -> None:
    await session.execute(sa.text(_LONG))
    await vault.seal_before(session, ids)
    rows = sa.select(OrderCustomer).where(OrderCustomer.order_id.in_(ids)).order_by(OrderCustomer.order_id)
    anew = {"populate_existing": True}
    gone = list((await session.execute(rows.with_for_update(), execution_options=anew)).scalars())
    buyers = [await vault.open_buyer(session, row.order_id) for row in gone]
    emails = {normalise(each.email) for each in buyers if each}
    digests = {digest for each in emails for digest in session.master_keys.digests(each)}
    for row in gone:
        row.key_id = row.wrapped_key = row.email_sealed = row.name_sealed = row.email_digest = row.token_hash = None
        row.erased_at = session.now
    await session.flush()
    await _forget_rows(session, ids, digests)
    events = await _scrub(session, sa.or_(_about(_subjects(ids)), *map(_names, sorted(emails))))
    done = {"orders": len(ids), "events": events, "forced": forced}
    for order_id in ids:
        audit.note(session, principal, "customer.erase", order_id, after=done)


async def _forget_rows(session: Session, ids: list[str], digests: set[str]) -> None:
    """Requests to gateways, pages to pay on, keys of clients, and what an error may have quoted."""
    asked = {"request": sa.null(), "request_sealed": None, "checkout_url": None}
    await session.execute(sa.update(Payment).where(Payment.order_id.in_(ids)).values(asked))
    said = {"note": None, "decision_note": None}
    await session.execute(sa.update(Refund).where(Refund.order_id.in_(ids)).values(said))
    handled = Case.order_id.in_(ids), Case.resolution.is_not(None)
    await session.execute(sa.update(Case).where(*handled).values(resolution="the customer was erased"))
    await session.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.subject.in_(ids)))
    told = OutboxMessage.payload["order_id"].as_string().in_(ids)
    quoted = sa.update(OutboxMessage).where(OutboxMessage.last_error.is_not(None), told)
    await session.execute(quoted.values(last_error=None))
    asked_by = sa.cast(OutboxMessage.payload["digests"], JSONB).has_any(sa.cast(sorted(digests), sa.ARRAY(sa.Text())))
    asking = OutboxMessage.kind == f"mail.{ORDER_LINK}", asked_by  # its key is of the master key that was first then
    await session.execute(sa.delete(OutboxMessage).where(*asking))


def _subjects(order_ids: Sequence[str] | sa.Select[str]) -> sa.CompoundSelect[tuple[str]]:
    """What events of these orders are about: the order, or a gateway's object where it names no order."""
    return sa.union(
        sa.select(Order.id).where(Order.id.in_(order_ids)),
        sa.select(Payment.checkout_ref).where(Payment.order_id.in_(order_ids), Payment.checkout_ref.is_not(None)),
        sa.select(Payment.payment_ref).where(Payment.order_id.in_(order_ids), Payment.payment_ref.is_not(None)),
        sa.select(Refund.refund_ref).where(Refund.order_id.in_(order_ids), Refund.refund_ref.is_not(None)),
        sa.select(Dispute.dispute_ref).where(Dispute.order_id.in_(order_ids)),
    )


def _about(subjects: sa.CompoundSelect[tuple[str]]) -> sa.ColumnElement[bool]:
    return PaymentEvent.subject.in_(subjects)


def _names(email: str) -> sa.ColumnElement[bool]:
    """Events that tell the address and are about nothing of ours, such as a gateway's own record of a customer."""
    alone = rf"(^|[^{_LOCAL}]){re.escape(_escaped(email))}($|[^a-z0-9.-]|\.($|[^a-z0-9]))"  # joana@… is not ana@…
    bodies = (
        sa.func.lower(sa.func.encode(each, "escape")).regexp_match(alone)  # a body need not be valid text
        for each in (PaymentEvent.payload, PaymentEvent.detail)
    )
    ours = PaymentEvent.subject.startswith("ord_", autoescape=True)
    return sa.and_(PaymentEvent.state.in_(UNUSED), ~ours, sa.or_(*bodies))


def _escaped(email: str) -> str:
    """As PostgreSQL's `encode(…, 'escape')` writes it."""
    return "".join(chr(each) if each < 128 else f"\\{each:03o}" for each in email.encode())  # noqa: PLR2004 - ASCII


async def _scrub(session: Session, *whose: sa.ColumnElement[bool]) -> int:
    """Take the bodies of these events, once they were applied; how many. Their ids and types stay."""
    done = PaymentEvent.state != EventState.PENDING, PaymentEvent.payload != BODY
    fetched = sa.case((PaymentEvent.detail.is_(None), sa.null()), else_=sa.literal(BODY))
    bare = {"payload": BODY, "detail": fetched, "last_error": None}
    gone = sa.update(PaymentEvent).where(*whose, *done).values(bare).returning(PaymentEvent.seq)
    return len((await session.execute(gone)).all())


async def scrub_late(session: Session) -> int:
    """Take the bodies of events that came, or were applied, after their customer was erased; how many."""
    newest = sa.select(sa.func.coalesce(sa.func.max(PaymentEvent.seq), 0)).scalar_subquery()
    erased = sa.select(OrderCustomer.order_id).where(OrderCustomer.erased_at.is_not(None))
    return await _scrub(session, _about(_subjects(erased)), PaymentEvent.seq > newest - RECENT)
