"""Look through the inbox, apply events again, decide against one, fetch from the gateways' lists what never came.

Each act is planned under the rows' locks and done in the transaction that audits it. A page reads a bounded part of the
table: with a rare filter it may be short and still lead on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from service.acts.flow import Prepared
from service.acts.rules import Affected, Asked, Plan, read_cursor, write_cursor
from service.arrivals.flow import write
from service.gateways.base import Capability, Gateway
from service.inbox.views import EventsView, ReplayMany, present
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid, NotFound, WrongState
from service.kernel.ids import is_id
from service.orders.flow import add_up
from service.orders.tables import Order
from service.payments.tables import Payment
from service.recovery.flow import Take, looker, read_list, read_mark
from service.recovery.rules import window
from service.telemetry import catalogue
from service.telemetry.labels import RecoveredBy
from service.webhooks import flow as webhooks
from service.webhooks.tables import Arrival, EventState, PaymentEvent

SPAN = 50_000  # rows a page looks at
INDEXED = (EventState.DEAD, EventState.DISCARDED)
MOST_FOUND = 2_000  # missing events one sweep by request writes down
LOOK_S = 30  # how long the gateways' lists may take


@dataclass(frozen=True)
class Chosen:
    """Which events; None is any."""

    state: str | None = None
    provider: str | None = None
    type: str | None = None
    subject: str | None = None

    @property
    def conditions(self) -> list[sa.ColumnElement[bool]]:
        columns = (PaymentEvent.state, PaymentEvent.provider, PaymentEvent.type, PaymentEvent.subject)
        values = (self.state, self.provider, self.type, self.subject)
        return [column == value for column, value in zip(columns, values, strict=True) if value is not None]

    @property
    def is_indexed(self) -> bool:
        return self.state in INDEXED or not self.conditions


async def find(session: Session, chosen: Chosen, *, limit: int, before: int | None = None) -> list[PaymentEvent]:
    """Events, newest first."""
    query = sa.select(PaymentEvent).where(*chosen.conditions).order_by(PaymentEvent.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(PaymentEvent.seq < before)
    return list((await session.execute(query)).scalars())


async def read_page(session: Session, chosen: Chosen, *, limit: int, cursor: str | None) -> EventsView:
    """One page, newest first, and where the next one begins."""
    before = read_cursor(cursor)
    if chosen.is_indexed:
        rows = await find(session, chosen, limit=limit + 1, before=before)
        low = 0
    else:
        first, last = (
            await session.execute(sa.select(sa.func.min(PaymentEvent.seq), sa.func.max(PaymentEvent.seq)))
        ).one()
        top = before if before is not None else (last or 0) + 1
        low = top - SPAN if top - SPAN > (first or 0) else 0
        near = sa.and_(PaymentEvent.seq < top, PaymentEvent.seq >= low, *chosen.conditions)
        query = sa.select(PaymentEvent).where(near).order_by(PaymentEvent.seq.desc()).limit(limit + 1)
        rows = list((await session.execute(query)).scalars())
    follows = rows[limit - 1].seq if len(rows) > limit else low or None
    return EventsView([present(each) for each in rows[:limit]], write_cursor(follows) if follows else None)


async def find_one(session: Session, event_id: str) -> PaymentEvent:
    """By the gateway's id or by its number; locked. `NotFound`."""
    found = await webhooks.find_event(session, event_id)
    if found is None:
        raise NotFound
    return found


async def replay(session: Session, event: PaymentEvent) -> None:
    """Apply it again; why it was discarded once stays in sight."""
    why = event.cause if event.state == EventState.DISCARDED else None
    await webhooks.replay(session, event)
    if why is not None:
        kept = {"last_error": f"was discarded: {why}"}
        await session.execute(sa.update(PaymentEvent).where(PaymentEvent.seq == event.seq).values(kept))


async def prepare_replay(session: Session, event_id: str) -> Prepared:
    """Apply one event again, whatever became of it."""
    event = await find_one(session, event_id)
    plan = Plan(
        action="inbox.replay",
        subject=event.event_id,
        before=facts(event),
        after={"state": EventState.PENDING.value, "attempts": 0},
        changes=(event.state, event.attempts) != (EventState.PENDING, 0),
        affects=await _affected(session, [event]),
    )
    return Prepared(plan, partial(replay, session, event))


async def prepare_discard(session: Session, event_id: str, asked: Asked) -> Prepared:
    """Decide that it shall have no effect; only of what is pending or dead. `WrongState`."""
    event = await find_one(session, event_id)
    if event.state not in {EventState.PENDING, EventState.DEAD, EventState.DISCARDED}:
        raise WrongState(f"{event.event_id} is {event.state}; only pending and dead events can be discarded.")
    plan = Plan(
        action="inbox.discard",
        subject=event.event_id,
        before=facts(event),
        after={"state": EventState.DISCARDED.value},
        changes=event.state != EventState.DISCARDED,
        affects=await _affected(session, [event]),
    )
    return Prepared(plan, partial(webhooks.discard, session, event, why=asked.act.reason))


