"""Refunds of a payment. `external` ones were made in the gateway's own dashboard and reached us as events."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money
from service.refunds.machine import REFUND


class Refund(Tables):
    __tablename__ = "refunds"
    __table_args__ = (
        sa.CheckConstraint(REFUND.check_sql("status"), name="status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.UniqueConstraint("provider", "refund_ref"),
        sa.Index("ix_refunds_order_id", "order_id"),
        sa.Index("ix_refunds_payment_id", "payment_id"),
        sa.Index(
            "ix_refunds_unfinished",
            "provider",
            "status",
            postgresql_where=sa.text("status NOT IN ('succeeded', 'canceled')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    payment_id: Mapped[str] = mapped_column(sa.ForeignKey("payments.id"))
    provider: Mapped[str]
    status: Mapped[str]
    amount: Mapped[Money] = money("amount")
    reason: Mapped[str]
    note: Mapped[str | None]
    external: Mapped[bool] = mapped_column(server_default=sa.false())
    refund_ref: Mapped[str | None]
    failure_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    request: Mapped[dict[str, Any] | None] = mapped_column(
        sa.JSON(none_as_null=True)
    )  # as sent; external ones have none
    sent_at: Mapped[datetime | None]  # when it was last asked for; written before the call
    looked_at: Mapped[datetime | None]  # when the gateway was last asked how a pending one stands
    returned_at: Mapped[datetime | None]  # when we learned that the money is back


INVARIANTS = (
    Invariant(
        name="refunds-within-payment",
        promise="No more is refunded than was paid.",
        query="""
            SELECT p.id, 'paid ' || p.amount_minor || ' but refunded ' || sum(r.amount_minor) AS problem
            FROM payments p JOIN refunds r ON r.payment_id = p.id AND r.status IN ('pending', 'succeeded')
            GROUP BY p.id HAVING sum(r.amount_minor) > p.amount_minor
        """,
        playbook="RefundFailing",
    ),
    Invariant(
        name="refunded-state",
        promise="An order counts as refunded exactly when what went back of its payment adds up to its total.",
        query="""
            SELECT o.id, 'is ' || o.status || ' with ' || coalesce(sum(p.returned_minor), 0) || ' gone back of '
                   || o.total_minor AS problem
            FROM orders o LEFT JOIN payments p ON p.order_id = o.id AND NOT p.surplus
            GROUP BY o.id
            HAVING (o.status = 'refunded') <> (coalesce(sum(p.returned_minor), 0) >= o.total_minor)
                OR (o.status = 'paid' AND sum(p.returned_minor) > 0)
                OR (o.status = 'partially_refunded' AND coalesce(sum(p.returned_minor), 0) = 0)
        """,
        playbook="RefundFailing",
    ),
)
