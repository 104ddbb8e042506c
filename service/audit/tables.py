"""The trail: one row an entry, numbered without gaps. The database refuses every change of what is written."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant

RECENT = 1000  # entries the regular check reads; `cubano access audit verify` reads all

REFUSE = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'audit_trail is append-only';
END
$$
"""
GUARD = """
CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""
# Also for a session that plays a replica, where triggers sleep otherwise.
ALWAYS = "ALTER TABLE audit_trail ENABLE ALWAYS TRIGGER audit_trail_append_only"


class AuditEntry(Tables):
    __tablename__ = "audit_trail"
    __table_args__ = (
        sa.UniqueConstraint("previous"),  # nobody can continue the chain twice at one place
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$' AND previous ~ '^[0-9a-f]{64}$'", name="hashes"),
        sa.Index("ix_audit_trail_subject", "subject", "seq"),
        sa.Index("ix_audit_trail_actor", "actor_id", "seq"),
        {"listeners": [("after_create", sa.DDL(each)) for each in (REFUSE, GUARD, ALWAYS)]},  # type: ignore[no-untyped-call]
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[str | None]  # JSON, as it was hashed
    after: Mapped[str | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    trace_id: Mapped[str | None]
    previous: Mapped[str]
    hash: Mapped[str]


# The same bytes as `rules.digest`.
HASHED = """
    encode(sha256(convert_to(json_build_array(
        seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_kind, actor_id, actor_name, action,
        subject, before, after, ip, user_agent, trace_id, previous)::text, 'UTF8')), 'hex')
"""

INVARIANTS = (
    Invariant(
        name="audit-chain",
        promise="Every entry of the audit trail has the hash of what it says, and names the one before it.",
        query=f"""
            SELECT seq AS id, CASE
                WHEN hash <> hashed THEN 'says something else than when it was written'
                WHEN seq = 1 OR prior_seq IS NULL THEN 'does not begin the chain'
                ELSE 'does not follow entry ' || prior_seq END AS problem
            FROM (
                SELECT seq, hash, previous, {HASHED} AS hashed,
                    lag(seq) OVER by_seq AS prior_seq, lag(hash) OVER by_seq AS prior_hash,
                    count(*) OVER () AS looked_at
                FROM (SELECT * FROM audit_trail ORDER BY seq DESC LIMIT {RECENT}) AS recent
                WINDOW by_seq AS (ORDER BY seq)
            ) AS chained
            WHERE hash <> hashed
                OR (prior_seq IS NOT NULL AND (seq <> prior_seq + 1 OR previous <> prior_hash))
                OR (prior_seq IS NULL AND seq <> 1 AND looked_at < {RECENT})
                OR (seq = 1 AND previous <> repeat('0', 64))
        """,  # noqa: S608 - our own constants
        playbook="AuditChainBroken",
    ),
)
