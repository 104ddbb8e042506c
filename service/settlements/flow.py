"""Read the gateways' movements, match them with what is known here, and post what only they tell.

One worker reads a list at a time, under a lease, in steps that leave a mark; what is read again changes nothing. A gateway
may show a movement hours late or take one back, so each reading overlaps the one before, and `refresh` reads a whole day
anew.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.gateways.base import Capability, Gateway
from service.gateways.facts import Settlement, SettlementKind
from service.journal.flow import post
from service.kernel.db import Database, Session
from service.kernel.errors import GatewayError
from service.kernel.money import Money
from service.payments.tables import Payment
from service.settlements.rules import (
    BEFORE_OURS,
    EVERY,
    FIRST,
    ITEMISED_WITHIN,
    LEASE,
    OVERLAP,
    STEP,
    Moved,
    next_step,
    postings,
)
from service.settlements.tables import Movement, SettlementSweep
from service.telemetry import catalogue
from service.telemetry.logs import get_logger

BATCH = 100  # movements in one transaction
log = get_logger("settlements")

_TOLD = (
    *("kind", "amount_minor", "amount_currency", "fee_minor", "occurred_at", "available_at", "payment_ref"),
    *("refund_ref", "dispute_ref", "payout_ref", "told_order_id", "told_payment_id", "told_refund_id"),
)
# Which row of ours a movement is about; a dispute that has no name of its own there is found by its payment.
_MATCH = """
    UPDATE settlements s SET subject = found.id, order_id = found.order_id FROM (
        SELECT m.ref, o.id, o.order_id FROM settlements m CROSS JOIN LATERAL (
            SELECT p.id, p.order_id FROM payments p
            WHERE m.kind = 'payment' AND p.provider = m.provider AND p.payment_ref = m.payment_ref
            UNION ALL
            SELECT r.id, r.order_id FROM refunds r
            WHERE m.kind IN ('refund', 'refund_failed') AND r.provider = m.provider AND r.refund_ref = m.refund_ref
            UNION ALL
            SELECT r.id, r.order_id FROM refunds r
            WHERE m.kind IN ('refund', 'refund_failed') AND r.provider = m.provider AND r.id = m.told_refund_id
                AND (r.refund_ref = m.refund_ref) IS NOT FALSE -- one of ours is made once
            UNION ALL
            SELECT d.id, d.order_id FROM disputes d
            WHERE m.kind IN ('dispute', 'dispute_won') AND d.provider = m.provider AND d.dispute_ref = m.dispute_ref
            UNION ALL
            (SELECT d.id, d.order_id FROM disputes d JOIN payments p ON p.id = d.payment_id
             WHERE m.kind IN ('dispute', 'dispute_won') AND m.dispute_ref IS NULL
                AND p.provider = m.provider AND p.payment_ref = m.payment_ref
             ORDER BY abs(d.amount_minor - abs(m.amount_minor)), d.created_at DESC LIMIT 1)
            LIMIT 1
        ) o
        WHERE m.provider = :provider AND m.subject IS NULL AND m.occurred_at >= :since AND m.withdrawn_at IS NULL
            AND m.kind IN ('payment', 'refund', 'refund_failed', 'dispute', 'dispute_won')
    ) found
    WHERE s.provider = :provider AND s.ref = found.ref AND s.subject IS NULL
    RETURNING s.ref
"""
# What a movement was here, where that is another currency.
_EXCHANGED = """
    SELECT s.ref, o.minor, o.currency FROM settlements s JOIN LATERAL (
        SELECT p.amount_minor AS minor, p.amount_currency AS currency FROM payments p WHERE p.id = s.subject
        UNION ALL SELECT -r.amount_minor, r.amount_currency FROM refunds r WHERE r.id = s.subject
        UNION ALL SELECT -d.amount_minor, d.amount_currency FROM disputes d WHERE d.id = s.subject
    ) o ON o.currency <> s.amount_currency
    WHERE s.provider = :provider AND s.ref = ANY(:refs)
"""
# Those that stood in suspense; what takes them out again is the same kind of entry.
_ODD = "SELECT DISTINCT subject FROM journal_entries WHERE subject = ANY(:refs) AND kind = 'adjustment'"
# Payouts of which not everything that is in them is known yet.
_UNITEMISED = """
    SELECT p.payout_ref FROM settlements p
    WHERE p.provider = :provider AND p.kind = 'payout' AND p.occurred_at >= :since AND p.withdrawn_at IS NULL
        AND -p.amount_minor <> (
            SELECT coalesce(sum(m.amount_minor - m.fee_minor), 0) FROM settlements m
            WHERE m.provider = p.provider AND m.paid_out_by = p.payout_ref AND m.withdrawn_at IS NULL)
    ORDER BY p.occurred_at LIMIT 50
