"""The mirror of the responder's journal, which can only grow, and the two functions by which it ends a session.

The journal itself is a file of the responder's; it writes here with its own role (`flow.grant`). The functions run as the
schema's owner, because nobody else may signal sessions of an owner that is a superuser, and they meet nobody but a client of
this database in the transaction that was looked at: whoever has got the number since is left alone. So is who holds an advisory
lock (a worker's turn, a migration), and a backup that is in nobody's way. It is the only way in which the role ends anybody.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables

REFUSE = """
CREATE FUNCTION refuse_runbook_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'runbook_journal is append-only';
END
$$
"""
GUARD = """
CREATE TRIGGER runbook_journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON runbook_journal
FOR EACH STATEMENT EXECUTE FUNCTION refuse_runbook_change()
"""
# Also for a session that plays a replica, where triggers sleep otherwise.
ALWAYS = "ALTER TABLE runbook_journal ENABLE ALWAYS TRIGGER runbook_journal_append_only"

SIGNALS = {"responder_cancel": "pg_cancel_backend", "responder_terminate": "pg_terminate_backend"}


def signal(name: str) -> str:
    """`since` is the start of the transaction that is to end."""
    return f"""
CREATE FUNCTION {name}(pid integer, since timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT {SIGNALS[name]}(a.pid) FROM pg_stat_activity a
        WHERE a.pid = $1 AND a.xact_start = $2 AND a.datname = current_database()
            AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
            AND NOT EXISTS (
                SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND (a.application_name NOT IN ('pg_dump', 'pg_dumpall', 'pg_basebackup') OR EXISTS (
                SELECT FROM pg_locks w WHERE NOT w.granted AND a.pid = ANY (pg_blocking_pids(w.pid))))
    ), false)
$$
"""  # noqa: S608 - our own names


def keep(name: str) -> str:
    """Everybody may call a new function otherwise."""
    return f"REVOKE ALL ON FUNCTION {name}(integer, timestamptz) FROM PUBLIC"


CREATED = (REFUSE, GUARD, ALWAYS, *(text for name in SIGNALS for text in (signal(name), keep(name))))


class RunbookLine(Tables):
    __tablename__ = "runbook_journal"
    __table_args__ = (
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),
        {"listeners": [("after_create", sa.DDL(each.replace("%", "%%"))) for each in CREATED]},  # type: ignore[no-untyped-call]
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    line: Mapped[dict[str, Any]] = mapped_column(JSONB)
    hash: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
