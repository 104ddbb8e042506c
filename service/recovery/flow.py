"""What no webhook brought: events in the gateway's own list, objects behind thin events, orders that stand still.

One worker sweeps a gateway at a time, under a lease; what it finds goes through the door's own insert, so a row can only be
new or known. The list is read in short steps, and the mark of how far moves behind the rows, so a sweep that dies half way
is repeated from there. Orders are asked about one by one, the longest waiting first, a bounded number each turn.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.completion.flow import find_out
from service.gateways.base import Capability, Gateway
from service.gateways.facts import Envelope, EventKind
from service.kernel.db import Database, Session
from service.kernel.errors import CubanoError, GatewayError, Invalid
from service.orders.machine import OPEN
from service.orders.tables import Order
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.recovery.rules import (
    ABANDONED,
    EVERY,
    FETCH_LEASE,
    FIRST,
    LEASE,
    RARER,
    STEP,
    STUCK,
    YOUNG,
    Batch,
    next_step,
    window,
)
from service.recovery.tables import Sweep
from service.shop.flow import Shop
from service.telemetry import catalogue
from service.telemetry.labels import RecoveredBy, WebhookResult
from service.telemetry.logs import bound, get_logger
from service.telemetry.redaction import redact_text
from service.webhooks.flow import Intake
from service.webhooks.rules import MOST_ERROR, judge_fetch
from service.webhooks.tables import Arrival, EventState, PaymentEvent, lease_thin

BATCH = 100  # events in one insert, and what is read between two marks
log = get_logger("recovery")

Take = Callable[[Sequence[Arrival]], Awaitable[list[bool]]]


async def sweep(
    db: Database, gateway: Gateway, intake: Intake, *, livemode: bool, patience: timedelta = LEASE / 2
) -> bool:
    """Read the gateway's list if it is due, and write down what is missing; whether there was anything to do.

    Raises `GatewayError` when the list cannot be read to its end; what was found by then stays. A wide
    step may take `patience`, then it is read in short ones.
    """
    since = await _lease(db, gateway.provider)
    if since is None:
        return False
    since, until = window(since, now=db.clock())
    read = partial(_read_step, db, gateway, writer(intake), livemode=livemode)
    step = STEP
    try:
        while since < until:
            end = min(since + step, until)
            try:
                async with asyncio.timeout(None if step == STEP else patience.total_seconds()):
                    listed = await read(since=since, until=end)
            except TimeoutError:
                if step == STEP:
                    raise
                step = STEP  # more has happened there than it looked like
                continue
            since, step = end, next_step(step, is_sparse=listed < BATCH)
            await _mark(db, gateway.provider, since, leased_until=db.clock() + LEASE if since < until else None)
    except (GatewayError, TimeoutError, asyncio.CancelledError):
        await _mark(db, gateway.provider, since, leased_until=None)
        raise
    return True


async def _read_step(
    db: Database, gateway: Gateway, take: Take, *, since: datetime, until: datetime, livemode: bool
) -> int:
    listed = 0
    async for batch in read_list(gateway, take, db, since=since, until=until, livemode=livemode):
        listed += batch.listed
        db.telemetry.count(
            catalogue.RECOVERED, len(batch.missing), provider=gateway.provider, found_by=RecoveredBy.SWEEP
        )
        await _mark(db, gateway.provider, min(batch.until, until), leased_until=db.clock() + LEASE)
    return listed


async def read_list(
    gateway: Gateway, take: Take, db: Database, *, since: datetime, until: datetime, livemode: bool
) -> AsyncGenerator[Batch, None]:
    """The gateway's events between two moments in batches; `take` tells which of them are missing, or writes them down."""
    events = gateway.list_events(since=since, until=until)
    async for bodies in _batches(events):
        envelopes = [(each, body) for body in bodies if (each := _read(gateway, body)) is not None]
        ours = [(each, body) for each, body in envelopes if each.livemode == livemode]
        for _ in range(strange := len(envelopes) - len(ours)):
            db.telemetry.count(catalogue.WEBHOOKS, provider=gateway.provider, result=WebhookResult.WRONG_MODE)
        now = db.clock()
        new = await take(
            [Arrival(gateway.provider, each, body, now, found_by=RecoveredBy.SWEEP) for each, body in ours]
        )
        missing = tuple(each for (each, _), is_new in zip(ours, new, strict=True) if is_new)
        for each in missing:
            with bound(event_id=each.event_id):
                log.info("found in the gateway's list", provider=gateway.provider, type=each.type)
        yield Batch(len(bodies), missing, strange, max((each.created_at for each, _ in envelopes), default=since))