"""

_WITHDRAW = """
    UPDATE settlements SET withdrawn_at = :now
    WHERE provider = :provider AND withdrawn_at IS NULL AND occurred_at >= :start AND occurred_at < :end
        AND ref <> ALL(CAST(:listed AS text[]))
    RETURNING ref
"""


async def import_new(db: Database, gateway: Gateway) -> bool:
    """Read the gateway's movements if that is due, and what its payouts are made of; whether there was anything to do.

    Raises `GatewayError` when a list cannot be read to its end; what was found by then stays.
    """
    since = await _lease(db, gateway.provider)
    if since is None:
        return False
    until, step = db.clock(), STEP
    since -= OVERLAP
    try:
        while since < until:
            end = min(since + step, until)
            listed = await read(db, gateway, since=since, until=end)
            since, step = end, next_step(step, listed=len(listed))
            await _mark(db, gateway.provider, since, leased_until=db.clock() + LEASE)
        await _itemise(db, gateway)
    except (GatewayError, asyncio.CancelledError):
        await _mark(db, gateway.provider, since, leased_until=None)
        raise
    await _mark(db, gateway.provider, since, leased_until=None)
    return True


async def read(db: Database, gateway: Gateway, *, since: datetime, until: datetime) -> set[str]:
    """Take in every movement between two moments; their refs."""
    return await _take_all(db, gateway, gateway.list_settlements(since=since, until=until))


async def refresh(db: Database, gateway: Gateway, day: date) -> None:
    """Read one UTC day anew: what shows up late is found, and what is not listed any more is withdrawn."""
    start, end = bounds(day)
    end = min(end, db.clock())
    listed = await read(db, gateway, since=start, until=end)
    await _itemise(db, gateway)
    end = end.replace(microsecond=0)  # lists know whole seconds: of what is younger nothing is known by this one
    given = {"provider": gateway.provider, "start": start, "end": end, "listed": list(listed)}
    async with db.transaction() as session:
        refs = list((await session.execute(sa.text(_WITHDRAW), given | {"now": session.now})).scalars())
        await _post(session, gateway.provider, refs)
    for ref in refs:
        log.warning("a movement is not listed any more", provider=gateway.provider, ref=ref)


def bounds(day: date) -> tuple[datetime, datetime]:
    """The UTC day's beginning and its end."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


async def match(session: Session, provider: str, *, since: datetime) -> None:
    """Find the payments, refunds and disputes of movements that came before them."""
    refs = list((await session.execute(sa.text(_MATCH), {"provider": provider, "since": since})).scalars())
    await _post(session, provider, refs)


async def _take_all(db: Database, gateway: Gateway, movements: AsyncIterator[Settlement]) -> set[str]:
    refs: set[str] = set()
    async for batch in _batches(movements):
        refs |= {each.ref for each in batch}
        async with db.transaction() as session:
            new = await _write(session, gateway.provider, batch)
            await match(session, gateway.provider, since=min(each.occurred_at for each in batch))
            await _post(session, gateway.provider, new)
            session.count(catalogue.SETTLEMENTS, len(new), provider=gateway.provider)
    return refs


async def _batches(movements: AsyncIterator[Settlement]) -> AsyncGenerator[list[Settlement], None]:
    batch: list[Settlement] = []
    async for each in movements:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _write(session: Session, provider: str, batch: Iterable[Settlement]) -> list[str]:
    """Write what is new or not as it was; the refs of those. In order of their refs, so that no two wait in a circle."""
    told = {each.ref: each for each in batch}  # a list whose pages shift while they are read tells one twice
    rows = [_row(provider, told[ref], session.now) for ref in sorted(told)]
    query = insert(Movement.__table__).values(rows)  # type: ignore[arg-type]
    new = {name: query.excluded[name] for name in _TOLD}
    taken_by = sa.func.coalesce(query.excluded.paid_out_by, Movement.paid_out_by)
    changed = sa.or_(
        *(Movement.__table__.c[name].is_distinct_from(value) for name, value in new.items()),
        Movement.paid_out_by.is_distinct_from(taken_by),
        Movement.withdrawn_at.is_not(None),
    )
    query = query.on_conflict_do_update(
        index_elements=["provider", "ref"],
        set_={**new, "paid_out_by": taken_by, "withdrawn_at": None},
        where=changed,
    )
    return list((await session.execute(query.returning(Movement.ref))).scalars())


