"""Tickets: one a seat, numbered within its order line, so that issuing twice cannot make two; the last go first."""

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
        promise="A paid order has one valid ticket for each seat it bought; a seat sold to another meanwhile is a person's case.",
        query="""
            SELECT o.id, 'paid for ' || i.seats || ' but has ' || coalesce(t.valid, 0) || ' valid tickets' AS problem
            FROM orders o
            JOIN (SELECT order_id, sum(quantity - returned) AS seats FROM holds GROUP BY order_id) i ON i.order_id = o.id
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
    Invariant(
        name="tickets-fit-refunds",
        promise="Of a partly refunded order as many tickets are void as were refunded by ticket, or whose seats are gone.",
        query="""
            SELECT i.id, count(t.id) FILTER (WHERE t.status = 'void') || ' tickets void, ' || coalesce(b.gone, 0)
                   || ' refunded, ' || h.returned || ' seats returned' AS problem
            FROM orders o JOIN order_items i ON i.order_id = o.id
            JOIN holds h ON h.order_id = o.id AND h.ticket_type = i.ticket_type
            JOIN tickets t ON t.order_item_id = i.id
            LEFT JOIN (SELECT order_item_id, sum(quantity) AS gone FROM refund_items JOIN refunds r ON r.id = refund_id
                       WHERE r.status = 'succeeded' GROUP BY order_item_id) b ON b.order_item_id = i.id
            WHERE o.status IN ('partially_refunded', 'disputed')
            GROUP BY i.id, h.id, b.gone
            HAVING count(t.id) FILTER (WHERE t.status = 'void') <> greatest(least(coalesce(b.gone, 0), i.quantity), h.returned)
        """,
        playbook="PaidWithoutTicket",
    ),
    Invariant(
        name="returned-seats-have-no-ticket",
        promise="A seat that is on sale again has no valid ticket.",
        query="""
            SELECT h.id, h.returned || ' of ' || h.quantity || ' seats returned, ' || count(t.id) || ' tickets valid' AS problem
            FROM holds h JOIN order_items i ON i.order_id = h.order_id AND i.ticket_type = h.ticket_type
            JOIN tickets t ON t.order_item_id = i.id AND t.status = 'valid'
            WHERE h.returned > 0
            GROUP BY h.id HAVING count(t.id) > h.quantity - h.returned
        """,
        playbook="Oversell",
    ),
)
