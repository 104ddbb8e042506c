"""Personal data sealed by order, order tokens that can be revoked

What stands in the clear (`orders.email`, `orders.name`, `payments.request`) stays readable until `cubano vault seal` has
sealed and emptied it: the keys are not in the database, so no statement here could. A later release drops the columns.
Going back is refused by the database once anything is sealed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WAS_PLAIN = (("orders", "email", sa.Text()), ("orders", "name", sa.Text()), ("payments", "request", sa.JSON()))


def upgrade() -> None:
    for table, column, kind in _WAS_PLAIN:
        op.alter_column(table, column, existing_type=kind, nullable=True)
    op.add_column("payments", sa.Column("request_sealed", sa.LargeBinary(), nullable=True))
    sealed = "key_id, wrapped_key, email_sealed, name_sealed, email_digest"
    op.create_table(
        "order_customers",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("wrapped_key", "email_sealed", "name_sealed")),
        sa.Column("email_digest", sa.Text(), nullable=True),
        sa.Column("token_number", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            f"num_nulls({sealed}) = CASE WHEN erased_at IS NULL THEN 0 ELSE 5 END",
            name=op.f("ck_order_customers_whole"),
        ),
        sa.CheckConstraint(
            "(token_hash IS NULL) = (token_number = 0 OR erased_at IS NOT NULL)", name=op.f("ck_order_customers_token")
        ),
        sa.CheckConstraint("token_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_order_customers_token_hash")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_customers_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_customers")),
    )
    op.create_index("ix_order_customers_email_digest", "order_customers", ["email_digest", "order_id"])
    op.create_index(
        "ix_order_customers_erased", "order_customers", ["order_id"], postgresql_where=sa.text("erased_at IS NOT NULL")
    )


def downgrade() -> None:
    for table, column, kind in _WAS_PLAIN:
        op.alter_column(table, column, existing_type=kind, nullable=False)
    op.drop_table("order_customers")
    op.drop_column("payments", "request_sealed")
