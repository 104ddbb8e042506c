"""The outbox: what must happen after a commit (a mail, an expiry at the gateway) stands in the same commit as its cause.

`enqueue` writes a message once per (kind, key). `claim` hands due messages of some kinds to a worker under a lease and
counts the attempt; `renew` keeps the lease while the delivery goes on; `finish`, `postpone`, `park` and `hand_back` end
it. Delivery is at least once: a worker that dies between the effect and `finish` leaves a lease that runs out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.backoff import retry_delay
from service.kernel.db import Session, Tables
from service.telemetry.redaction import redact_text

LEASE = timedelta(seconds=30)  # renewed while a delivery goes on, so it is only how long a dead worker's message waits
_MOST_ERROR = 2000  # characters kept of an error, without the addresses and secrets it may quote
MAX_ATTEMPTS = 100  # with the back-off below about 17 hours: a night without mail or gateway is survived


class MessageState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class OutboxMessage(Tables):
    __tablename__ = "outbox"
    __table_args__ = (
        sa.UniqueConstraint("kind", "key"),
        sa.CheckConstraint("state IN ('pending', 'done', 'dead')", name="state"),
        sa.Index("ix_outbox_due", "due_at", "seq", postgresql_where=sa.text("state = 'pending'")),
        sa.Index("ix_outbox_dead", "kind", postgresql_where=sa.text("state = 'dead'")),
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    traceparent: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


_TABLE = cast("sa.Table", OutboxMessage.__table__)


@dataclass(frozen=True)
class Message:
    """One claimed message, free of any session."""

    seq: int
    kind: str
    key: str
    payload: dict[str, Any]
    traceparent: str | None
    attempts: int


async def enqueue(
    session: Session,
    kind: str,
    payload: dict[str, Any],
    *,
    key: str,
    due_at: datetime | None = None,
    traceparent: str | None = None,
) -> None:
    """Write one message with this transaction; a second one of the same kind and key changes nothing."""
    row = {
        "kind": kind,
        "key": key,
        "payload": payload,
        "traceparent": traceparent,
        "due_at": due_at or session.now,
        "created_at": session.now,
    }
    await session.execute(_enqueueing(), row)


@cache
def _enqueueing() -> sa.Executable:
    return insert(_TABLE).on_conflict_do_nothing()


async def find_message(session: Session, seq: int) -> OutboxMessage | None:
    """One message by its number, locked: no worker takes it before this transaction ends."""
    return await session.get(OutboxMessage, seq, with_for_update=True)


async def retry(session: Session, seq: int) -> None:
    """A person wants it delivered: due at once, with all tries again."""
    anew = {"state": MessageState.PENDING, "attempts": 0, "due_at": session.now, "leased_until": None}
    await session.execute(sa.update(OutboxMessage).where(OutboxMessage.seq == seq).values(anew))


async def discard(session: Session, seq: int, *, why: str) -> None:
    """A person has decided that it shall have no effect: done, with the reason where an error would stand."""
    over = {"state": MessageState.DONE, "done_at": session.now, "leased_until": None, "last_error": why[:2000]}
    await session.execute(sa.update(OutboxMessage).where(OutboxMessage.seq == seq).values(over))


_IS_EXHAUSTED = sa.and_(OutboxMessage.state == MessageState.DEAD, OutboxMessage.attempts >= MAX_ATTEMPTS)


def _is_over(done_before: datetime | None) -> sa.ColumnElement[bool]:
    if done_before is None:
        return _IS_EXHAUSTED
    is_done = sa.and_(OutboxMessage.state == MessageState.DONE, OutboxMessage.done_at <= done_before)
    return sa.or_(_IS_EXHAUSTED, is_done)


async def revive(
    session: Session,
    kind: str,
    *only_if: sa.ColumnElement[bool],
    key: str,
    done_before: datetime | None = None,
    **more: sa.ColumnElement[Any],
) -> None:
    """Give a message that died of its tries, or was done before that moment, all tries again; a parked one stays as it is.

    `only_if` and `more` are the caller's: what else must hold, and what else is written.
    """
    over = (OutboxMessage.kind == kind, OutboxMessage.key == key, _is_over(done_before))
    anew = {"state": MessageState.PENDING, "attempts": 0, "due_at": session.now, "done_at": None}
    await session.execute(sa.update(OutboxMessage).where(*over, *only_if).values({**anew, **more}))


def is_asked(
    kind: str,
    key: sa.ColumnElement[str] | sa.orm.InstrumentedAttribute[str],
    *,
    done_before: datetime | None = None,
) -> sa.ColumnElement[bool]:
    """Whether there is a message that `enqueue` and `revive` would leave as it is; for another table's query."""
    return sa.exists().where(OutboxMessage.kind == kind, OutboxMessage.key == key, ~_is_over(done_before))


