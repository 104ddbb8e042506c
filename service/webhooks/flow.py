"""Take events in at the door, and apply them one by one.

Intake groups whatever waits into one statement and one commit, so that a storm costs few flushes; a delivery is answered
only after its commit. While one group waits for its flush the next ones are sent already, and PostgreSQL flushes those
together. Applying takes the oldest due event whose subject has no older one due, under a row lock that no
other worker waits for; its effect and its end are one transaction, so a worker that dies leaves the event as it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import cast

import psycopg
import psycopg_pool
import sqlalchemy as sa

from service.gateways.base import Gateway
from service.gateways.facts import EventKind, GatewayEvent
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid, Overloaded, Parked
from service.telemetry import catalogue
from service.telemetry.logs import bound, get_logger
from service.telemetry.redaction import redact_text
from service.telemetry.tracing import Kind
from service.webhooks.rules import FOREIGN, MOST_ERROR, judge
from service.webhooks.tables import COMPLETE, INSERT, Arrival, EventState, PaymentEvent, columns_of, oldest_due

Handler = Callable[[Session, GatewayEvent], Awaitable[str]]
log = get_logger("inbox")

MOST_WAITING = 2000  # deliveries; beyond it the gateway is told to come again
_DIGITS_OF_BIGINT = 19
MOST_GROUPED = 200  # rows in one statement
MOST_UNDER_WAY = 4  # statements at once, a connection each; PostgreSQL flushes together what waits together
WORTH_A_STATEMENT = 8  # rows; fewer wait until nothing is under way, because a statement costs as much as four rows


class Intake:
    """Writes arrivals to the inbox, each exactly once. `open` and `close` frame its life; `close` writes what waits."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[tuple[Arrival, asyncio.Future[bool]]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False
        while self._under_way:  # each that ends starts the next while something waits
            await asyncio.wait(self._under_way)

    async def take(self, arrival: Arrival) -> bool:
        """Write one arrival; True when it is new, False when it was there already. Raises when it is not written."""
        if len(self._waiting) >= MOST_WAITING or not self._is_open:
            raise Overloaded
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, written))
        self._start()
        return await written

    def _start(self) -> None:
        enough = WORTH_A_STATEMENT if self._under_way else 1
        if len(self._waiting) >= enough and len(self._under_way) < MOST_UNDER_WAY:
            task = asyncio.create_task(self._write_group())
            self._under_way.add(task)
            task.add_done_callback(self._go_on)

    def _go_on(self, ended: asyncio.Task[None]) -> None:
        self._under_way.discard(ended)
        self._start()

    async def _write_group(self) -> None:
        # Taken here and not at the start: what arrives until the task has its turn comes along.
        group, self._waiting = self._waiting[:MOST_GROUPED], self._waiting[MOST_GROUPED:]
        if group:
            await self._write(group)

    async def _write(self, group: list[tuple[Arrival, asyncio.Future[bool]]]) -> None:
        try:
            new = await self._insert_surely([arrival for arrival, _ in group])
        except (psycopg.DataError, UnicodeEncodeError):
            if len(group) == 1:
                refusal = FieldError("body", "not_storable", "The event holds text that is no valid text.")
                _answer(group[0][1], Invalid([refusal]))
                return
            for each in group:  # one row the database refuses must not cost the others their place
                await self._write([each])
        except Exception as error:  # noqa: BLE001 - the edge of a group: each of its callers is told, the next is written
            for _, written in group:
                _answer(written, _copy_of(error))
        else:
            for arrival, written in group:
                _answer(written, arrival.key in new)
                new.discard(arrival.key)

    async def _insert_surely(self, arrivals: list[Arrival]) -> set[tuple[str, str]]:
        try:
            return await self._insert(arrivals)
        except psycopg_pool.PoolTimeout:
            raise
        except psycopg.OperationalError as error:
            # A restarted server leaves dead connections in the pool. What may have been written is not written again.
            log.warning("written once more", rows=len(arrivals), exc_info=error)
            await self._db.raw.check()
            return await self._insert(arrivals)

    async def _insert(self, arrivals: list[Arrival]) -> set[tuple[str, str]]:
        # By key: two groups never wait for each other in a circle. Of one key those that need no fetching come first.
        rows = sorted(arrivals, key=lambda each: (each.key, each.envelope.is_thin))
        async with self._db.raw.connection() as connection:
            cursor = await connection.execute(INSERT, columns_of(rows), prepare=True)
            new = {(provider, event_id) for provider, event_id in await cursor.fetchall()}
            # No `DO UPDATE`: it locks every known row, so the door would wait for an event that is being applied.
            if whole := [each for each in rows if each.key not in new and not each.envelope.is_thin]:
                await connection.execute(COMPLETE, columns_of(whole), prepare=True)
        return new


def _copy_of(error: Exception) -> Exception:
    """Each caller raises an object of its own: a traceback that many tasks write to tells of none of them."""
    try:
        return copy(error).with_traceback(error.__traceback__)
    except TypeError:  # its class makes it from other things than its `args`
        return error


def _answer(written: asyncio.Future[bool], result: bool | Exception) -> None:  # noqa: FBT001 - the future's own type
    if written.done():  # the caller has gone; its row, if any, stays
        return
    if isinstance(result, Exception):
        written.set_exception(result)
    else:
        written.set_result(result)


