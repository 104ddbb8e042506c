"""What does not agree between our journal and a gateway, and when each day was last compared.

A difference keeps its row as long as it is the same thing: found again it is seen again, gone it is resolved, back it is
open again. One that a person has accepted stays resolved unless its amount changes.
"""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.comparison.rules import DifferenceKind
from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money
from service.reconciliation.rules import KINDS

NAMES = ", ".join(f"'{each}'" for each in DifferenceKind)
ROLES = ", ".join(f"'{each}'" for each in sorted({each.owner for each in KINDS.values()}))


class Difference(Tables):
    __tablename__ = "differences"
    __table_args__ = (
        sa.CheckConstraint(f"kind IN ({NAMES})", name="kind"),
        sa.CheckConstraint(f"owner IN ({ROLES})", name="owner"),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved"),
        sa.UniqueConstraint("provider", "kind", "subject"),
        sa.Index("ix_differences_open", "provider", "day", postgresql_where=sa.text("resolved_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    day: Mapped[date] = mapped_column(sa.Date)  # in which it was first found
    kind: Mapped[str]
    subject: Mapped[str]  # our pay_…, rfd_…, dsp_…, or the gateway's name
    order_id: Mapped[str | None] = mapped_column(sa.ForeignKey("orders.id"))
    amount: Mapped[Money] = money("amount")
    occurred_at: Mapped[datetime]
    note: Mapped[str]
    owner: Mapped[str]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None]  # "gone", or why a person has accepted it
    resolved_by: Mapped[str | None]


class Reconciliation(Tables):
    """One day of one gateway, compared again each morning for a week, and as long as a difference of it is open."""

    __tablename__ = "reconciliations"

    provider: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    ran_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]  # one worker compares a day at a time


_CAME = "account LIKE 'clearing:%' OR account = 'discounts:complimentary'"


def _tells(table: str, kind: str, *wanted: tuple[str, str]) -> str:
    """Rows of ours beside their entries: for each (accounts, amount) what stands there must be that amount."""
    sums = ", ".join(
        f"coalesce(sum(l.amount_minor) FILTER (WHERE {accounts}), 0) AS stands_{place}"
        for place, (accounts, _) in enumerate(wanted)
    )
    stands = [f"coalesce(j.stands_{place}, 0)" for place in range(len(wanted))]
    wrong = " OR ".join(f"{each} <> {amount}" for each, (_, amount) in zip(stands, wanted, strict=True))
    told = " || ', ' || ".join(f"{each} instead of {amount}" for each, (_, amount) in zip(stands, wanted, strict=True))
    told = told.replace(" instead of ", " || ' instead of ' || ")
    return f"""
        SELECT coalesce(t.id, j.subject) AS id,
               coalesce(t.status, 'in no row of ours') || ', and stands as ' || {told} AS problem
        FROM {table} t FULL JOIN (
            SELECT e.subject, {sums}
            FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
            WHERE e.kind = '{kind}' GROUP BY e.subject
        ) j ON j.subject = t.id
        WHERE {wrong}
    """  # noqa: S608 - our own constants


def _when(condition: str, amount: str) -> str:
    return f"CASE WHEN t.status {condition} THEN {amount} ELSE 0 END"


INVARIANTS = (
    Invariant(
        name="books-tell-payments",
        promise="Every succeeded payment stands in the books with its amount, and nothing else does.",
        query=_tells("payments", "payment", (_CAME, _when("= 'succeeded'", "t.amount_minor"))),
        playbook="LedgerImbalance",
    ),
    Invariant(
        name="books-tell-refunds",
        promise="Every succeeded refund stands in the books with its amount, and nothing else does.",
        query=_tells("refunds", "refund", (_CAME, _when("= 'succeeded'", "-t.amount_minor"))),
        playbook="LedgerImbalance",
    ),
    Invariant(
        name="books-tell-disputes",
        promise="The books hold what banks hold back in disputes, and have lost what was lost.",
        query=_tells(
            "disputes",
            "dispute",
            ("account = 'disputes:held'", _when("IN ('needs_response', 'under_review')", "t.amount_minor")),
            ("account = 'disputes:lost'", _when("= 'lost'", "t.amount_minor")),
        ),
        playbook="LedgerImbalance",
    ),
)
