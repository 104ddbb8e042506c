"""Read what days came to, and close a month: from then on nothing is written into it.

A month is closed in two steps: what it comes to is read on a snapshot that holds nobody up, and then, with the journal
locked for a moment, it is made sure that nothing was written meanwhile. The database's triggers do the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from service.access.rules import Principal
from service.archives.flow import digest_of
from service.archives.rules import end_of, key_of, start_of
from service.audit.flow import note
from service.closing.rules import (
    NotClosable,
    Report,
    Sum,
    check_ended,
    check_reconciled,
    figures,
    next_month,
    restated,
)
from service.gateways.base import Capability
from service.gateways.registry import UnknownProviderError, describe
from service.journal.rules import accounting_day, month_of
from service.journal.tables import ClosedMonth, JournalEntry
from service.kernel.db import Database, Session
from service.reconciliation.rules import READY
from service.reconciliation.tables import Difference

TIMEOUT_S = 60  # sums over all lines there are
TRIES = 3  # to close a month into which somebody is still writing

_SUMS = """
    SELECT e.kind, e.restates, l.account, sum(l.amount_minor)::bigint, l.amount_currency
    FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
    WHERE {which} GROUP BY e.kind, e.restates, l.account, l.amount_currency
"""
_OPENING = """
    SELECT l.account, l.amount_currency, sum(l.amount_minor)::bigint
    FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
    WHERE e.day < :first GROUP BY l.account, l.amount_currency
"""


# From a provider's first movement on, and only what is told of the month itself.
_UNCOMPARED = """
    SELECT moved.provider, moved.day FROM (
        SELECT provider, CAST(generate_series(greatest(min(day), :first), :last, interval '1 day') AS date) AS day
        FROM journal_entries WHERE day <= :last AND provider IS NOT NULL
        GROUP BY provider HAVING bool_or(day >= :first AND restates IS NULL)
    ) moved LEFT JOIN reconciliations r ON r.provider = moved.provider AND r.day = moved.day
        AND r.ran_at >= (moved.day + 1)::timestamp AT TIME ZONE 'UTC' + CAST(:ready AS interval)
    WHERE r.day IS NULL ORDER BY moved.provider, moved.day
