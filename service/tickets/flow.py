"""Tickets are issued once, when an order is paid; which of them are good follows the money (`settle`)."""

from collections.abc import Mapping
from functools import cache
from typing import cast

import sqlalchemy as sa

from service.kernel.db import Session
from service.orders.tables import Order
from service.telemetry import catalogue
from service.tickets.tables import Ticket, TicketStatus

CODE_GROUPS, CODE_SIZE = 3, 4  # 60 random bits: nobody guesses a valid one at the door


async def issue(session: Session, order: Order) -> None:
    """One valid ticket for each seat of a locked, just paid order."""
    of_all = {"order_id": order.id, "status": TicketStatus.VALID, "issued_at": session.now}
    tickets = [
        {
            **of_all,
            "id": session.ids.new("tkt"),
            "order_item_id": item.id,
            "ordinal": ordinal,
            "ticket_type": item.ticket_type,
            "name": item.name,
            "code": session.ids.code(groups=CODE_GROUPS, size=CODE_SIZE),
        }
        for item in order.items
        for ordinal in range(item.quantity)
    ]
    await session.execute(_issuing(), tickets)
    for item in () if order.synthetic else order.items:
        session.count(catalogue.TICKETS_ISSUED, item.quantity, ticket_type=item.ticket_type)


@cache
def _issuing() -> sa.Executable:
    """With RETURNING, SQLAlchemy makes one statement of all rows."""
    tickets = cast("sa.Table", Ticket.__table__)
    return sa.insert(tickets).returning(tickets.c.id)


async def settle(session: Session, order: Order, gone: Mapping[str, int]) -> None:
    """Of each line the last `gone` tickets (by the line's id) let nobody in, and all others do."""
    for item in order.items:
        is_gone = Ticket.ordinal >= item.quantity - gone.get(item.id, 0)
        right = sa.case((is_gone, TicketStatus.VOID), else_=TicketStatus.VALID)
        wrong = Ticket.order_item_id == item.id, Ticket.status != right
        await session.execute(sa.update(Ticket).where(*wrong).values(status=right))


async def of_order(session: Session, order_id: str) -> list[Ticket]:
    """All tickets of an order, in the order of its lines."""
    return list((await session.execute(_of_order(), {"of_order": order_id})).scalars())


@cache
def _of_order() -> sa.Select[Ticket]:
    return sa.select(Ticket).where(Ticket.order_id == sa.bindparam("of_order")).order_by(Ticket.id)
