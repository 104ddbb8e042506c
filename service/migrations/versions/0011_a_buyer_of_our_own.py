"""A buyer of our own: its ticket type and its orders are marked; how often a payment was declined

Code from before leaves the marks at their defaults; the ticket type that is made for the buyer is `on_sale` for nobody, so
such code does not show it either.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MARKED = ("ticket_types", "orders")


def upgrade() -> None:
    for table in _MARKED:
        op.add_column(table, sa.Column("synthetic", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_orders_synthetic", "orders", ["id"], postgresql_where=sa.text("synthetic"))
    op.add_column("payments", sa.Column("declines", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("payments", "declines")
    op.drop_index("ix_orders_synthetic", table_name="orders", postgresql_where=sa.text("synthetic"))
    for table in reversed(_MARKED):
        op.drop_column(table, "synthetic")
