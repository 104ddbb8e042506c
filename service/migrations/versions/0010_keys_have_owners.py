"""API clients have an owner: whose two eyes the client's keys are

Clients from before have none, and take no part in approvals until somebody names their owner.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_clients", sa.Column("owner_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_clients_owner_id_staff_members"), "api_clients", "staff_members", ["owner_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_api_clients_owner_id_staff_members"), "api_clients", type_="foreignkey")
    op.drop_column("api_clients", "owner_id")
