"""Attempts to pay. `request_sealed` is what was sent to the gateway, to the letter: a repetition sends the same again.

`captures` counts the captures asked for, each under a key of its own; `returned_minor` is how much of the amount has gone
back (succeeded refunds, lost disputes); `disputed` says that a dispute about it runs; a `surplus` payment came for an order
that was paid already and goes back whole.
"""

from datetime import datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money
from service.payments.machine import PAYMENT


class Payment(Tables):
    __tablename__ = "payments"
    __table_args__ = (
        sa.CheckConstraint(PAYMENT.check_sql("status"), name="status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("returned_minor >= 0", name="returned_not_negative"),
        sa.UniqueConstraint("provider", "checkout_ref"),
        sa.UniqueConstraint("provider", "payment_ref"),
        sa.Index("ix_payments_order_id", "order_id"),
        sa.Index("ix_payments_paid_at", "provider", "paid_at", postgresql_where=sa.text("paid_at IS NOT NULL")),
        sa.Index("ix_payments_created_at", "created_at", "id"),
        sa.Index(
            "ix_payments_undecided",
            "provider",
            "status",
            postgresql_where=sa.text("status NOT IN ('succeeded', 'canceled')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # also the Idempotency-Key at the gateway
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    provider: Mapped[str]
    status: Mapped[str]
    amount: Mapped[Money] = money("amount")
    # In the clear, from before it was sealed; json, not jsonb: keeps the order of its keys. See `vault.flow.open_request`.
    request: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    checkout_ref: Mapped[str | None]
    checkout_url: Mapped[str | None]
    payment_ref: Mapped[str | None]
    decline_code: Mapped[str | None]
    decline_category: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    captures: Mapped[int] = mapped_column(server_default="0")
    returned_minor: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    surplus: Mapped[bool] = mapped_column(server_default=sa.false())
    decline_advice: Mapped[str | None]
    disputed: Mapped[bool] = mapped_column(server_default=sa.false())
    looked_at: Mapped[datetime | None]  # when the gateway was last asked how it stands, because no event told
    approved_at: Mapped[datetime | None]  # by the gateway's clock: the approval that the last capture was asked for
    approval: Mapped[str | None]  # the event that told of it
    gift: Mapped[bool] = mapped_column(server_default=sa.false())  # the festival itself has paid
    paid_at: Mapped[datetime | None]  # by the gateway's clock
    request_sealed: Mapped[bytes | None] = mapped_column(sa.LargeBinary)  # with its order's data key
    declines: Mapped[int] = mapped_column(server_default="0")  # how often its buyer was told to try again


@cache
def attempts_of() -> sa.Select[Payment]:
    """Built once: every event and every look at an order asks it."""
    query = sa.select(Payment).where(Payment.order_id == sa.bindparam("of_order")).order_by(Payment.id)
    return query.execution_options(populate_existing=True)


INVARIANTS = (
    Invariant(
        name="paid-has-payment",
        promise="An order that counts as paid has exactly one succeeded payment of its total; surplus ones do not count.",
        query="""
            SELECT o.id, 'is ' || o.status || ' with ' || count(p.id) || ' succeeded payments of '
                   || coalesce(sum(p.amount_minor), 0) || ' instead of ' || o.total_minor AS problem
            FROM orders o LEFT JOIN payments p
                ON p.order_id = o.id AND p.status = 'succeeded' AND NOT p.surplus
                AND p.amount_currency = o.total_currency
            WHERE o.status IN ('paid', 'partially_refunded', 'disputed', 'late_payment')
            GROUP BY o.id
            HAVING count(p.id) <> 1 OR sum(p.amount_minor) <> o.total_minor
        """,
        playbook="PaidWithoutTicket",
    ),
    Invariant(
        name="payment-moves-order",
        promise="A succeeded payment belongs to an order that knows it is paid.",
        query="""
            SELECT p.id, 'succeeded, but its order is ' || o.status AS problem
            FROM payments p JOIN orders o ON o.id = p.order_id
            WHERE p.status = 'succeeded' AND o.status IN ('awaiting_payment', 'processing', 'expired', 'canceled')
        """,
        playbook="PaidWithoutTicket",
    ),
    Invariant(
        name="processing-has-payment",
        promise="An order that waits for a bank or a capture has a payment that may still bring the money.",
        query="""
            SELECT o.id, 'is processing, and none of its payments has been for ten minutes' AS problem
            FROM orders o
            WHERE o.status = 'processing' AND NOT EXISTS (
                SELECT 1 FROM payments p
                WHERE p.order_id = o.id
                    AND (p.status IN ('processing', 'unknown') OR p.updated_at > now() - interval '10 minutes'))
        """,
        playbook="OrdersStuck",
    ),
    Invariant(
        name="returned-adds-up",
        promise="What went back of a payment is the sum of its succeeded refunds and its lost disputes.",
        query="""
            SELECT p.id, 'returned ' || p.returned_minor || ' but refunds sum to ' || coalesce(r.gone, 0)
                   || ' and lost disputes to ' || coalesce(d.gone, 0) AS problem
            FROM payments p
            LEFT JOIN (SELECT payment_id, sum(amount_minor) AS gone FROM refunds
                       WHERE status = 'succeeded' GROUP BY payment_id) r ON r.payment_id = p.id
            LEFT JOIN (SELECT payment_id, sum(amount_minor) AS gone FROM disputes
                       WHERE status = 'lost' GROUP BY payment_id) d ON d.payment_id = p.id
            WHERE p.returned_minor <> coalesce(r.gone, 0) + coalesce(d.gone, 0)
        """,
        playbook="RefundFailing",
    ),
    Invariant(
        name="surplus-goes-back",
        promise="A second payment for one order is back within 48 hours, and no refund of it has failed.",
        query="""
            SELECT p.id, 'is surplus, and of ' || p.amount_minor || ' only ' || p.returned_minor || ' went back' AS problem
            FROM payments p
            WHERE p.surplus AND p.returned_minor < p.amount_minor AND (
                p.updated_at < now() - interval '48 hours'
                OR (EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.status IN ('failed', 'canceled'))
                    AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id
                                    AND r.status IN ('requested', 'awaiting_approval', 'pending'))))
        """,
        playbook="RefundFailing",
    ),
)


@cache
def noting_page() -> sa.Executable:
    """Writes `ref` and `url` of the opened page to the payment `of_id`; built once, for every checkout ends with it."""
    table = cast("sa.Table", Payment.__table__)
    values: dict[str, object] = {"checkout_ref": sa.bindparam("ref"), "checkout_url": sa.bindparam("url")}
    return sa.update(table).where(table.c.id == sa.bindparam("of_id")).values(values)