def writer(intake: Intake) -> Take:
    """Write them down as the door does."""

    async def take(arrivals: Sequence[Arrival]) -> list[bool]:
        written = await asyncio.gather(*(intake.take(each) for each in arrivals), return_exceptions=True)
        for result in written:
            if isinstance(result, BaseException) and not isinstance(result, Invalid):
                raise result
        return [result is True for result in written]  # what the door would refuse stays out here, too

    return take


def looker(db: Database) -> Take:
    """Only look which of them are missing."""

    async def take(arrivals: Sequence[Arrival]) -> list[bool]:
        ids = [each.envelope.event_id for each in arrivals]
        known = sa.select(PaymentEvent.provider, PaymentEvent.event_id).where(PaymentEvent.event_id.in_(ids))
        async with db.transaction() as session:
            there = {tuple(row) for row in await session.execute(known)}
        return [(each.provider, each.envelope.event_id) not in there for each in arrivals]

    return take


def _read(gateway: Gateway, body: bytes) -> Envelope | None:
    try:
        return gateway.read_envelope(body)
    except Invalid as error:
        log.warning("no event in the gateway's list", provider=gateway.provider, exc_info=error)
        return None


async def _batches(events: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    batch: list[bytes] = []
    async for body in events:
        batch.append(body)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def read_mark(session: Session, provider: str) -> datetime:
    """Up to where a gateway's list was read; before the very first sweep as far back as that will go."""
    row = await session.get(Sweep, provider)
    return row.swept_until if row else session.now - FIRST


async def _lease(db: Database, provider: str) -> datetime | None:
    """Up to where the list was read, if it is due and nobody reads it now; then it is ours for `LEASE`."""
    async with db.transaction() as session:
        first = {"provider": provider, "swept_until": session.now - FIRST, "updated_at": session.now}
        await session.execute(insert(Sweep).values(first).on_conflict_do_nothing())
        row = (await session.execute(sa.select(Sweep).where(Sweep.provider == provider).with_for_update())).scalar_one()
        db.telemetry.set(catalogue.SWEPT, row.swept_until.timestamp(), provider=provider)
        is_read = row.leased_until is not None and row.leased_until > session.now
        if is_read or row.swept_until + YOUNG + EVERY > session.now:
            return None
        row.leased_until, row.updated_at = session.now + LEASE, session.now
        return row.swept_until


async def _mark(db: Database, provider: str, swept_until: datetime, *, leased_until: datetime | None) -> None:
    """The list was read up to here; never back, whoever is slower."""
    async with db.transaction() as session:
        values = {
            "swept_until": sa.func.greatest(Sweep.swept_until, swept_until),
            "leased_until": leased_until,
            "updated_at": session.now,
        }
        await session.execute(sa.update(Sweep).where(Sweep.provider == provider).values(values))
    db.telemetry.set(catalogue.SWEPT, swept_until.timestamp(), provider=provider)


async def fetch_thin(db: Database, gateways: Mapping[str, Gateway], *, limit: int, jitter: float) -> bool:
    """Fetch what due thin events stand for, side by side; whether there were any.

    Their due time is pushed before the call, so it is their lease; what cannot be fetched is tried again with back-off
    and becomes a dead letter in the end.
    """
    async with db.transaction() as session:
        leased = lease_thin(now=session.now, until=session.now + FETCH_LEASE, limit=limit)
        due = list((await session.execute(leased.execution_options(synchronize_session=False))).scalars())
    await asyncio.gather(*(_fetch(db, gateways, each, jitter=jitter) for each in due))
    return bool(due)


async def _fetch(db: Database, gateways: Mapping[str, Gateway], thin: PaymentEvent, *, jitter: float) -> None:
    try:
        gateway = gateways[thin.provider]
        detail = await gateway.fetch_event(thin.payload)
        envelope = gateway.read_envelope(detail)
    except Exception as error:  # noqa: BLE001 - the edge of one thin event: stored, counted, the others go on
        await _fetch_again(db, thin, error, jitter=jitter)
        return
    async with db.transaction() as session:
        # Now its order is known: events of one order are applied one after the other.
        whole = {"detail": detail, "subject": envelope.subject, "traceparent": envelope.traceparent or thin.traceparent}
        values = {**whole, "due_at": session.now, "attempts": 0, "last_error": None}
        await session.execute(_unfetched(thin).values(values))


async def _fetch_again(db: Database, thin: PaymentEvent, error: Exception, *, jitter: float) -> None:
    verdict = judge_fetch(error, attempts=thin.attempts, jitter=jitter)
    async with db.transaction() as session:
        values = {
            "state": verdict.state,
            "due_at": session.now + verdict.delay,
            "cause": verdict.cause,
            "last_error": redact_text(f"{type(error).__name__}: {error}", MOST_ERROR),
            "ended_at": None if verdict.state == EventState.PENDING else session.now,
        }
        await session.execute(_unfetched(thin).values(values))
        session.count(catalogue.INBOX_APPLIED, kind=EventKind.OTHER, outcome=verdict.outcome)
    with bound(event_id=thin.event_id):
        log.warning("thin event not fetched", outcome=verdict.outcome, attempts=thin.attempts, exc_info=error)


def _unfetched(thin: PaymentEvent) -> sa.Update:
    # `attempts` names the lease: who lost it to another changes nothing.
    mine = PaymentEvent.seq == thin.seq, PaymentEvent.attempts == thin.attempts, PaymentEvent.detail.is_(None)
    return sa.update(PaymentEvent).where(*mine, PaymentEvent.state == EventState.PENDING)


async def ask_about_stuck(shop: Shop, *, limit: int) -> bool:
    """Ask the gateways about orders that stand still; whether there were any. One that cannot be asked holds up no other."""
    told = [name for name, each in shop.gateways.items() if Capability.WEBHOOKS in each.capabilities]
    async with shop.db.transaction() as session:
        stuck = await find_stuck(session, providers=told, limit=limit)
    answers = await asyncio.gather(*(find_out(shop, each) for each in stuck), return_exceptions=True)
    for payment, answer in zip(stuck, answers, strict=True):
        if isinstance(answer, CubanoError):
            with bound(order_id=payment.order_id):
                log.warning("cannot be found out", payment_id=payment.id, provider=payment.provider, exc_info=answer)
        elif isinstance(answer, BaseException):
            raise answer
    return False


async def find_stuck(session: Session, *, providers: Sequence[str], limit: int) -> list[Payment]:
    """Payments to ask about now, noted as asked: of orders that have not moved, and lost ones nobody has ended."""
    now = session.now
    waits = sa.and_(Order.status.in_(OPEN), Payment.checkout_ref.is_not(None), Order.updated_at <= now - STUCK)
    is_lost = sa.and_(Payment.status == PaymentStatus.UNKNOWN, Payment.updated_at <= now - ABANDONED)
    rarely = _seconds(now, Payment.looked_at) * RARER >= _seconds(now, Payment.created_at)
    rested = sa.or_(Payment.looked_at.is_(None), sa.and_(Payment.looked_at <= now - STUCK, rarely))
    query = (
        sa.select(Payment.id)
        .join(Order, Order.id == Payment.order_id)
        .where(
            Payment.status.not_in((PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)), Payment.provider.in_(providers)
        )
        .where(sa.or_(waits, is_lost), rested)
        .order_by(Payment.looked_at.nulls_first(), Payment.created_at)
        .limit(limit)
        .with_for_update(of=Payment, skip_locked=True)
        .cte("stuck")
    )
    noted = sa.update(Payment).where(Payment.id.in_(sa.select(query.c.id))).values(looked_at=now).returning(Payment)
    return list((await session.execute(noted.execution_options(synchronize_session=False))).scalars())


def _seconds(now: datetime, since: sa.ColumnElement[datetime] | sa.orm.InstrumentedAttribute[Any]) -> Any:
    return sa.extract("epoch", sa.literal(now) - since)
