"""Refunds of a payment. `external` ones were made in the gateway's own dashboard and reached us as events.

A refund may say of which tickets it is (`refund_items`); without that it is of an amount, and no ticket in particular.
"""

from datetime import datetime
from functools import cache
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
        sa.Index("ix_refunds_created_at", "created_at", "id"),
        sa.Index("ix_refunds_payment_id", "payment_id"),
        sa.Index(
            "ix_refunds_unfinished",
            "provider",
            "status",
            postgresql_where=sa.text("status NOT IN ('succeeded', 'canceled')"),
        ),
        sa.Index("ix_refunds_awaiting", "id", postgresql_where=sa.text("status = 'awaiting_approval'")),
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
    requester_kind: Mapped[str | None]  # who asked for it, as the audit trail names them; none where nobody did
    requester_id: Mapped[str | None]
    requester_name: Mapped[str | None]
    decider_kind: Mapped[str | None]  # who decided on it, where one had to
    decider_id: Mapped[str | None]
    decider_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]


class RefundItem(Tables):
    """How many tickets of one line of the order a refund is of, and what they cost."""

    __tablename__ = "refund_items"
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        sa.Index("ix_refund_items_order_item_id", "order_item_id"),
    )

    refund_id: Mapped[str] = mapped_column(sa.ForeignKey("refunds.id"), primary_key=True)
    order_item_id: Mapped[str] = mapped_column(sa.ForeignKey("order_items.id"), primary_key=True)
    quantity: Mapped[int]
    amount: Mapped[Money] = money("amount")


@cache
def refunds_of() -> sa.Select[Refund]:
    return sa.select(Refund).where(Refund.order_id == sa.bindparam("of_order")).order_by(Refund.id)


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
    Invariant(
        name="refund-items-within-order",
        promise="What is refunded by ticket is no more than was bought, and costs what the refund gives back.",
        query="""
            SELECT i.id, 'bought ' || i.quantity || ' but refunded ' || sum(t.quantity) AS problem
            FROM refund_items t JOIN refunds r ON r.id = t.refund_id AND r.status IN ('pending', 'succeeded')
            JOIN order_items i ON i.id = t.order_item_id
            GROUP BY i.id HAVING sum(t.quantity) > i.quantity
            UNION ALL
            SELECT r.id, 'gives back ' || r.amount_minor || ' for tickets of ' || sum(t.amount_minor)
            FROM refund_items t JOIN refunds r ON r.id = t.refund_id
            GROUP BY r.id
            HAVING sum(t.amount_minor) <> r.amount_minor OR bool_or(t.amount_currency <> r.amount_currency)
        """,
        playbook="RefundFailing",
    ),
    Invariant(
        name="four-eyes",
        promise="Nobody has approved a refund they asked for.",
        query="""
            SELECT r.id, r.decider_name || ' has approved it and asked for it' AS problem
            FROM refunds r
            LEFT JOIN api_keys ak ON ak.id = r.requester_id LEFT JOIN api_clients a ON a.id = ak.client_id
            LEFT JOIN api_keys dk ON dk.id = r.decider_id LEFT JOIN api_clients d ON d.id = dk.client_id
            WHERE r.decided_at IS NOT NULL AND r.status NOT IN ('awaiting_approval', 'canceled')
                AND (lower(r.decider_name) = lower(r.requester_name)
                    OR coalesce(d.owner_id, r.decider_id) = coalesce(a.owner_id, r.requester_id))
        """,
        playbook="RefundFailing",
    ),
)
