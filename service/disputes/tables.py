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


INVARIANTS: tuple[Invariant, ...] = ()
