"""Tickets: one a seat, numbered within its order line, so that issuing twice cannot make two."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant


class TicketStatus(StrEnum):
    VALID = "valid"
    VOID = "void"


class Ticket(Tables):
    __tablename__ = "tickets"
    __table_args__ = (
        sa.CheckConstraint("status IN ('valid', 'void')", name="status"),
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("order_item_id", "ordinal"),
        sa.Index("ix_tickets_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    order_item_id: Mapped[str] = mapped_column(sa.ForeignKey("order_items.id"))
    ordinal: Mapped[int]
    ticket_type: Mapped[str] = mapped_column(sa.ForeignKey("ticket_types.id"))
    name: Mapped[str]
    code: Mapped[str]
    status: Mapped[str]
    issued_at: Mapped[datetime]


INVARIANTS = (
    Invariant(
        name="paid-has-tickets",
        promise="A paid order has one valid ticket for each seat it bought.",
        query="""
            SELECT o.id, 'paid for ' || i.seats || ' but has ' || coalesce(t.valid, 0) || ' valid tickets' AS problem
            FROM orders o
            JOIN (SELECT order_id, sum(quantity) AS seats FROM order_items GROUP BY order_id) i ON i.order_id = o.id
            LEFT JOIN (SELECT order_id, count(*) AS valid FROM tickets WHERE status = 'valid' GROUP BY order_id) t
                ON t.order_id = o.id
            WHERE o.status = 'paid' AND i.seats <> coalesce(t.valid, 0)
        """,
        playbook="PaidWithoutTicket",
    ),
    Invariant(
        name="ticket-has-payment",
        promise="A valid ticket belongs to an order that was paid.",
        query="""
            SELECT t.id, 'valid, but its order is ' || o.status AS problem
            FROM tickets t JOIN orders o ON o.id = t.order_id
            WHERE t.status = 'valid' AND (
                o.status NOT IN ('paid', 'partially_refunded', 'disputed')
                OR NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.status = 'succeeded'))
        """,
        playbook="PaidWithoutTicket",
    ),
)
