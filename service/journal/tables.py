"""Entries and their lines. The database itself keeps the promises, whoever writes.

Nothing written is changed or removed; an entry has all its lines from the transaction that wrote it, two or more, and they
sum to zero in each currency; no entry is written into a closed month or before one. Who closes a month waits for the entries under way.
"""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money

REFUSE = """
CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$$
"""
CHECK_ENTRY = """
CREATE FUNCTION check_journal_entry(entry bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    expected integer;
    found integer;
    wrong text;
BEGIN
    SELECT lines INTO expected FROM journal_entries WHERE seq = entry;
    SELECT sum(parts), string_agg(amount_currency || ' by ' || total, ', ') FILTER (WHERE total <> 0) INTO found, wrong
    FROM (SELECT amount_currency, count(*) AS parts, sum(amount_minor) AS total
          FROM journal_lines WHERE entry_seq = entry GROUP BY amount_currency) AS sums;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'entry ' || entry || ' is out of balance: ' || wrong;
    ELSIF found IS DISTINCT FROM expected THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'entry ' || entry || ' has ' || coalesce(found, 0) || ' lines instead of ' || expected;
    END IF;
END
$$
"""
AFTER_ENTRY = """
CREATE FUNCTION check_written_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_journal_entry(NEW.seq);
    RETURN NULL;
END
$$
"""
AFTER_LINES = """
CREATE FUNCTION check_written_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_journal_entry(entry_seq) FROM (SELECT DISTINCT entry_seq FROM written) AS touched;
    RETURN NULL;
END
$$
"""
BEFORE_ENTRY = """
CREATE FUNCTION refuse_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM closed_months WHERE month >= to_char(NEW.day, 'YYYY-MM')) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = to_char(NEW.day, 'YYYY-MM') || ' is closed';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE_CLOSING = """
CREATE FUNCTION wait_for_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE journal_entries IN SHARE ROW EXCLUSIVE MODE;
    RETURN NEW;
END
$$
"""
FUNCTIONS = (REFUSE, CHECK_ENTRY, AFTER_ENTRY, AFTER_LINES, BEFORE_ENTRY, BEFORE_CLOSING)


def only_added(table: str) -> tuple[str, str]:
    """Refuse every change of what stands in the table, also to a session that plays a replica."""
    name = f"{table}_append_only"
    return (
        (
            f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()"
        ),
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    )


ENTRY_TRIGGERS = (
    *only_added("journal_entries"),
    (
        "CREATE TRIGGER journal_entries_open_month BEFORE INSERT ON journal_entries "
        "FOR EACH ROW EXECUTE FUNCTION refuse_closed_month()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER journal_entries_in_balance AFTER INSERT ON journal_entries "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_written_entry()"
    ),
)
LINE_TRIGGERS = (
    *only_added("journal_lines"),
    (
        "CREATE TRIGGER journal_lines_in_balance AFTER INSERT ON journal_lines REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION check_written_lines()"
    ),
)
MONTH_TRIGGERS = (
    *only_added("closed_months"),
    "CREATE TRIGGER closed_months_wait BEFORE INSERT ON closed_months FOR EACH ROW EXECUTE FUNCTION wait_for_entries()",
)
ACCOUNTS = (
    "account ~ '^(clearing|revenue|refunds|discounts|fees):[a-z0-9_-]+$' OR account IN "
    "('bank', 'tax', 'customers:owed', 'disputes:held', 'disputes:lost', 'store_credit', 'suspense')"
)


def _after(*statements: str) -> dict[str, object]:
    return {"listeners": [("after_create", sa.DDL(each)) for each in statements]}  # type: ignore[no-untyped-call]


class ClosedMonth(Tables):
    """A month of which nothing changes any more, and what it came to when it was closed."""

    __tablename__ = "closed_months"
    __table_args__ = (
        sa.CheckConstraint("month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="month"),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
        _after(*FUNCTIONS[:1], *MONTH_TRIGGERS[:2]),
    )

    month: Mapped[str] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]
    entries: Mapped[int]
    digest: Mapped[str]  # SHA-256 of all its entries, as `cubano books export` writes them
    totals: Mapped[dict[str, object]] = mapped_column(sa.JSON)


class JournalEntry(Tables):
    __tablename__ = "journal_entries"
    __table_args__ = (
        sa.UniqueConstraint("subject", "number"),
        sa.CheckConstraint("lines >= 2", name="two_lines"),
        sa.CheckConstraint("kind IN ('payment', 'refund', 'dispute', 'fee', 'payout', 'adjustment')", name="kind"),
        sa.CheckConstraint("restates ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="restates"),
        sa.Index("ix_journal_entries_day", "day", "seq"),
        sa.Index("ix_journal_entries_order_id", "order_id"),
        _after(*FUNCTIONS[1:], MONTH_TRIGGERS[2], *ENTRY_TRIGGERS),
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]  # what moved the money: pay_…, rfd_…, dsp_…, or the gateway's own name of a movement
    number: Mapped[int]  # of the subject's entries
    provider: Mapped[str | None]
    order_id: Mapped[str | None] = mapped_column(sa.ForeignKey("orders.id"))
    day: Mapped[date] = mapped_column(sa.Date)
    occurred_at: Mapped[datetime]
    posted_at: Mapped[datetime]
    restates: Mapped[str | None]  # the closed month it belongs to; `day` is then the day it was written
    lines: Mapped[int]
    memo: Mapped[str]


class JournalLine(Tables):
    __tablename__ = "journal_lines"
    __table_args__ = (
        sa.CheckConstraint(ACCOUNTS, name="account"),
        sa.CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        _after(*LINE_TRIGGERS),
    )

    entry_seq: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("journal_entries.seq"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    amount: Mapped[Money] = money("amount")


INVARIANTS = (
    Invariant(
        name="journal-zero",
        promise="Every entry of the journal has its lines, and they sum to zero in each currency.",
        query="""
            SELECT e.seq AS id, 'has ' || coalesce(sum(s.parts), 0) || ' lines of ' || e.lines || ', sums: '
                   || coalesce(string_agg(s.amount_currency || ' ' || s.total, ', '), 'none') AS problem
            FROM journal_entries e LEFT JOIN (
                SELECT entry_seq, amount_currency, count(*) AS parts, sum(amount_minor) AS total
                FROM journal_lines GROUP BY entry_seq, amount_currency
            ) s ON s.entry_seq = e.seq
            GROUP BY e.seq
            HAVING bool_or(s.total <> 0) OR coalesce(sum(s.parts), 0) <> e.lines
        """,
        playbook="LedgerImbalance",
    ),
)
