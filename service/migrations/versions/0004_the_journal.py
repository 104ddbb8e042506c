"""The journal: entries, their lines, closed months; the tax in a price"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

FUNCTIONS = (
    """
CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$$
""",
    """
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
""",
    """
CREATE FUNCTION check_written_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_journal_entry(NEW.seq);
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION check_written_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_journal_entry(entry_seq) FROM (SELECT DISTINCT entry_seq FROM written) AS touched;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION refuse_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM closed_months WHERE month >= to_char(NEW.day, 'YYYY-MM')) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = to_char(NEW.day, 'YYYY-MM') || ' is closed';
    END IF;
    RETURN NEW;
END
$$
""",
    """
CREATE FUNCTION wait_for_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE journal_entries IN SHARE ROW EXCLUSIVE MODE;
    RETURN NEW;
END
$$
""",
)
TRIGGERS = (
    """CREATE TRIGGER closed_months_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON closed_months FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()""",
    """ALTER TABLE closed_months ENABLE ALWAYS TRIGGER closed_months_append_only""",
    """CREATE TRIGGER closed_months_wait BEFORE INSERT ON closed_months FOR EACH ROW EXECUTE FUNCTION wait_for_entries()""",
    """CREATE TRIGGER journal_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()""",
    """ALTER TABLE journal_entries ENABLE ALWAYS TRIGGER journal_entries_append_only""",
    """CREATE TRIGGER journal_entries_open_month BEFORE INSERT ON journal_entries FOR EACH ROW EXECUTE FUNCTION refuse_closed_month()""",
    """CREATE CONSTRAINT TRIGGER journal_entries_in_balance AFTER INSERT ON journal_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_written_entry()""",
    """CREATE TRIGGER journal_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()""",
    """ALTER TABLE journal_lines ENABLE ALWAYS TRIGGER journal_lines_append_only""",
    """CREATE TRIGGER journal_lines_in_balance AFTER INSERT ON journal_lines REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION check_written_lines()""",
)


def upgrade() -> None:
    for table in ("ticket_types", "order_items"):
        op.add_column(table, sa.Column("tax_bp", sa.Integer(), server_default="0", nullable=False))
        op.create_check_constraint(op.f(f"ck_{table}_tax_bp"), table, "tax_bp BETWEEN 0 AND 10000")
    op.add_column("payments", sa.Column("gift", sa.Boolean(), server_default=sa.false(), nullable=False))
    _find_gifts()
    op.add_column("payments", sa.Column("paid_at", _TIME, nullable=True))
    op.add_column("refunds", sa.Column("returned_at", _TIME, nullable=True))
    _create_months()
    _create_entries()
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def _find_gifts() -> None:
    """Only the event of the desk that paid for it tells a gift from cash; its id begins with the payment's."""
    op.execute("""
        UPDATE payments p SET gift = true FROM payment_events e
        WHERE p.provider = 'manual' AND p.status = 'succeeded' AND e.provider = 'manual' AND e.subject = p.order_id
            AND e.type = 'received.complimentary' AND e.state = 'applied' AND starts_with(e.event_id, p.id || '-')
    """)


def _create_months() -> None:
    op.create_table(
        "closed_months",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("closed_at", _TIME, nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.CheckConstraint("month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name=op.f("ck_closed_months_month")),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_closed_months_digest")),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_closed_months")),
    )


def _create_entries() -> None:
    kinds = "'payment', 'refund', 'dispute', 'fee', 'payout', 'adjustment'"
    op.create_table(
        "journal_entries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("posted_at", _TIME, nullable=False),
        sa.Column("restates", sa.Text(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.CheckConstraint("lines >= 2", name=op.f("ck_journal_entries_two_lines")),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_journal_entries_kind")),
        sa.CheckConstraint("restates ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name=op.f("ck_journal_entries_restates")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_journal_entries_order_id_orders")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("subject", "number", name=op.f("uq_journal_entries_subject_number")),
    )
    op.create_index("ix_journal_entries_day", "journal_entries", ["day", "seq"])
    op.create_index("ix_journal_entries_order_id", "journal_entries", ["order_id"])
    op.create_table(
        "journal_lines",
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", sa.CHAR(length=3), nullable=False),
        sa.CheckConstraint(
            "account ~ '^(clearing|revenue|refunds|discounts|fees):[a-z0-9_-]+$' OR account IN "
            "('bank', 'tax', 'customers:owed', 'disputes:held', 'disputes:lost', 'store_credit', 'suspense')",
            name=op.f("ck_journal_lines_account"),
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_journal_lines_amount_not_zero")),
        sa.CheckConstraint("amount_currency ~ '^[A-Z]{3}$'", name=op.f("ck_journal_lines_amount_currency_shape")),
        sa.ForeignKeyConstraint(
            ["entry_seq"], ["journal_entries.seq"], name=op.f("fk_journal_lines_entry_seq_journal_entries")
        ),
        sa.PrimaryKeyConstraint("entry_seq", "position", name=op.f("pk_journal_lines")),
    )


def downgrade() -> None:
    for table in ("journal_lines", "journal_entries", "closed_months"):
        op.drop_table(table)
    for function in (
        *("check_written_lines()", "check_written_entry()", "check_journal_entry(bigint)"),
        *("refuse_closed_month()", "wait_for_entries()", "refuse_journal_change()"),
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column("refunds", "returned_at")
    op.drop_column("payments", "paid_at")
    op.drop_column("payments", "gift")
    for table in ("order_items", "ticket_types"):
        op.drop_column(table, "tax_bp")