async def claim(session: Session, *, kinds: Collection[str], limit: int) -> list[Message]:
    """Lease up to `limit` due messages of these kinds, oldest first; rows another worker holds are passed over."""
    asked = {"now": session.now, "until": session.now + LEASE, "kinds": list(kinds), "most": limit}
    rows = (await session.execute(_leasing(), asked)).all()
    return sorted((Message(*row) for row in rows), key=lambda message: message.seq)


@cache
def _leasing() -> sa.Executable:
    """Built once: every delivery begins with it."""
    now, outbox = sa.bindparam("now", type_=sa.DateTime(timezone=True)), _TABLE.c
    due = (
        sa.select(outbox.seq)
        .where(
            outbox.state == MessageState.PENDING,
            outbox.kind.in_(sa.bindparam("kinds", expanding=True)),
            outbox.due_at <= now,
            sa.or_(outbox.leased_until.is_(None), outbox.leased_until <= now),
        )
        .order_by(outbox.due_at, outbox.seq)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")  # worked out once; as a plain sub-query it may be worked out for each row, and the limit with it
    )
    return (
        sa.update(_TABLE)
        .where(outbox.seq.in_(sa.select(due.c.seq)))
        .values(leased_until=sa.bindparam("until"), attempts=outbox.attempts + 1)
        .returning(outbox.seq, outbox.kind, outbox.key, outbox.payload, outbox.traceparent, outbox.attempts)
    )


async def renew(session: Session, message: Message) -> bool:
    """The delivery goes on: nobody else takes the message meanwhile. False when another has taken it already."""
    renewed = _held(message).values(leased_until=session.now + LEASE).returning(OutboxMessage.seq)
    return (await session.execute(renewed)).scalar_one_or_none() is not None


async def finish(session: Session, message: Message) -> None:
    """The effect has happened; noted even when the lease was lost, so that nobody makes it happen again."""
    await session.execute(_finishing(), {"of_seq": message.seq, "now": session.now})


@cache
def _finishing() -> sa.Executable:
    done: dict[str, Any] = {
        "state": MessageState.DONE,
        "done_at": sa.bindparam("now"),
        "leased_until": None,
        "last_error": None,
    }
    not_done = _TABLE.c.seq == sa.bindparam("of_seq"), _TABLE.c.state != MessageState.DONE
    return sa.update(_TABLE).where(*not_done).values(done)


async def postpone(session: Session, message: Message, error: str, *, jitter: float) -> MessageState:
    """The effect failed: due again after a back-off, or dead when the attempts are used up. `jitter` is in [0, 1)."""
    dead = message.attempts >= MAX_ATTEMPTS
    state = MessageState.DEAD if dead else MessageState.PENDING
    due_at = session.now + retry_delay(message.attempts, jitter=jitter)
    await session.execute(
        _held(message).values(state=state, due_at=due_at, leased_until=None, last_error=redact_text(error, _MOST_ERROR))
    )
    return state


async def park(session: Session, message: Message, error: str) -> MessageState:
    """The effect must not happen before a person has looked: dead at once, and `revive` leaves it so."""
    dead = {"state": MessageState.DEAD, "leased_until": None, "last_error": redact_text(error, _MOST_ERROR)}
    await session.execute(_held(message).values(dead))
    return MessageState.DEAD


async def hand_back(session: Session, message: Message) -> None:
    """The worker stops before the effect: due at once for another, and the attempt does not count."""
    await session.execute(_held(message).values(leased_until=None, attempts=message.attempts - 1))


def _held(message: Message) -> sa.Update:
    # `attempts` names the lease: a worker that lost its lease to another changes nothing, and what is done stays done.
    mine = (OutboxMessage.seq == message.seq, OutboxMessage.attempts == message.attempts)
    return sa.update(OutboxMessage).where(*mine, OutboxMessage.state == MessageState.PENDING)
