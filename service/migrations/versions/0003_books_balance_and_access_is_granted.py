"""Books balance and access is granted: audit trail, API clients and keys, nonces of signed requests"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

# Again what 0002 added up: a worker of before it that was still at work confirmed refunds and did not know the column.
_ADD_UP = """
    UPDATE payments SET returned_minor = gone.minor
    FROM (
        SELECT payment_id, sum(amount_minor) AS minor FROM (
            SELECT payment_id, amount_minor FROM refunds WHERE status = 'succeeded'
            UNION ALL SELECT payment_id, amount_minor FROM disputes WHERE status = 'lost'
        ) AS parts GROUP BY payment_id
    ) AS gone
    WHERE gone.payment_id = payments.id AND payments.returned_minor <> gone.minor
"""
_REFUSE = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'audit_trail is append-only';
END
$$
"""
_GUARD = """
CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""
_ALWAYS = "ALTER TABLE audit_trail ENABLE ALWAYS TRIGGER audit_trail_append_only"


def upgrade() -> None:
    op.execute(_ADD_UP)
    _create_audit()
    _create_access()


def _create_audit() -> None:
    op.create_table(
        "audit_trail",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("actor_kind", "actor_id", "actor_name")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("action", "subject")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("before", "after", "ip", "user_agent", "trace_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("previous", "hash")),
        sa.CheckConstraint(
            "hash ~ '^[0-9a-f]{64}$' AND previous ~ '^[0-9a-f]{64}$'", name=op.f("ck_audit_trail_hashes")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_trail")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_trail_previous")),
    )
    op.create_index("ix_audit_trail_subject", "audit_trail", ["subject", "seq"])
    op.create_index("ix_audit_trail_actor", "audit_trail", ["actor_id", "seq"])
    for statement in (_REFUSE, _GUARD, _ALWAYS):
        op.execute(statement)


def _create_access() -> None:
    roles = "'customer', 'support', 'finance', 'on_call', 'developer', 'auditor', 'partner', 'admin'"
    op.create_table(
        "api_clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint(f"role IN ({roles})", name=op.f("ck_api_clients_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_clients")),
        sa.UniqueConstraint("name", name=op.f("uq_api_clients_name")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("signs", sa.Boolean(), nullable=False),
        sa.Column("networks", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("last_used_from", sa.Text(), nullable=True),
        sa.CheckConstraint("environment IN ('dev', 'stg', 'prd')", name=op.f("ck_api_keys_environment")),
        sa.CheckConstraint("secret_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_api_keys_secret_hash")),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_api_keys_client_id_api_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index("ix_api_keys_client_id", "api_keys", ["client_id", "created_at"])
    op.create_table(
        "request_nonces",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_request_nonces")),
    )
    op.create_index("ix_request_nonces_seen_at", "request_nonces", ["seen_at"])


def downgrade() -> None:
    for table in ("request_nonces", "api_keys", "api_clients", "audit_trail"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_audit_change()")
