"""Three-way, day by day: our journal, what a gateway moved, and what it paid out; what differs is kept until it is resolved.

`reconcile` compares what is known here; `settlements.flow.refresh` reads the day anew at the gateway before. The worker does
both each morning for the last days, and for each day of which a difference is open.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from service.comparison.flow import find
from service.comparison.rules import DifferenceKind, Found, Terms
from service.gateways.base import Gateway
from service.journal.rules import clearing
from service.kernel.db import Database, Session
from service.kernel.errors import GatewayError
from service.kernel.money import Money
from service.reconciliation.rules import DAYS, KINDS, LEASE, last_morning
from service.reconciliation.tables import Difference, Reconciliation
from service.reconciliation.views import Report, Sum
from service.settlements.flow import bounds, import_new, match, refresh
from service.settlements.tables import SettlementSweep
from service.telemetry import catalogue

TIMEOUT_S = 60  # a day of an on-sale has a hundred thousand movements
AT_ONCE = 1_000  # differences written in one statement
GONE = "gone"

_JOURNAL = """
    SELECT e.kind, count(DISTINCT e.subject), sum(l.amount_minor), l.amount_currency
    FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq AND l.account = :clearing
    WHERE e.day = :day AND e.provider = :provider GROUP BY e.kind, l.amount_currency ORDER BY e.kind, l.amount_currency
"""
_SETTLED = """
    SELECT kind, count(*), sum(amount_minor), amount_currency, sum(fee_minor) FROM settlements
    WHERE provider = :provider AND occurred_at >= :start AND occurred_at < :end AND withdrawn_at IS NULL
    GROUP BY kind, amount_currency ORDER BY kind, amount_currency
"""
_OPEN = """
    SELECT kind, count(*), extract(epoch FROM :now - min(first_seen)), sum(abs(amount_minor)) FROM differences
    WHERE provider = :provider AND resolved_at IS NULL GROUP BY kind
"""


async def reconcile(session: Session, day: date, terms: Terms, *, anew: bool) -> Report:
    """Compare one UTC day of one gateway, and write what differs; what differs no more is resolved.

    `anew`: its list was just read to the end, so the day counts as compared.
    """
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await session.execute(sa.text(f"SET LOCAL {limit} = '{TIMEOUT_S}s'"))
    one_at_a_time = sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"reconcile {terms.provider}"))
    await session.execute(sa.select(one_at_a_time))
    await match(session, terms.provider, since=bounds(day)[0])
    found = [each async for each in find(session, day, terms)]
    await _write(session, terms.provider, day, found)
    if anew:
        ran = insert(Reconciliation).values({"provider": terms.provider, "day": day, "ran_at": session.now})
        await session.execute(
            ran.on_conflict_do_update(index_elements=["provider", "day"], set_={"ran_at": session.now})
        )
    return await _report(session, day, terms.provider)


async def open_of(session: Session, provider: str, day: date) -> list[Difference]:
    """What of a day nobody has resolved yet, the oldest first."""
    query = sa.select(Difference).where(Difference.provider == provider, Difference.day == day)
    query = query.where(Difference.resolved_at.is_(None)).order_by(
        Difference.first_seen, Difference.kind, Difference.subject
    )
    return list((await session.execute(query)).scalars())


async def find_open(session: Session, difference_id: str) -> Difference | None:
    """An open difference by its id, locked."""
    query = sa.select(Difference).where(Difference.id == difference_id, Difference.resolved_at.is_(None))
    return (await session.execute(query.with_for_update())).scalar_one_or_none()


def accept(session: Session, difference: Difference, *, why: str, by: str) -> None:
    """A person has looked at a locked difference and it may stand: it is not told again as long as its amount stays."""
    difference.resolved_at, difference.resolution, difference.resolved_by = session.now, why, by


async def keep_up(db: Database, gateway: Gateway, terms: Terms) -> bool:
    """Read what moved on a gateway's balance, then compare a day that is due; whether there was anything to do."""
    read = await import_new(db, gateway)
    return await reconcile_due(db, gateway, terms) or read


async def reconcile_due(db: Database, gateway: Gateway, terms: Terms) -> bool:
    """Read and compare one day that is due; whether there was one. Raises `GatewayError` when it cannot be read."""
    day = await _lease(db, gateway.provider)
    if day is None:
        return False
    try:
        await refresh(db, gateway, day)
        async with db.transaction() as session:
            await reconcile(session, day, terms, anew=True)
            await session.execute(_release(gateway.provider, day))
    except (GatewayError, asyncio.CancelledError):
        async with db.transaction() as session:
            await session.execute(_release(gateway.provider, day))
        raise
    return True


def _release(provider: str, day: date) -> sa.Update:
    mine = Reconciliation.provider == provider, Reconciliation.day == day
    return sa.update(Reconciliation).where(*mine).values(leased_until=None)


