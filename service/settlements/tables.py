"""The movements as the gateways list them, one row each, and up to where each list was read.

`subject` is the payment, refund or dispute of ours that the movement is about, once it is known. A movement that its
gateway does not list any more (PayPal takes a refund back that failed) is withdrawn, and never removed.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.gateways.facts import SettlementKind
from service.kernel.db import Tables
from service.kernel.invariants import Invariant
from service.kernel.money import Money, money
from service.settlements.rules import ABOUT_OURS

KINDS = ", ".join(f"'{each}'" for each in SettlementKind)
OURS = ", ".join(f"'{each}'" for each in ABOUT_OURS)


class Movement(Tables):
    __tablename__ = "settlements"
    __table_args__ = (
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind"),
        sa.Index("ix_settlements_occurred_at", "provider", "occurred_at"),
        sa.Index("ix_settlements_subject", "subject", postgresql_where=sa.text("subject IS NOT NULL")),
        sa.Index(  # what the history shows by itself
            "ix_settlements_history",
            "occurred_at",
            sa.text("(provider || ':' || ref)"),
            postgresql_where=sa.text("subject IS NULL"),
        ),
        sa.Index("ix_settlements_payment_ref", "provider", "payment_ref"),
        sa.Index("ix_settlements_paid_out_by", "provider", "paid_out_by"),
        sa.Index(
            "ix_settlements_unmatched",
            "provider",
            "occurred_at",
            postgresql_where=sa.text(f"subject IS NULL AND kind IN ({OURS})"),
        ),
        sa.Index(
            "ix_settlements_payouts",
            "provider",
            "occurred_at",
            postgresql_where=sa.text("kind IN ('payout', 'payout_failed')"),
        ),
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)  # the gateway's name of it, and its subject in the journal
    kind: Mapped[str]
    amount: Mapped[Money] = money("amount")  # before the fee, signed from our point of view
    fee_minor: Mapped[int] = mapped_column(sa.BigInteger)  # what the gateway took of it
    occurred_at: Mapped[datetime]
    available_at: Mapped[datetime | None]
    payment_ref: Mapped[str | None]
    refund_ref: Mapped[str | None]
    dispute_ref: Mapped[str | None]
    payout_ref: Mapped[str | None]  # the payout this is, or that came back
    paid_out_by: Mapped[str | None]  # the payout that took it to the bank, where the gateway tells
    told_order_id: Mapped[str | None]  # ids of ours that travelled along; what they name need not exist
    told_payment_id: Mapped[str | None]
    told_refund_id: Mapped[str | None]
    subject: Mapped[str | None]
    order_id: Mapped[str | None] = mapped_column(sa.ForeignKey("orders.id"))
    imported_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class SettlementSweep(Tables):
    """Up to which moment a gateway's movements were read; nothing is known of what was before `since`."""

    __tablename__ = "settlement_sweeps"

    provider: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    read_until: Mapped[datetime]
    leased_until: Mapped[datetime | None]  # one worker reads a list at a time
    updated_at: Mapped[datetime]


INVARIANTS = (
    Invariant(
        name="settlements-posted",
        promise="Each movement of a gateway has moved the books: its fee, and its amount where no event of ours tells it.",
        query="""
            SELECT s.provider || ' ' || s.ref AS id, s.kind || ' of ' || s.amount_minor || ' with a fee of '
                   || s.fee_minor || ' stands as ' || coalesce(j.clearing, 0) AS problem
            FROM settlements s LEFT JOIN (
                SELECT e.subject, e.provider, l.amount_currency AS currency, sum(l.amount_minor) AS clearing
                FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
                    AND l.account = 'clearing:' || e.provider
                WHERE e.kind IN ('fee', 'payout', 'adjustment')
                GROUP BY e.subject, e.provider, l.amount_currency
            ) j ON j.subject = s.ref AND j.provider = s.provider AND j.currency = s.amount_currency
            WHERE (s.subject IS NULL OR s.kind NOT IN ('payment', 'refund', 'refund_failed', 'dispute', 'dispute_won'))
                AND coalesce(j.clearing, 0) <> CASE WHEN s.withdrawn_at IS NULL THEN s.amount_minor - s.fee_minor ELSE 0 END
               OR s.subject IS NOT NULL AND s.withdrawn_at IS NULL AND s.fee_minor <> 0 AND j.subject IS NULL
        """,
        playbook="LedgerImbalance",
    ),
)