@dataclass(frozen=True)
class Claimed:
    seq: int
    provider: str
    event_id: str
    type: str
    subject: str
    payload: bytes
    traceparent: str | None
    attempts: int


async def apply_next(
    db: Database, gateways: Mapping[str, Gateway], handlers: Mapping[EventKind, Handler], *, jitter: float
) -> bool:
    """Apply the next due event; False when nothing is due."""
    async with db.transaction() as session:
        claimed = await _claim(session)
        if claimed is None:
            return False
        with db.telemetry.span(f"apply {claimed.type}", traceparent=claimed.traceparent, kind=Kind.CONSUMER):
            await _apply(session, claimed, gateways, handlers, jitter=jitter)
    return True


async def _apply(
    session: Session,
    claimed: Claimed,
    gateways: Mapping[str, Gateway],
    handlers: Mapping[EventKind, Handler],
    *,
    jitter: float,
) -> None:
    kind = EventKind.OTHER
    try:
        event = gateways[claimed.provider].normalise(claimed.payload)
        kind, outcome = event.kind, EventState.IGNORED.value
        if handler := handlers.get(kind):  # what nobody handles, most events, changes nothing that might be undone
            with bound(order_id=event.order_id or "", event_id=event.event_id):
                async with session.savepoint():
                    outcome = await handler(session, event)
    except Exception as error:  # noqa: BLE001 - the edge of one event's work: stored, counted, tried again
        await _fail(session, claimed, kind, error, jitter=jitter)
        return
    ignored = handler is None or outcome == FOREIGN
    await _end(
        session,
        claimed.seq,
        state=EventState.IGNORED if ignored else EventState.APPLIED,
        outcome=outcome,
        attempts=claimed.attempts + 1,
        ended_at=session.now,
        last_error=None,
    )
    told = "ignored" if ignored else "applied" if outcome == "moved" else "already"
    session.count(catalogue.INBOX_APPLIED, kind=kind, outcome=told)


async def _fail(session: Session, claimed: Claimed, kind: EventKind, error: Exception, *, jitter: float) -> None:
    attempts = claimed.attempts + 1
    verdict = judge(error, attempts=attempts, jitter=jitter)
    if isinstance(error, Parked) and error.keep is not None:
        await error.keep(session)
    await _end(
        session,
        claimed.seq,
        state=verdict.state,
        attempts=attempts,
        due_at=session.now + verdict.delay,
        cause=verdict.cause,
        last_error=redact_text(f"{type(error).__name__}: {error}", MOST_ERROR),
        ended_at=None if verdict.state == EventState.PENDING else session.now,
    )
    session.count(catalogue.INBOX_APPLIED, kind=kind, outcome=verdict.outcome)
    write = log.error if verdict.state == EventState.DEAD else log.warning
    with bound(order_id=claimed.subject, event_id=claimed.event_id):  # the subject of our events is their order
        write("event not applied", outcome=verdict.outcome, attempts=attempts, exc_info=error)


async def _claim(session: Session) -> Claimed | None:
    row = (await session.execute(oldest_due(), {"now": session.now})).one_or_none()
    return Claimed(*row) if row else None


async def _end(session: Session, seq: int, **values: object) -> None:
    await session.execute(_ending(), {"of_seq": seq, **values})  # sets what it is given beside the number


@cache
def _ending() -> sa.Executable:
    events = cast("sa.Table", PaymentEvent.__table__)
    return sa.update(events).where(events.c.seq == sa.bindparam("of_seq"))


async def reopen_foreign(session: Session, *, provider: str, subjects: Sequence[str]) -> None:
    """What was ignored because nobody knew its subject, one of these, is ours after all: apply it."""
    await session.execute(_reopening(), {"now": session.now, "of": provider, "subjects": list(subjects)})


@cache
def _reopening() -> sa.Executable:
    """Built once: every payment has this asked."""
    events = cast("sa.Table", PaymentEvent.__table__)
    ours = (
        events.c.provider == sa.bindparam("of"),
        events.c.subject.in_(sa.bindparam("subjects", expanding=True)),
        events.c.state == EventState.IGNORED,
        events.c.cause == FOREIGN,
    )
    anew = {"state": EventState.PENDING, "attempts": 0, "due_at": sa.bindparam("now"), "cause": None, "ended_at": None}
    return sa.update(events).where(*ours).values(anew)


async def find_event(session: Session, event_id: str) -> PaymentEvent | None:
    """One event by the gateway's id or by its number in the inbox."""
    is_number = event_id.isascii() and event_id.isdecimal() and len(event_id) < _DIGITS_OF_BIGINT
    known = PaymentEvent.seq == int(event_id) if is_number else PaymentEvent.event_id == event_id
    # Two providers may number alike: the first is meant, the other has its number in the inbox.
    query = sa.select(PaymentEvent).where(known).order_by(PaymentEvent.seq).limit(1).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def replay(session: Session, event: PaymentEvent) -> None:
    """Apply it again from the start; safe for every event, because effects hang on what they change, not on the event."""
    anew = {"attempts": 0, "due_at": session.now}
    values = {**anew, "cause": None, "last_error": None, "ended_at": None, "outcome": None}
    await _end(session, event.seq, state=EventState.PENDING, **values)


async def discard(session: Session, event: PaymentEvent, *, why: str) -> None:
    """A person has decided that it shall have no effect; it stays in the inbox with the reason."""
    await _end(session, event.seq, state=EventState.DISCARDED, cause=why, ended_at=session.now)
