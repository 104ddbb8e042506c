"""A buyer of our own: its ticket type and its orders are marked; how often a payment was declined

Code from before leaves the marks at their defaults; the ticket type that is made for the buyer is `on_sale` for nobody, so
such code does not show it either. The index is built beside those who write, which is outside of a transaction: what a
broken-off build left is done again.
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
        mark = sa.Column("synthetic", sa.Boolean(), server_default=sa.false(), nullable=False)
        op.add_column(table, mark, if_not_exists=True)
    declines = sa.Column("declines", sa.Integer(), server_default="0", nullable=False)
    op.add_column("payments", declines, if_not_exists=True)
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_synthetic", "orders", postgresql_concurrently=True, if_exists=True)
        where = sa.text("synthetic")
        op.create_index("ix_orders_synthetic", "orders", ["id"], postgresql_where=where, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_column("payments", "declines")
    op.drop_index("ix_orders_synthetic", table_name="orders", postgresql_where=sa.text("synthetic"))
    for table in reversed(_MARKED):
        op.drop_column(table, "synthetic")
