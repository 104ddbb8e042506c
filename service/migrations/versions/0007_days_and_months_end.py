"""Days and months are closed, and history is read by time"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


_BY_TIME = ("payments", "refunds", "disputes")  # each a part of the history, which is read newest first


def upgrade() -> None:
    for table in _BY_TIME:
        op.create_index(f"ix_{table}_created_at", table, ["created_at", "id"])


def downgrade() -> None:
    for table in _BY_TIME:
        op.drop_index(f"ix_{table}_created_at", table)
