"""Orders, their lines and their history. Amounts are column pairs (minor units, currency); states are CHECKed."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money
from service.orders.machine import ORDER

OF_CUSTOMERS = "NOT synthetic"  # in a query written out: what the synthetic buyer ordered stands in no figure


class Order(Tables):
    __tablename__ = "orders"
    __table_args__ = (
        sa.CheckConstraint(ORDER.check_sql("status"), name="status"),
        sa.CheckConstraint("total_minor > 0", name="total_positive"),
        sa.CheckConstraint("locale IN ('en', 'es')", name="locale"),
        sa.CheckConstraint(
            "(paid_at IS NULL) = (status IN ('awaiting_payment', 'processing', 'expired', 'canceled'))", name="paid_at"
        ),
        sa.UniqueConstraint("number"),
        sa.Index(
            "ix_orders_open",
            "status",
            "expires_at",
            postgresql_where=sa.text("status IN ('awaiting_payment', 'processing', 'late_payment', 'disputed')"),
        ),
        sa.Index("ix_orders_synthetic", "id", postgresql_where=sa.text("synthetic")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    status: Mapped[str]
    email: Mapped[str | None]  # in the clear only of orders from before `order_customers`, until they are sealed
    name: Mapped[str | None]
    locale: Mapped[str]
    provider: Mapped[str]
    total: Mapped[Money] = money("total")
    traceparent: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    synthetic: Mapped[bool] = mapped_column(
        server_default=sa.false()
    )  # of the synthetic buyer: in no report, no revenue

    items: Mapped[list["OrderItem"]] = relationship(order_by="OrderItem.position", lazy="raise")


def of_customers() -> sa.ColumnElement[bool]:
    """The same where a query is put together."""
    return ~Order.synthetic


class OrderItem(Tables):
    __tablename__ = "order_items"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "ticket_type"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("unit_price_minor >= 0", name="unit_price_not_negative"),
        sa.CheckConstraint("tax_bp BETWEEN 0 AND 10000", name="tax_bp"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    position: Mapped[int]
    ticket_type: Mapped[str] = mapped_column(sa.ForeignKey("ticket_types.id"))
    name: Mapped[str]  # as it was sold, in the order's language
    quantity: Mapped[int]
    unit_price: Mapped[Money] = money("unit_price")
    tax_bp: Mapped[int] = mapped_column(server_default="0")  # as it was sold; the price includes it


class OrderHistory(Tables):
    """One row a move, append-only: what moved the order, when, and on whose behalf."""

    __tablename__ = "order_history"
    __table_args__ = (sa.Index("ix_order_history_order_id", "order_id", "seq"),)

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    at: Mapped[datetime]
    event: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    cause: Mapped[str]  # "checkout", "event evt_…", "hold ran out"


INVARIANTS = (
    Invariant(
        name="order-total",
        promise="An order's total is the sum of its lines, in one currency.",
        query="""
            SELECT o.id, 'total ' || o.total_minor || ' ' || o.total_currency || ' but lines sum to '
                   || coalesce(sum(i.quantity * i.unit_price_minor), 0) || ' ' || coalesce(max(i.unit_price_currency), '')
                   AS problem
            FROM orders o LEFT JOIN order_items i ON i.order_id = o.id
            GROUP BY o.id
            HAVING o.total_minor <> coalesce(sum(i.quantity * i.unit_price_minor), 0)
                OR bool_or(i.unit_price_currency <> o.total_currency)
        """,
        playbook="LedgerImbalance",
    ),
    Invariant(
        name="order-history",
        promise="An order's status is where its history ends.",
        query="""
            SELECT o.id, 'status ' || o.status || ' but history ends in ' || coalesce(h.to_status, 'nothing') AS problem
            FROM orders o LEFT JOIN LATERAL (
                SELECT to_status FROM order_history WHERE order_id = o.id ORDER BY seq DESC LIMIT 1
            ) h ON true
            WHERE o.status IS DISTINCT FROM h.to_status
        """,
        playbook="OrdersStuck",
    ),
    Invariant(
        name="late-payment-waits",
        promise="Who has paid without getting a seat has the money back within 48 hours, and no refund of it has failed.",
        query="""
            SELECT o.id, 'paid too late and waiting for its money since ' || o.updated_at AS problem
            FROM orders o
            WHERE o.status = 'late_payment' AND (
                o.updated_at < now() - interval '48 hours'
                OR (EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.status IN ('failed', 'canceled'))
                    AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id
                                    AND r.status IN ('requested', 'awaiting_approval', 'pending'))))
        """,
        playbook="OrdersStuck",
    ),
)
