"""Settlements of the gateways and the differences to the books"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OURS = "'payment', 'refund', 'refund_failed', 'dispute', 'dispute_won'"
_KINDS = f"{_OURS}, 'fee', 'payout', 'payout_failed', 'other'"
_DIFFERENCES = (
    "'timing', 'fee', 'currency', 'missing_event', 'external_refund', 'duplicate_charge', 'amount', "
    "'missing_settlement', 'payout', 'unposted', 'unknown'"
)
_OWNERS = "'finance', 'on_call', 'support'"
_TOLD = (
    *("payment_ref", "refund_ref", "dispute_ref", "payout_ref", "paid_out_by"),
    *("told_order_id", "told_payment_id", "told_refund_id", "subject", "order_id"),
)
_COLUMN = {"payment_ref": "payment_ref", "paid_out_by": "paid_out_by"}
_WHERE = {
    "occurred_at": None,
    "subject": "subject IS NOT NULL",
    "payment_ref": None,
    "paid_out_by": None,
    "unmatched": f"subject IS NULL AND kind IN ({_OURS})",
    "payouts": "kind IN ('payout', 'payout_failed')",
}


def upgrade() -> None:
    _create_settlements()
    _create_differences()
    op.create_index(
        "ix_payments_paid_at", "payments", ["provider", "paid_at"], postgresql_where=sa.text("paid_at IS NOT NULL")
    )


def _create_settlements() -> None:
    op.create_table(
        "settlements",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.CHAR(length=3), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("available_at", _TIME, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in _TOLD),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name=op.f("ck_settlements_kind")),
        sa.CheckConstraint("amount_currency ~ '^[A-Z]{3}$'", name=op.f("ck_settlements_amount_currency_shape")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_settlements_order_id_orders")),
        sa.PrimaryKeyConstraint("provider", "ref", name=op.f("pk_settlements")),
    )
    for name, where in _WHERE.items():
        columns = ["subject"] if name == "subject" else ["provider", _COLUMN.get(name, "occurred_at")]
        op.create_index(f"ix_settlements_{name}", "settlements", columns, postgresql_where=where and sa.text(where))
    op.create_table(
        "settlement_sweeps",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("read_until", _TIME, nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_settlement_sweeps")),
    )


def _create_differences() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ran_at", _TIME, nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("provider", "day", name=op.f("pk_reconciliations")),
    )
    op.create_table(
        "differences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.CHAR(length=3), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("first_seen", _TIME, nullable=False),
        sa.Column("last_seen", _TIME, nullable=False),
        sa.Column("resolved_at", _TIME, nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.CheckConstraint(f"kind IN ({_DIFFERENCES})", name=op.f("ck_differences_kind")),
        sa.CheckConstraint(f"owner IN ({_OWNERS})", name=op.f("ck_differences_owner")),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name=op.f("ck_differences_resolved")),
        sa.CheckConstraint("amount_currency ~ '^[A-Z]{3}$'", name=op.f("ck_differences_amount_currency_shape")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_differences_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
        sa.UniqueConstraint("provider", "kind", "subject", name=op.f("uq_differences_provider_kind_subject")),
    )
    op.create_index(
        "ix_differences_open", "differences", ["provider", "day"], postgresql_where=sa.text("resolved_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_payments_paid_at", "payments")
    for table in ("differences", "reconciliations", "settlement_sweeps", "settlements"):
        op.drop_table(table)