async def _lease(db: Database, provider: str) -> date | None:
    """A day that nobody compares now and that was not compared since this morning: the oldest, and then it is ours."""
    async with db.transaction() as session:
        await _measure(db, session, provider)
        sweep = await session.get(SettlementSweep, provider)
        morning = last_morning(session.now)
        if sweep is None:
            return None  # nothing has been read yet
        first = max(sweep.since.date(), morning.date() - timedelta(days=DAYS))
        days = {first + timedelta(days=ahead) for ahead in range((morning.date() - first).days)}
        still = sa.select(Difference.day).where(Difference.provider == provider, Difference.resolved_at.is_(None))
        days |= {each for each in (await session.execute(still.distinct())).scalars() if each < morning.date()}
        done = sa.select(Reconciliation.day).where(Reconciliation.provider == provider, Reconciliation.day.in_(days))
        days -= set((await session.execute(done.where(Reconciliation.ran_at >= morning))).scalars())
        for day in sorted(days):
            values = {"provider": provider, "day": day, "leased_until": session.now + LEASE}
            query = insert(Reconciliation).values(values)
            is_free = sa.or_(Reconciliation.leased_until.is_(None), Reconciliation.leased_until <= session.now)
            taken = query.on_conflict_do_update(
                index_elements=["provider", "day"], set_={"leased_until": values["leased_until"]}, where=is_free
            )
            if (await session.execute(taken.returning(Reconciliation.day))).scalar_one_or_none() is not None:
                return day
    return None


async def _measure(db: Database, session: Session, provider: str) -> None:
    """The gauges of what is open at one gateway, and when a day of it was last compared."""
    rows = await session.execute(sa.text(_OPEN), {"provider": provider, "now": session.now})
    found = {row[0]: row[1:] for row in rows}
    for kind in DifferenceKind:
        count, oldest_s, minor = found.get(kind, (0, 0, 0))
        db.telemetry.set(catalogue.DIFFERENCES, count, provider=provider, kind=kind)
        db.telemetry.set(catalogue.DIFFERENCES_OLDEST, oldest_s, provider=provider, kind=kind)
        db.telemetry.set(catalogue.DIFFERENCES_MINOR, minor, provider=provider, kind=kind)
    ran = sa.select(sa.func.max(Reconciliation.ran_at)).where(Reconciliation.provider == provider)
    if ran_at := (await session.execute(ran)).scalar_one():
        db.telemetry.set(catalogue.RECONCILED, ran_at.timestamp(), provider=provider)


async def _write(session: Session, provider: str, day: date, found: Sequence[Found]) -> None:
    """Keep one row for each thing that is out: its age counts from when anything was out with its subject."""
    mine = Difference.provider == provider
    open_here = sa.and_(Difference.day == day, Difference.resolved_at.is_(None))
    subjects = sa.cast(list({each.subject for each in found}), ARRAY(sa.Text))  # one value: they may be any number
    known = sa.select(Difference).where(mine, sa.or_(open_here, Difference.subject == sa.any_(subjects)))
    rows = {(row.kind, row.subject): row for row in (await session.execute(known)).scalars()}
    since = {row.subject: row.first_seen for row in rows.values() if row.resolved_at is None}
    for count, each in enumerate(found, 1):
        row = rows.pop((each.kind, each.subject), None)
        if row is None:
            session.add(_new(session, provider, day, each, first_seen=since.get(each.subject, session.now)))
        elif row.resolution in {None, GONE} or row.amount != each.amount:
            _see(session, row, each, first_seen=since.get(each.subject, session.now))
        if count % AT_ONCE == 0:  # a day of which nothing is listed has a hundred thousand
            await session.flush()
    for row in rows.values():
        if row.day == day and row.resolved_at is None:
            row.resolved_at, row.resolution = session.now, GONE
    await session.flush()


def _new(session: Session, provider: str, day: date, one: Found, *, first_seen: datetime) -> Difference:
    return Difference(
        id=session.ids.new("dif"),
        provider=provider,
        day=day,
        kind=one.kind,
        subject=one.subject,
        order_id=one.order_id,
        amount=one.amount,
        occurred_at=one.at,
        note=one.note,
        owner=KINDS[one.kind].owner,
        first_seen=first_seen,
        last_seen=session.now,
    )


def _see(session: Session, row: Difference, one: Found, *, first_seen: datetime) -> None:
    if row.resolved_at is not None:
        row.first_seen = first_seen
    row.amount, row.note, row.last_seen = one.amount, one.note, session.now
    row.resolved_at = row.resolution = row.resolved_by = None


async def _report(session: Session, day: date, provider: str) -> Report:
    start, end = bounds(day)
    in_day = {"provider": provider, "start": start, "end": end}
    told = await session.execute(sa.text(_JOURNAL), {"provider": provider, "day": day, "clearing": clearing(provider)})
    moved = await session.execute(sa.text(_SETTLED), in_day)
    return Report(
        provider=provider,
        day=day,
        journal=tuple(Sum(kind, count, Money(int(minor), currency)) for kind, count, minor, currency in told),
        settled=tuple(
            Sum(kind, count, Money(int(minor), currency), Money(int(fee), currency))
            for kind, count, minor, currency, fee in moved
        ),
        differences=tuple(await open_of(session, provider, day)),
        at=session.now,
    )
