"""Who must not be cut: the functions that end a session spare advisory locks, and backups that are in nobody's way

They take the place of the old ones under the same names: who may call them stays as it is, and code from before sees nothing but
that fewer sessions are met, which it had left out by itself. `cubano db responder` takes `pg_signal_backend` from the role.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SIGNALS = {"responder_cancel": "pg_cancel_backend", "responder_terminate": "pg_terminate_backend"}
_SPARING = """
CREATE OR REPLACE FUNCTION {name}(pid integer, since timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT {signal}(a.pid) FROM pg_stat_activity a
        WHERE a.pid = $1 AND a.xact_start = $2 AND a.datname = current_database()
            AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
            AND NOT EXISTS (
                SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND (a.application_name NOT IN ('pg_dump', 'pg_dumpall', 'pg_basebackup') OR EXISTS (
                SELECT FROM pg_locks w WHERE NOT w.granted AND a.pid = ANY (pg_blocking_pids(w.pid))))
    ), false)
$$
"""
_BEFORE = """
CREATE OR REPLACE FUNCTION {name}(pid integer, since timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT {signal}(a.pid) FROM pg_stat_activity a
        WHERE a.pid = $1 AND a.xact_start = $2 AND a.datname = current_database()
            AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    ), false)
$$
"""


def upgrade() -> None:
    for name, signal in _SIGNALS.items():
        op.execute(_SPARING.format(name=name, signal=signal))


def downgrade() -> None:
    for name, signal in _SIGNALS.items():
        op.execute(_BEFORE.format(name=name, signal=signal))
