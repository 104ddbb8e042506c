"""The sale: seats sold, order paid, books kept, tickets issued and the letter written, in the transaction that learned of it."""

from datetime import datetime

from service.books import flow as books
from service.books.rules import Moved
from service.catalog import flow as catalog
from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.errors import Parked
from service.kernel.machine import Outcome
from service.mail.rules import CONFIRMATION
from service.orders import flow as orders
from service.orders.machine import OrderEvent
from service.orders.tables import Order
from service.telemetry import catalogue
from service.tickets import flow as tickets


async def make(session: Session, order: Order, paid: Moved, *, cause: str, gift: bool) -> bool:
    """Make the sale of a locked order; False when its seats are gone: then it is paid too late and gets no ticket.

    Seats that were given back before are taken again when there are any. `Parked` when the order cannot be paid any more.
    """
    seated = await catalog.sell(session, order.id)
    move = OrderEvent.PAY if seated else OrderEvent.PAY_UNSEATED
    if await orders.advance(session, order, move, cause=cause) is not Outcome.MOVED:
        raise Parked("order_not_payable", f"money came for {order.id}, which is {order.status}")
    if seated:
        await books.sell(session, order, paid, gift=gift)
        await tickets.issue(session, order)
        await write(session, order, CONFIRMATION)
        _measure(session, order, paid.at, gift=gift)
    else:
        await books.owe(session, order, paid)
    return seated


async def write(session: Session, order: Order, letter: str) -> None:
    """One letter of this name an order."""
    await outbox.enqueue(session, f"mail.{letter}", {"order_id": order.id}, key=order.id, traceparent=order.traceparent)


def _measure(session: Session, order: Order, paid_at: datetime, *, gift: bool) -> None:
    session.count(catalogue.FUNNEL, step="paid")
    session.count(catalogue.FUNNEL, step="ticket")
    session.observe(catalogue.CHECKOUT_TO_TICKET, (session.now - order.created_at).total_seconds())
    session.observe(catalogue.PAID_TO_TICKET, max((session.now - paid_at).total_seconds(), 0))
    for item in () if gift else order.items:  # a gift brings nothing in
        amount = item.unit_price * item.quantity
        session.count(catalogue.REVENUE, amount.minor, currency=amount.currency, ticket_type=item.ticket_type)