def _row(provider: str, each: Settlement, now: datetime) -> dict[str, Any]:
    return {
        "provider": provider,
        "ref": each.ref,
        "kind": each.kind.value,
        "amount_minor": each.amount.minor,
        "amount_currency": each.amount.currency,
        "fee_minor": each.fee.minor,
        "occurred_at": each.occurred_at,
        "available_at": each.available_at,
        "payment_ref": each.payment_ref,
        "refund_ref": each.refund_ref,
        "dispute_ref": each.dispute_ref,
        "payout_ref": each.payout_ref,
        "paid_out_by": each.paid_out_by,
        "told_order_id": each.order_id,
        "told_payment_id": each.payment_id,
        "told_refund_id": each.refund_id,
        "imported_at": now,
    }


async def _post(session: Session, provider: str, refs: Sequence[str]) -> None:
    """Bring the books to where these movements stand; their rows are locked by who wrote them in this transaction."""
    if not refs:
        return
    given = {"provider": provider, "refs": list(refs)}
    odd = set((await session.execute(sa.text(_ODD), given)).scalars())
    exchanged = {row[0]: Money(row[1], row[2]) for row in await session.execute(sa.text(_EXCHANGED), given)}
    query = sa.select(Movement).where(Movement.provider == provider, Movement.ref.in_(refs)).order_by(Movement.ref)
    rows = (await session.execute(query.execution_options(populate_existing=True))).scalars().all()
    for row in rows:
        moved = Moved(
            provider=provider,
            ref=row.ref,
            kind=SettlementKind(row.kind),
            amount=row.amount,
            fee=Money(row.fee_minor, row.amount.currency),
            at=row.occurred_at,
            order_id=row.order_id,
            ours=exchanged.get(row.ref),
            withdrawn=row.withdrawn_at is not None,
            stray=row.subject is None,
            was_odd=row.ref in odd,
        )
        for posting in postings(moved):
            await post(session, posting)


async def _itemise(db: Database, gateway: Gateway) -> None:
    """Ask what the last payouts are made of, until it adds up; one that cannot be asked yet holds up no other."""
    if Capability.ITEMISED_PAYOUTS not in gateway.capabilities:
        return
    async with db.transaction() as session:
        given = {"provider": gateway.provider, "since": session.now - ITEMISED_WITHIN}
        payouts = list((await session.execute(sa.text(_UNITEMISED), given)).scalars())
    for payout in payouts:
        try:
            await _take_all(db, gateway, gateway.list_paid_out(payout))
        except GatewayError as error:
            log.warning("payout not itemised", provider=gateway.provider, payout=payout, exc_info=error)


async def _lease(db: Database, provider: str) -> datetime | None:
    """Up to where the list was read, if it is due and nobody reads it now; then it is ours for `LEASE`."""
    async with db.transaction() as session:
        await _begin(session, provider)
        query = sa.select(SettlementSweep).where(SettlementSweep.provider == provider).with_for_update()
        row = (await session.execute(query)).scalar_one()
        db.telemetry.set(catalogue.SETTLED_UNTIL, row.read_until.timestamp(), provider=provider)
        is_read = row.leased_until is not None and row.leased_until > session.now
        if is_read or row.read_until + EVERY > session.now:
            return None
        row.leased_until, row.updated_at = session.now + LEASE, session.now
        return row.read_until


async def _begin(session: Session, provider: str) -> None:
    """The first reading goes back to the first attempt to pay, or as far as it is worth it."""
    if await session.get(SettlementSweep, provider) is not None:
        return
    oldest = (await session.execute(sa.select(Payment.created_at).order_by(Payment.id).limit(1))).scalar_one_or_none()
    since = max((oldest or session.now) - BEFORE_OURS, session.now - FIRST)
    first = {"provider": provider, "since": since, "read_until": since, "updated_at": session.now}
    await session.execute(insert(SettlementSweep).values(first).on_conflict_do_nothing())


async def _mark(db: Database, provider: str, read_until: datetime, *, leased_until: datetime | None) -> None:
    """The list was read up to here; never back, whoever is slower."""
    async with db.transaction() as session:
        values = {
            "read_until": sa.func.greatest(SettlementSweep.read_until, read_until),
            "leased_until": leased_until,
            "updated_at": session.now,
        }
        await session.execute(sa.update(SettlementSweep).where(SettlementSweep.provider == provider).values(values))
    db.telemetry.set(catalogue.SETTLED_UNTIL, read_until.timestamp(), provider=provider)