async def prepare_many(session: Session, wish: ReplayMany) -> Prepared:
    """Apply the oldest of some events again."""
    chosen = Chosen(wish.state, wish.provider, wish.type, wish.subject)
    query = sa.select(PaymentEvent).where(*chosen.conditions).order_by(PaymentEvent.seq).limit(wish.limit)
    events = list((await session.execute(query.with_for_update())).scalars())

    async def apply() -> None:
        for each in events:
            await replay(session, each)

    plan = Plan(
        action="inbox.replay",
        subject="inbox",
        before={"state": wish.state, "events": [each.event_id for each in events]},
        after={"state": EventState.PENDING.value},
        changes=bool(events),
        affects=await _affected(session, events),
    )
    return Prepared(plan, apply)


def facts(event: PaymentEvent) -> dict[str, object]:
    """What of an event stands in the audit trail."""
    told = {"provider": event.provider, "type": event.type, "about": event.subject}
    return told | {"state": event.state, "attempts": event.attempts, "cause": event.cause}


async def _affected(session: Session, events: Sequence[PaymentEvent]) -> Affected:
    ids = sorted({each.subject for each in events if is_id(each.subject, "ord")})
    count, amounts = await add_up(session, Order.id.in_(ids))
    pages = sa.select(sa.func.count()).where(Payment.order_id.in_(ids), Payment.checkout_ref.is_not(None))
    sessions = (await session.execute(pages)).scalar_one()
    return Affected(orders=count, sessions=sessions, events=len(events), amounts=amounts)


# ---- what never came -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Missing:
    """What of one gateway's list is not in the inbox."""

    provider: str
    since: datetime
    arrivals: list[Arrival]


async def look(
    db: Database, gateways: Mapping[str, Gateway], provider: str | None, since: datetime | None, *, livemode: bool
) -> list[Missing]:
    """Read the gateways' lists, and write nothing. Raises `Invalid`, `GatewayError`, `WrongState` when it is too much."""
    lists = [each for each in gateways.values() if Capability.LIST_EVENTS in each.capabilities]
    chosen = [each for each in lists if provider in {None, each.provider}]
    if not chosen:
        known = ", ".join(each.provider for each in lists)
        raise Invalid([FieldError("provider", "lists_no_events", f"One of {known}.")])
    try:
        async with asyncio.timeout(LOOK_S):
            return [await _look_at(db, each, since, livemode=livemode) for each in chosen]
    except TimeoutError:
        raise WrongState(f"That takes longer than {LOOK_S} s; choose one provider and a later `since`.") from None


async def _look_at(db: Database, gateway: Gateway, since: datetime | None, *, livemode: bool) -> Missing:
    now = db.clock()
    async with db.transaction() as session:
        marked = since or await read_mark(session, gateway.provider)
    start = min(window(marked, now=now)[0], now)
    found = Missing(gateway.provider, start, [])
    async for _ in read_list(gateway, _gather(db, found.arrivals), db, since=start, until=now, livemode=livemode):
        if len(found.arrivals) > MOST_FOUND:
            raise WrongState(f"More than {MOST_FOUND} events are missing; choose a later `since`, then go back.")
    return found


def _gather(db: Database, found: list[Arrival]) -> Take:
    ask = looker(db)

    async def take(arrivals: Sequence[Arrival]) -> list[bool]:
        missing = await ask(arrivals)
        found.extend(each for each, is_missing in zip(arrivals, missing, strict=True) if is_missing)
        return missing

    return take


async def prepare_sweep(session: Session, missing: Sequence[Missing]) -> Prepared:
    """Write down what was found missing; what came meanwhile is left alone."""
    arrivals = [arrival for each in missing for arrival in each.arrivals]

    async def apply() -> None:
        for arrival, is_new in zip(arrivals, await write(session, arrivals), strict=True):
            if is_new:
                session.count(catalogue.RECOVERED, provider=arrival.provider, found_by=RecoveredBy.SWEEP)

    ids = sorted({each.envelope.subject for each in arrivals if is_id(each.envelope.subject, "ord")})
    count, amounts = await add_up(session, Order.id.in_(ids))
    plan = Plan(
        action="inbox.sweep",
        subject="inbox",
        before=None,
        after={"missing": {each.provider: [one.envelope.event_id for one in each.arrivals] for each in missing}},
        changes=bool(arrivals),
        affects=Affected(orders=count, events=len(arrivals), amounts=amounts),
    )
    return Prepared(plan, apply)
