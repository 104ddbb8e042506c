"""`post` is the one function that writes money into the books.

It is told how a subject must stand and writes what is missing, so it may be called again at any time: what stands already
is written once, what was undone is written back, and what was never written is caught up with. What belongs to a closed
month is written today and names that month (`restates`).
"""

from functools import cache
from typing import cast

import sqlalchemy as sa

from service.journal.rules import Posting, accounting_day, change, check_zero, month_of
from service.journal.tables import ClosedMonth, JournalEntry, JournalLine
from service.kernel.db import Session
from service.kernel.money import Money
from service.telemetry import catalogue


async def post(session: Session, posting: Posting) -> bool:
    """Bring the journal to where the subject stands; whether anything was to be written.

    The caller holds the lock that orders all changes of this subject (its order's). Raises `Unbalanced`.
    """
    check_zero(posting)
    known, number = await _known(session, posting.subject)
    lines = change(posting.stands, known)
    if not lines:
        return False
    entry_seq = await _write(session, posting, number=number + 1, count=len(lines))
    rows = [
        {"entry_seq": entry_seq, "position": position, "account": account}
        | {"amount_minor": amount.minor, "amount_currency": amount.currency}
        for position, (account, amount) in enumerate(lines)
    ]
    await session.execute(_lining(), rows)
    session.count(catalogue.JOURNAL_ENTRIES, kind=posting.kind)
    return True


async def standing(session: Session, subject: str) -> dict[str, Money]:
    """How a subject stands in the books, by account."""
    known, _ = await _known(session, subject)
    return {account: Money(minor, currency) for (account, currency), minor in known.items() if minor}


async def of_order(session: Session, order_id: str) -> dict[str, Money]:
    """What an order comes to, by account, its one currency."""
    query = (
        sa.select(
            JournalLine.account,
            sa.literal_column("amount_currency", sa.Text),
            sa.func.sum(sa.column("amount_minor", sa.BigInteger)),
        )
        .join(JournalEntry, JournalEntry.seq == JournalLine.entry_seq)
        .where(JournalEntry.order_id == order_id)
        .group_by(JournalLine.account, sa.literal_column("amount_currency", sa.Text))
    )
    rows = (await session.execute(query)).all()
    return {account: Money(int(minor), currency) for account, currency, minor in rows if minor}


async def _known(session: Session, subject: str) -> tuple[dict[tuple[str, str], int], int]:
    rows = (await session.execute(_standing(), {"of_subject": subject})).all()
    sums = {(account, currency): int(minor) for account, currency, minor, _ in rows}
    return sums, max((row[3] for row in rows), default=0)


@cache
def _lining() -> sa.Executable:
    """All lines in one statement, because they are checked after it; with RETURNING, SQLAlchemy makes it one."""
    lines = cast("sa.Table", JournalLine.__table__)
    return sa.insert(lines).returning(lines.c.entry_seq)


@cache
def _standing() -> sa.Select[str, str, int, int]:
    """Built once: every posting begins with it."""
    return (
        sa.select(
            JournalLine.account,
            sa.literal_column("amount_currency", sa.Text),
            sa.func.sum(sa.column("amount_minor", sa.BigInteger)),
            sa.func.max(JournalEntry.number),
        )
        .join(JournalEntry, JournalEntry.seq == JournalLine.entry_seq)
        .where(JournalEntry.subject == sa.bindparam("of_subject"))
        .group_by(JournalLine.account, sa.literal_column("amount_currency", sa.Text))
    )


async def _write(session: Session, posting: Posting, *, number: int, count: int) -> int:
    day, today = accounting_day(posting.occurred_at), accounting_day(session.now)
    restates = month_of(day) if await _is_closed(session, month_of(day)) else None
    entry = {
        "kind": posting.kind,
        "subject": posting.subject,
        "number": number,
        "provider": posting.provider,
        "order_id": posting.order_id,
        "day": today if restates else day,
        "occurred_at": posting.occurred_at,
        "posted_at": session.now,
        "restates": restates,
        "lines": count,
        "memo": posting.memo,
    }
    return int((await session.execute(_writing(), entry)).scalar_one())


@cache
def _writing() -> sa.Executable:
    entries = cast("sa.Table", JournalEntry.__table__)
    return sa.insert(entries).returning(entries.c.seq)


async def _is_closed(session: Session, month: str) -> bool:
    if month >= month_of(accounting_day(session.now)):
        return False  # a month is closed after its end
    later = sa.select(ClosedMonth.month).where(
        ClosedMonth.month >= month
    )  # before a closed one nothing changes, either
    return bool((await session.execute(sa.select(later.exists()))).scalar_one())
