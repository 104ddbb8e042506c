"""Disputes, one row each as the gateway numbers them; `due_at` is when evidence must be there."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.disputes.machine import DISPUTE
from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money


class Dispute(Tables):
    __tablename__ = "disputes"
    __table_args__ = (
        sa.CheckConstraint(DISPUTE.check_sql("status"), name="status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.UniqueConstraint("provider", "dispute_ref"),
        sa.Index("ix_disputes_order_id", "order_id"),
        sa.Index("ix_disputes_created_at", "created_at", "id"),
        sa.Index("ix_disputes_payment_id", "payment_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    payment_id: Mapped[str] = mapped_column(sa.ForeignKey("payments.id"))
    provider: Mapped[str]
    dispute_ref: Mapped[str]
    status: Mapped[str]
    amount: Mapped[Money] = money("amount")
    reason: Mapped[str]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


INVARIANTS = (
    Invariant(
        name="disputed-state",
        promise="A payment counts as disputed, and its paid order as in dispute, exactly while a dispute about it runs.",
        query="""
            SELECT p.id, 'disputed: ' || p.disputed || ', disputes that run: ' || count(d.id) || ', order ' || o.status
                   AS problem
            FROM payments p JOIN orders o ON o.id = p.order_id
            LEFT JOIN disputes d ON d.payment_id = p.id AND d.status IN ('needs_response', 'under_review')
            WHERE p.status = 'succeeded' AND NOT p.surplus
            GROUP BY p.id, o.id
            HAVING p.disputed <> (count(d.id) > 0)
                OR (p.disputed AND o.status IN ('paid', 'partially_refunded'))
                OR (NOT p.disputed AND o.status = 'disputed')
        """,
        playbook="DisputeSpike",
    ),
)
