"""Staff, their sessions and second factors"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_staff()
    _create_sessions()
    op.create_table(
        "sign_in_tries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.CheckConstraint("failed >= 0", name=op.f("ck_sign_in_tries_failed")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_tries")),
    )
    op.create_index("ix_sign_in_tries_last_at", "sign_in_tries", ["last_at"])


def _create_staff() -> None:
    roles = "'support', 'finance', 'on_call', 'developer', 'auditor', 'admin'"
    op.create_table(
        "staff_members",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "email", "name", "role")),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_is_temporary", sa.Boolean(), nullable=False),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("signed_in_at", _TIME, nullable=True),
        sa.CheckConstraint(f"role IN ({roles})", name=op.f("ck_staff_members_role")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_staff_members_email")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_members")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_members_email")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_staff_members_oidc_subject")),
    )
    op.create_table(
        "staff_recovery_codes",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_staff_recovery_codes_hash")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["staff_members.id"], name=op.f("fk_staff_recovery_codes_member_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("member_id", "hash", name=op.f("pk_staff_recovery_codes")),
    )


def _create_sessions() -> None:
    op.create_table(
        "staff_sessions",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "ref", "member_id")),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("awaits", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("csrf", "method")),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        *(sa.Column(name, _TIME, nullable=False) for name in ("created_at", "seen_at", "ends_at")),
        sa.Column("ended_at", _TIME, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("ip", "user_agent")),
        sa.CheckConstraint("id ~ '^[0-9a-f]{64}$'", name=op.f("ck_staff_sessions_id")),
        sa.CheckConstraint("awaits IN ('code', 'enrolment', 'password')", name=op.f("ck_staff_sessions_awaits")),
        sa.CheckConstraint("method IN ('password', 'oidc')", name=op.f("ck_staff_sessions_method")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["staff_members.id"], name=op.f("fk_staff_sessions_member_id_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("ref", name=op.f("uq_staff_sessions_ref")),
    )
    op.create_index("ix_staff_sessions_member", "staff_sessions", ["member_id", "created_at"])
    op.create_index("ix_staff_sessions_ends_at", "staff_sessions", ["ends_at"])


def downgrade() -> None:
    for table in ("sign_in_tries", "staff_sessions", "staff_recovery_codes", "staff_members"):
        op.drop_table(table)
