"""Days and months are closed, and history is read by time"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


_BY_TIME = ("payments", "refunds", "disputes")  # each a part of the history, which is read newest first


def upgrade() -> None:
    for table in _BY_TIME:
        op.create_index(f"ix_{table}_created_at", table, ["created_at", "id"])
    op.create_index(
        "ix_settlements_history",
        "settlements",
        ["occurred_at", sa.text("(provider || ':' || ref)")],
        postgresql_where=sa.text("subject IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_settlements_history", "settlements")
    for table in _BY_TIME:
        op.drop_index(f"ix_{table}_created_at", table)
