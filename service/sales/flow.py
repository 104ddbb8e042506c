"""The sale: seats sold, order paid, books kept, tickets issued and the letter written, in the transaction that learned of it."""

from datetime import datetime, timedelta

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
from service.telemetry.labels import OddMoney
from service.tickets import flow as tickets

RETURN = "refund.return"  # the kind of message that asks the refunds to give a payment back whole
SEEN_WITHIN = timedelta(minutes=1)  # its ticket by the synthetic buyer: then the money goes back


async def make(session: Session, order: Order, paid: Moved, *, cause: str, gift: bool, tries: int) -> bool:
    """Make the sale of a locked order; False when its seats are gone: then it is paid too late and gets no ticket.

    Seats that were given back before are taken again when there are any. `tries` is how many its buyer needed. `Parked` when
    the order cannot be paid any more.
    """
    seated = await catalog.sell(session, order.id)
    move = OrderEvent.PAY if seated else OrderEvent.PAY_UNSEATED
    if await orders.advance(session, order, move, cause=cause) is not Outcome.MOVED:
        raise Parked("order_not_payable", f"money came for {order.id}, which is {order.status}")
    if seated and order.synthetic:
        await books.owe(session, order, paid)  # it goes back soon, and was never revenue
        await tickets.issue(session, order)
    elif seated:
        await books.sell(session, order, paid, gift=gift)
        await tickets.issue(session, order)
        await write(session, order, CONFIRMATION)
        _measure(session, order, paid.at, gift=gift)
        session.observe(catalogue.TRIES_TO_PAY, tries)
    else:
        await books.owe(session, order, paid)
    return seated


async def write(session: Session, order: Order, letter: str) -> None:
    """One letter of this name an order; nobody reads those of a synthetic one, so there are none."""
    if order.synthetic:
        return
    await outbox.enqueue(session, f"mail.{letter}", {"order_id": order.id}, key=order.id, traceparent=order.traceparent)


async def give_back(session: Session, order: Order, payment_id: str, *, reason: str) -> None:
    """Ask the refunds for the whole payment and write the letter of the same name."""
    what = {"order_id": order.id, "payment_id": payment_id, "reason": reason}
    due_at = session.now + SEEN_WITHIN if order.synthetic else None
    await outbox.enqueue(session, RETURN, what, key=payment_id, due_at=due_at, traceparent=order.traceparent)
    await write(session, order, reason)


def count_attempt(session: Session, order: Order, provider: str, *, outcome: str, category: str = "none") -> None:
    """What became of an attempt to pay; the synthetic buyer, who always pays, would only hide how customers fare."""
    if not order.synthetic:
        session.count(catalogue.PAYMENT_ATTEMPTS, provider=provider, outcome=outcome, category=category)


def count_odd(session: Session, order: Order, provider: str, outcome: OddMoney, *, anyway: bool = False) -> None:
    """Money of a customer that did not fit its order; `anyway` also when the transaction is taken back."""
    if not order.synthetic:
        (session.count_anyway if anyway else session.count)(catalogue.ODD_MONEY, provider=provider, outcome=outcome)


def _measure(session: Session, order: Order, paid_at: datetime, *, gift: bool) -> None:
    session.count(catalogue.FUNNEL, step="paid")
    session.count(catalogue.FUNNEL, step="ticket")
    session.observe(catalogue.CHECKOUT_TO_TICKET, (session.now - order.created_at).total_seconds())
    session.observe(catalogue.PAID_TO_TICKET, max((session.now - paid_at).total_seconds(), 0))
    if gift:  # it brings nothing in
        return
    session.count(catalogue.ORDERS_PAID, currency=order.total.currency)
    for item in order.items:
        amount = item.unit_price * item.quantity
        session.count(catalogue.REVENUE, amount.minor, currency=amount.currency, ticket_type=item.ticket_type)
