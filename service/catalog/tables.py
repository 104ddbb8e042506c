"""Ticket types, their stock counters, and the holds that take from them.

The counter is a row of its own (narrow, with room on its page, so that its updates stay on the page) because every
checkout of a ticket type updates it; the CHECK is the last word on overselling.
"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money


class TicketKind(StrEnum):
    PASS = "pass"  # noqa: S105 - a festival pass
    DAY = "day"
    WORKSHOP = "workshop"
    SOCIAL = "social"


class HoldState(StrEnum):
    ACTIVE = "active"
    RELEASED = "released"
    SOLD = "sold"


class TicketType(Tables):
    __tablename__ = "ticket_types"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('pass', 'day', 'workshop', 'social')", name="kind"),
        sa.CheckConstraint("price_minor > 0", name="price_positive"),
        sa.CheckConstraint("max_per_order BETWEEN 1 AND 100", name="max_per_order"),
        sa.CheckConstraint("tax_bp BETWEEN 0 AND 10000", name="tax_bp"),
        sa.CheckConstraint("id ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'", name="slug"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # the slug that stands in requests: "full-pass"
    kind: Mapped[str]
    position: Mapped[int]
    names: Mapped[dict[str, str]] = mapped_column(sa.JSON)  # {"en": …, "es": …}
    descriptions: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    price: Mapped[Money] = money("price")
    max_per_order: Mapped[int]
    on_sale: Mapped[bool] = mapped_column(server_default=sa.true())
    tax_bp: Mapped[int] = mapped_column(server_default="0")  # basis points of the net price; the price includes it
    synthetic: Mapped[bool] = mapped_column(
        server_default=sa.false()
    )  # only for the synthetic buyer, and shown to nobody


class Stock(Tables):
    __tablename__ = "stock"
    __table_args__ = (
        sa.CheckConstraint("0 <= held AND 0 <= sold AND held + sold <= capacity", name="within_capacity"),
        {"postgresql_with": {"fillfactor": 20}},
    )

    ticket_type: Mapped[str] = mapped_column(sa.ForeignKey("ticket_types.id"), primary_key=True)
    capacity: Mapped[int]
    held: Mapped[int] = mapped_column(server_default="0")
    sold: Mapped[int] = mapped_column(server_default="0")


class Hold(Tables):
    """Seats taken for one line of an order: `active` until they are sold or released; sold ones may be returned."""

    __tablename__ = "holds"
    __table_args__ = (
        sa.CheckConstraint("state IN ('active', 'released', 'sold')", name="state"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint(
            "returned BETWEEN 0 AND quantity AND (returned = 0 OR state = 'sold')",
            name="returned",
        ),
        sa.UniqueConstraint("order_id", "ticket_type"),
        sa.Index("ix_holds_taken", "ticket_type", "state", postgresql_where=sa.text("state <> 'released'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    ticket_type: Mapped[str] = mapped_column(sa.ForeignKey("ticket_types.id"))
    quantity: Mapped[int]
    state: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    returned: Mapped[int] = mapped_column(server_default="0")  # of the sold ones: refunded, and on sale again


INVARIANTS = (
    Invariant(
        name="stock-adds-up",
        promise="For each ticket type held and sold are the sums of its active and sold holds, less what was returned.",
        query="""
            SELECT s.ticket_type AS id, 'held ' || s.held || ' but active holds ' || coalesce(h.active, 0)
                   || ', sold ' || s.sold || ' but sold holds ' || coalesce(h.sold, 0) AS problem
            FROM stock s LEFT JOIN (
                SELECT ticket_type, sum(quantity) FILTER (WHERE state = 'active') AS active,
                       sum(quantity - returned) FILTER (WHERE state = 'sold') AS sold
                FROM holds WHERE state <> 'released' GROUP BY ticket_type
            ) h USING (ticket_type)
            WHERE s.held <> coalesce(h.active, 0) OR s.sold <> coalesce(h.sold, 0)
        """,
        playbook="Oversell",
    ),
    Invariant(
        name="never-oversold",
        promise="No ticket type has more seats held and sold than its capacity.",
        query="""
            SELECT ticket_type AS id, held + sold || ' taken of ' || capacity AS problem
            FROM stock WHERE held < 0 OR sold < 0 OR held + sold > capacity
        """,
        playbook="Oversell",
    ),
    Invariant(
        name="holds-match-orders",
        promise="Seats are held exactly for open orders, sold exactly for paid ones, and free for all others.",
        query="""
            SELECT h.id, 'hold is ' || h.state || ' and its order ' || o.status AS problem
            FROM holds h JOIN orders o ON o.id = h.order_id
            WHERE h.state <> CASE
                WHEN o.status IN ('awaiting_payment', 'processing') THEN 'active'
                WHEN o.status IN ('paid', 'partially_refunded', 'disputed') THEN 'sold'
                WHEN o.status = 'refunded' THEN h.state
                ELSE 'released' END
        """,
        playbook="HoldsLeaking",
    ),
)
