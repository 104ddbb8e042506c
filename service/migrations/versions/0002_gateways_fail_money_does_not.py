"""Gateways fail, money does not: captures, surplus payments, disputes, thin events, sweeps, controls"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_UNDECIDED = (("ix_payments_undecided", "payments"), ("ix_refunds_unfinished", "refunds"))

_ADD_UP = """
    UPDATE payments SET returned_minor = r.gone
    FROM (SELECT payment_id, sum(amount_minor) AS gone FROM refunds WHERE status = 'succeeded' GROUP BY payment_id) r
    WHERE r.payment_id = payments.id
"""


def upgrade() -> None:
    op.add_column("payments", sa.Column("captures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("returned_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("surplus", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("payments", sa.Column("decline_advice", sa.Text(), nullable=True))
    op.add_column("payments", sa.Column("disputed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("payments", sa.Column("looked_at", _TIME, nullable=True))
    op.add_column("payments", sa.Column("approved_at", _TIME, nullable=True))
    op.add_column("payments", sa.Column("approval", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_payments_returned_not_negative"), "payments", "returned_minor >= 0")
    op.add_column("refunds", sa.Column("request", sa.JSON(), nullable=True))
    op.add_column("refunds", sa.Column("sent_at", _TIME, nullable=True))
    op.add_column("refunds", sa.Column("looked_at", _TIME, nullable=True))
    for name, table in _UNDECIDED:
        still = sa.text("status NOT IN ('succeeded', 'canceled')")
        op.create_index(name, table, ["provider", "status"], postgresql_where=still)
    op.add_column("payment_events", sa.Column("is_thin", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("payment_events", sa.Column("detail", sa.LargeBinary(), nullable=True))
    op.add_column("payment_events", sa.Column("found_by", sa.Text(), server_default="webhook", nullable=False))
    op.create_index(
        "ix_payment_events_thin",
        "payment_events",
        ["due_at", "seq"],
        postgresql_where=sa.text("state = 'pending' AND is_thin AND detail IS NULL"),
    )
    op.execute(_ADD_UP)
    _create_disputes()
    _create_controls()
    op.create_table(
        "sweeps",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("swept_until", _TIME, nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_sweeps")),
    )


def _create_disputes() -> None:
    states = "'inquiry', 'needs_response', 'under_review', 'won', 'lost', 'closed'"
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("dispute_ref", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.CHAR(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint(f"status IN ({states})", name=op.f("ck_disputes_status")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputes_amount_positive")),
        sa.CheckConstraint("amount_currency ~ '^[A-Z]{3}$'", name=op.f("ck_disputes_amount_currency_shape")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_disputes_order_id_orders")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("provider", "dispute_ref", name=op.f("uq_disputes_provider_dispute_ref")),
    )
    op.create_index("ix_disputes_order_id", "disputes", ["order_id"])
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"])


def _create_controls() -> None:
    op.create_table(
        "controls",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_controls")),
    )
    op.create_table(
        "control_history",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_control_history")),
    )
    op.create_index("ix_control_history_name", "control_history", ["name", "seq"])


def downgrade() -> None:
    for table in ("sweeps", "control_history", "controls", "disputes"):
        op.drop_table(table)
    op.drop_index("ix_payment_events_thin", "payment_events")
    for column in ("found_by", "detail", "is_thin"):
        op.drop_column("payment_events", column)
    for name, table in _UNDECIDED:
        op.drop_index(name, table)
    for column in ("looked_at", "sent_at", "request"):
        op.drop_column("refunds", column)
    op.drop_constraint(op.f("ck_payments_returned_not_negative"), "payments")
    for column in (
        "approval",
        "approved_at",
        "looked_at",
        "disputed",
        "decline_advice",
        "surplus",
        "returned_minor",
        "captures",
    ):
        op.drop_column("payments", column)
