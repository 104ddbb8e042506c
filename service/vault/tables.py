"""One row an order: its buyer, sealed under the order's own data key, and the hash of the token that opens the order.

Without `wrapped_key` nobody reads again what was sealed with it, here and in `payments.request_sealed`: erasure is to
empty the row. `email_digest` finds the orders of an address and cannot be read. `token_number` 0 is an order from before
this table, whose links hang on the service's secret keys as they did.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant

_SEALED = "key_id, wrapped_key, email_sealed, name_sealed, email_digest"


class OrderCustomer(Tables):
    __tablename__ = "order_customers"
    __table_args__ = (
        sa.CheckConstraint(f"num_nulls({_SEALED}) = CASE WHEN erased_at IS NULL THEN 0 ELSE 5 END", name="whole"),
        sa.CheckConstraint("(token_hash IS NULL) = (token_number = 0 OR erased_at IS NOT NULL)", name="token"),
        sa.CheckConstraint("token_hash ~ '^[0-9a-f]{64}$'", name="token_hash"),
        sa.Index("ix_order_customers_email_digest", "email_digest", "order_id"),
        sa.Index("ix_order_customers_erased", "order_id", postgresql_where=sa.text("erased_at IS NOT NULL")),
    )

    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    key_id: Mapped[str | None]  # of the master key that wraps
    wrapped_key: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    email_sealed: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    name_sealed: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    email_digest: Mapped[str | None]
    token_number: Mapped[int]
    token_hash: Mapped[str | None]  # SHA-256
    erased_at: Mapped[datetime | None]


# What stood in the clear before this table; read until `cubano vault seal` has emptied it, written by nobody.
PLAIN_ORDERS = sa.table("orders", sa.column("id"), sa.column("email"), sa.column("name"))
PLAIN_PAYMENTS = sa.table(
    "payments",
    sa.column("id"),
    sa.column("order_id"),
    sa.column("request", sa.JSON),
    sa.column("request_sealed", sa.LargeBinary),
)


INVARIANTS = (
    Invariant(
        name="erased-is-erased",
        promise="Of an erased customer nothing is left: no address, no name, no key to what was sealed.",
        query="""
            SELECT o.id, 'erased, and its order or a payment still holds personal data in the clear' AS problem
            FROM order_customers c JOIN orders o ON o.id = c.order_id
            WHERE c.erased_at IS NOT NULL AND (
                o.email IS NOT NULL OR o.name IS NOT NULL
                OR EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.request IS NOT NULL))
        """,
        playbook="PersonalData",
    ),
)