"""


@dataclass(frozen=True)
class Counted:
    """What a month has when it is closed."""

    entries: int
    last_seq: int
    digest: str
    totals: dict[str, dict[str, int]]


async def report(session: Session, first: date, last: date) -> Report:
    """What these days came to; the session must be new, and can only read afterwards."""
    await _on_a_snapshot(session)
    sums = await _sums(session, "e.day BETWEEN :first AND :last", first=first, last=last)
    rows = await session.execute(sa.text(_OPENING), {"first": first})
    opening = {(account, currency): minor for account, currency, minor in rows if minor}
    entries, _ = await _count(session, first, last)
    months = [month for month in await _months(session) if start_of(month) >= first and end_of(month) <= last]
    corrected = await _sums(session, "e.restates = ANY(:months) AND e.day > :last", months=months, last=last)
    return Report(first, last, entries, figures(sums, opening), restated(corrected))


async def find_closed(session: Session, month: str) -> ClosedMonth | None:
    """The month, if it is closed."""
    return await session.get(ClosedMonth, month)


async def close(
    db: Database, principal: Principal, month: str, *, grace_days: int, anyway: str | None = None
) -> ClosedMonth:
    """Close a month for good; raises `NotClosable`. `anyway` is the reason to do it unreconciled."""
    for _ in range(TRIES):
        async with db.transaction() as session:
            await _on_a_snapshot(session)
            await _check(session, month, grace_days=grace_days, anyway=anyway)
            counted = await _look(session, month)
        async with db.transaction() as session:
            closed = await _close(session, principal, month, counted, anyway=anyway)
        if closed is not None:
            return closed
    raise NotClosable(f"Entries of {month} are being written just now. Please try again in a minute.")


async def _check(session: Session, month: str, *, grace_days: int, anyway: str | None) -> None:
    end = end_of(month)
    check_ended(end, accounting_day(session.now), grace_days=grace_days)
    closed = set(await _months(session))
    if month in closed:
        raise NotClosable(f"{month} is closed already.")
    begun = (await session.execute(sa.select(sa.func.min(JournalEntry.day)))).scalar_one()
    first = month_of(begun) if begun else month
    while first < month:
        if first not in closed:
            raise NotClosable(
                f"{first} is open: months are closed in their order, so that no balance changes behind them."
            )
        first = next_month(first)
    if anyway is None:
        still = sa.select(sa.func.count()).where(Difference.resolved_at.is_(None), Difference.day <= end)
        check_reconciled(month, (await session.execute(still)).scalar_one(), await _uncompared(session, month))


async def _uncompared(session: Session, month: str) -> dict[str, list[date]]:
    """The days that were never compared once their list was whole, of each provider that moved money and has a list."""
    days: dict[str, list[date]] = {}
    given = {"first": start_of(month), "last": end_of(month), "ready": READY}
    for provider, day in await session.execute(sa.text(_UNCOMPARED), given):
        days.setdefault(provider, []).append(day)
    return {provider: missing for provider, missing in days.items() if _has_list(provider)}


def _has_list(provider: str) -> bool:
    try:
        return Capability.LIST_SETTLEMENTS in describe(provider).capabilities
    except UnknownProviderError:
        return True  # its package is gone: that nobody can compare it is for a person to know


async def _look(session: Session, month: str) -> Counted:
    first, last = start_of(month), end_of(month)
    digest = await digest_of(session, first, last)
    entries, last_seq = await _count(session, first, last)
    own = await _sums(session, "e.day BETWEEN :first AND :last", first=first, last=last)
    before = await session.execute(sa.text(_OPENING), {"first": first})
    accounts: dict[str, int] = {}
    balances = {key_of(account, currency): minor for account, currency, minor in before}
    for each in own:
        key = key_of(each.account, each.currency)
        accounts[key] = accounts.get(key, 0) + each.minor
        balances[key] = balances.get(key, 0) + each.minor
    totals = {"accounts": _without_zeros(accounts), "balances": _without_zeros(balances)}
    return Counted(entries, last_seq, digest.hex, totals)


def _without_zeros(sums: dict[str, int]) -> dict[str, int]:
    return {key: minor for key, minor in sorted(sums.items()) if minor}


async def _close(
    session: Session, principal: Principal, month: str, counted: Counted, *, anyway: str | None
) -> ClosedMonth | None:
    """Lock the journal and write the month down; None when something was written into it since it was looked at."""
    await session.execute(sa.text("LOCK TABLE journal_entries IN SHARE ROW EXCLUSIVE MODE"))
    if await find_closed(session, month) is not None:
        raise NotClosable(f"{month} is closed already.")
    if await _count(session, start_of(month), end_of(month)) != (counted.entries, counted.last_seq):
        return None
    closed = ClosedMonth(
        month=month,
        closed_at=session.now,
        closed_by=principal.name,
        entries=counted.entries,
        digest=counted.digest,
        totals=dict(counted.totals),
    )
    session.add(closed)
    await session.flush()
    after = {"entries": counted.entries, "digest": counted.digest, **({"anyway": anyway} if anyway else {})}
    note(session, principal, "books.close", month, after=after)
    return closed


async def _on_a_snapshot(session: Session) -> None:
    await session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    await session.execute(sa.text(f"SET LOCAL statement_timeout = '{TIMEOUT_S}s'"))


async def _sums(session: Session, which: str, **values: Any) -> Sequence[Sum]:
    rows = await session.execute(sa.text(_SUMS.format(which=which)), values)
    return [Sum(*row) for row in rows if row[3]]


async def _count(session: Session, first: date, last: date) -> tuple[int, int]:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(JournalEntry.seq), 0))
    count, seq = (await session.execute(query.where(JournalEntry.day.between(first, last)))).one()
    return count, seq


async def _months(session: Session) -> Sequence[str]:
    return (await session.execute(sa.select(ClosedMonth.month).order_by(ClosedMonth.month))).scalars().all()
