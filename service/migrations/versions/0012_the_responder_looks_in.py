"""The responder looks in: a mirror of its journal, functions that end a session, secrets of webhooks, what has changed

Only new tables: code from before neither knows nor needs them. The role of the responder is made by `cubano db responder`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_REFUSE = """
CREATE FUNCTION refuse_runbook_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'runbook_journal is append-only';
END
$$
"""
_GUARD = """
CREATE TRIGGER runbook_journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON runbook_journal
FOR EACH STATEMENT EXECUTE FUNCTION refuse_runbook_change()
"""
_ALWAYS = "ALTER TABLE runbook_journal ENABLE ALWAYS TRIGGER runbook_journal_append_only"
_SIGNALS = {"responder_cancel": "pg_cancel_backend", "responder_terminate": "pg_terminate_backend"}
_SIGNAL = """
CREATE FUNCTION {name}(pid integer, since timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT {signal}(a.pid) FROM pg_stat_activity a
        WHERE a.pid = $1 AND a.xact_start = $2 AND a.datname = current_database()
            AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    ), false)
$$
"""


def upgrade() -> None:
    _create_journal()
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("retires_at", _TIME, nullable=True),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_webhook_secrets_hash")),
        sa.CheckConstraint("num_nulls(key_id, wrapped_key, sealed) IN (0, 3)", name=op.f("ck_webhook_secrets_whole")),
        sa.CheckConstraint("sealed IS NOT NULL OR retires_at IS NOT NULL", name=op.f("ck_webhook_secrets_sealed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
        sa.UniqueConstraint("provider", "hash", name=op.f("uq_webhook_secrets_provider_hash")),
    )
    op.create_table(
        "process_starts",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("changed", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_process_starts")),
    )
    op.create_index("ix_process_starts_process", "process_starts", ["process", "seq"])


def _create_journal() -> None:
    op.create_table(
        "runbook_journal",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", postgresql.JSONB(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_runbook_journal_hash")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_runbook_journal")),
    )
    for statement in (_REFUSE, _GUARD, _ALWAYS):
        op.execute(statement)
    for name, signal in _SIGNALS.items():
        op.execute(_SIGNAL.format(name=name, signal=signal))
        op.execute(f"REVOKE ALL ON FUNCTION {name}(integer, timestamptz) FROM PUBLIC")


def downgrade() -> None:
    for table in ("process_starts", "webhook_secrets", "runbook_journal"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_runbook_change()")
    for name in _SIGNALS:
        op.execute(f"DROP FUNCTION {name}(integer, timestamptz)")
