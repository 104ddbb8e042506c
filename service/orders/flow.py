"""Orders are written, locked and moved here and nowhere else.

Whoever changes anything of an order locks its row first (`lock`), so that all that happens to one order happens one after
the other. `advance` is the only function that sets a status.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import cast

import sqlalchemy as sa

from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.ids import is_id
from service.kernel.machine import Outcome
from service.kernel.money import Money
from service.orders.machine import ORDER, OrderEvent, OrderStatus
from service.orders.rules import NUMBER
from service.orders.tables import Order, OrderHistory, OrderItem
from service.telemetry import catalogue
from service.vault import flow as vault
from service.vault.flow import Buyer, OrderKey

ASKED_AGAIN = timedelta(minutes=1)  # after a message that was done, if its order still awaits its end


@dataclass(frozen=True)
class Line:
    """One line to be written: the price is the catalogue's."""

    ticket_type: str
    name: str
    quantity: int
    unit_price: Money
    tax_bp: int = 0
    synthetic: bool = False


def write_order(
    session: Session,
    order_id: str,
    buyer: Buyer,
    lines: list[Line],
    *,
    locale: str,
    provider: str,
    expires_at: datetime,
    traceparent: str | None,
) -> OrderKey:
    """Add a new order that awaits its payment, and its buyer sealed; written with the session's next flush."""
    total = Money.zero(lines[0].unit_price.currency)
    for line in lines:
        total += line.unit_price * line.quantity
    order = Order(
        id=order_id,
        number="ALC-" + session.ids.code(groups=2, size=4),
        status=ORDER.initial,
        locale=locale,
        provider=provider,
        total=total,
        traceparent=traceparent,
        created_at=session.now,
        updated_at=session.now,
        expires_at=expires_at,
        paid_at=None,
        synthetic=any(line.synthetic for line in lines),
        items=[_item(session, position, line) for position, line in enumerate(lines)],
    )
    session.add(order)
    session.add(OrderHistory(**_moved(session, order, event="place", came_from=None, cause="checkout")))
    return vault.write(session, order_id, buyer)


def _item(session: Session, position: int, line: Line) -> OrderItem:
    return OrderItem(
        id=session.ids.new("item"),
        position=position,
        ticket_type=line.ticket_type,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        tax_bp=line.tax_bp,
    )


async def find_id(session: Session, name: str) -> str | None:
    """The id of the order that somebody names by its id or by the number on their ticket; None when there can be none."""
    if is_id(name, "ord"):
        return name
    if not NUMBER.fullmatch(name):
        return None
    return (await session.execute(sa.select(Order.id).where(Order.number == name.upper()))).scalar_one_or_none()


async def lock(session: Session, order_id: str) -> Order | None:
    """The order with its lines, locked until this transaction ends and read anew; None when unknown."""
    return (await session.execute(_locking(), {"order_id": order_id})).unique().scalar_one_or_none()


@cache
def _locking() -> sa.Select[Order]:
    """Built once: every checkout, every event and every act of staff begins with it."""
    return (
        sa.select(Order)
        .options(sa.orm.joinedload(Order.items))  # lines never change, so they may be read beside the lock
        .where(Order.id == sa.bindparam("order_id"))
        .with_for_update(of=Order, key_share=True)  # rows that only name the order (entries, movements) wait for nobody
        .execution_options(populate_existing=True)
    )


async def advance(session: Session, order: Order, event: OrderEvent, *, cause: str) -> Outcome:
    """Apply one event to a locked order. `moved` has been recorded; `already` and `stale` changed nothing."""
    before = OrderStatus(order.status)
    step = ORDER.step(before, event)
    session.count(catalogue.ORDERS_MOVED, event=event, outcome=step.outcome)
    if not step.moved:
        return step.outcome
    order.status = step.state
    order.updated_at = session.now
    if event in {OrderEvent.PAY, OrderEvent.PAY_UNSEATED}:
        order.paid_at = session.now
    await session.flush()
    moved = _moved(session, order, event=event, came_from=before, cause=cause)
    await session.execute(sa.insert(cast("sa.Table", OrderHistory.__table__)), moved)
    return step.outcome


def _moved(session: Session, order: Order, *, event: str, came_from: str | None, cause: str) -> dict[str, object]:
    """The row of the history that tells of it."""
    told = {"event": event, "from_status": came_from, "to_status": order.status, "cause": cause}
    return {"order_id": order.id, "at": session.now, **told}


async def add_up(session: Session, *conditions: sa.ColumnElement[bool]) -> tuple[int, list[Money]]:
    """How many orders these are, and what their totals sum to, one amount a currency."""
    minor, currency = Order.__table__.c.total_minor, Order.__table__.c.total_currency
    query = sa.select(sa.func.count(), sa.func.sum(minor), currency).where(*conditions).group_by(currency)
    found = (await session.execute(query.order_by(currency))).all()
    return sum(row[0] for row in found), [Money(int(row[1]), row[2]) for row in found]


async def find_expired(session: Session, *, kind: str, limit: int) -> list[str]:
    """Ask by a message of `kind` to close open orders whose hold has run out, oldest first; their ids.

    Not while one is on its way: a few that cannot be closed would keep all others waiting. One that was done and has not
    ended its order, or died because the gateway was away for longer than all tries, is asked again.
    """
    done_before = session.now - ASKED_AGAIN
    query = (
        sa.select(Order.id)
        .where(Order.status == OrderStatus.AWAITING_PAYMENT, Order.expires_at <= session.now)
        .where(~outbox.is_asked(kind, Order.id, done_before=done_before))
        .order_by(Order.expires_at)
        .limit(limit)
    )
    due = list((await session.execute(query)).scalars())
    for order_id in due:
        await outbox.enqueue(session, kind, {"order_id": order_id}, key=order_id)
        await outbox.revive(session, kind, key=order_id, done_before=done_before)
    return due
