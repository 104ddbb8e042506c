"""Refunds by item and by two people, cases, seats that go back to stock"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WHO = ("requester_kind", "requester_id", "requester_name", "decider_kind", "decider_id", "decider_name")
_KINDS = (
    *("refund_refused", "refund_failed", "refund_canceled", "refund_external"),
    *("money_owed", "seat_gone", "dispute_opened", "evidence_due"),
)


def upgrade() -> None:
    for name in _WHO:
        op.add_column("refunds", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("decided_at", _TIME, nullable=True))
    op.add_column("refunds", sa.Column("decision_note", sa.Text(), nullable=True))
    op.create_index("ix_refunds_awaiting", "refunds", ["id"], postgresql_where=sa.text("status = 'awaiting_approval'"))
    op.create_table(
        "refund_items",
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("order_item_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.CHAR(3), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_refund_items_quantity_positive")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_refund_items_amount_not_negative")),
        sa.CheckConstraint("amount_currency ~ '^[A-Z]{3}$'", name=op.f("ck_refund_items_amount_currency_shape")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_refund_items_refund_id_refunds")),
        sa.ForeignKeyConstraint(
            ["order_item_id"], ["order_items.id"], name=op.f("fk_refund_items_order_item_id_order_items")
        ),
        sa.PrimaryKeyConstraint("refund_id", "order_item_id", name=op.f("pk_refund_items")),
    )
    op.create_index("ix_refund_items_order_item_id", "refund_items", ["order_item_id"])
    op.add_column("holds", sa.Column("returned", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_holds_returned"), "holds", "returned BETWEEN 0 AND quantity AND (returned = 0 OR state = 'sold')"
    )
    _create_cases()


def _create_cases() -> None:
    kinds = ", ".join(f"'{each}'" for each in _KINDS)
    op.create_table(
        "cases",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "kind", "subject")),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        *(sa.Column(name, _TIME, nullable=False) for name in ("opened_at", "due_at")),
        sa.Column("closed_at", _TIME, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("closed_by", "resolution")),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_cases_kind")),
        sa.CheckConstraint("num_nulls(closed_at, closed_by, resolution) IN (0, 3)", name=op.f("ck_cases_closed_whole")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_cases_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index(
        "ix_cases_open", "cases", ["kind", "subject"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_cases_order_id", "cases", ["order_id"])


def downgrade() -> None:
    op.drop_table("cases")
    op.drop_constraint("ck_holds_returned", "holds")
    op.drop_column("holds", "returned")
    op.drop_table("refund_items")
    op.drop_index("ix_refunds_awaiting", "refunds")
    for name in ("decision_note", "decided_at", *reversed(_WHO)):
        op.drop_column("refunds", name)
