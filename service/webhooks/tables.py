"""The inbox is the queue and the dead-letter store: one row an event, with its bytes as they came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.gateways.facts import Envelope
from service.kernel.db import Tables
from service.kernel.invariants import Invariant


class EventState(StrEnum):
    PENDING = "pending"
    APPLIED = "applied"
    IGNORED = "ignored"  # of no concern to us, or not ours
    DEAD = "dead"  # a person has to look at it
    DISCARDED = "discarded"  # a person has looked at it


_PENDING = sa.text("state = 'pending'")
_UNFETCHED = sa.text("state = 'pending' AND is_thin AND detail IS NULL")


class PaymentEvent(Tables):
    __tablename__ = "payment_events"
    __table_args__ = (
        sa.UniqueConstraint("provider", "event_id"),
        sa.CheckConstraint("state IN ('pending', 'applied', 'ignored', 'dead', 'discarded')", name="state"),
        sa.CheckConstraint("(state = 'dead') <= (cause IS NOT NULL)", name="dead_has_cause"),
        sa.Index("ix_payment_events_due", "due_at", "seq", postgresql_where=_PENDING),
        sa.Index("ix_payment_events_thin", "due_at", "seq", postgresql_where=_UNFETCHED),
        sa.Index("ix_payment_events_subject", "subject", "seq", postgresql_where=_PENDING),
        sa.Index("ix_payment_events_foreign", "subject", postgresql_where=sa.text("cause = 'foreign'")),
        sa.Index("ix_payment_events_state", "state", "seq", postgresql_where=sa.text("state IN ('dead', 'discarded')")),
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    provider: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    livemode: Mapped[bool]
    payload: Mapped[bytes] = mapped_column(sa.LargeBinary)
    traceparent: Mapped[str | None]
    created_at: Mapped[datetime]  # by the gateway's clock
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="pending")
    outcome: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime]
    cause: Mapped[str | None]
    last_error: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    is_thin: Mapped[bool] = mapped_column(server_default=sa.false())  # it names an object that is to be fetched
    detail: Mapped[bytes | None] = mapped_column(sa.LargeBinary)  # what a thin one stands for, once fetched
    found_by: Mapped[str] = mapped_column(server_default="webhook")  # or "sweep": in the gateway's own list


_ARRIVED = """
    FROM unnest(
        %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bytea[], %b::text[], %b::bool[], %b::text[],
        %b::timestamptz[], %b::timestamptz[], %b::bool[]) AS arrived (
        provider, event_id, type, subject, livemode, payload, traceparent, is_thin, found_by, created_at, received_at, idle)
"""
INSERT = (
    """
    INSERT INTO payment_events
        (provider, event_id, type, subject, livemode, payload, traceparent, is_thin, found_by, created_at, received_at,
         due_at, state, outcome, ended_at)
    SELECT provider, event_id, type, subject, livemode, payload, traceparent, is_thin, found_by, created_at, received_at,
        received_at, CASE WHEN idle THEN 'ignored' ELSE 'pending' END, CASE WHEN idle THEN 'ignored' END,
        CASE WHEN idle THEN received_at END"""
    + _ARRIVED
    + """
    ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING provider, event_id
"""
)


def _complete() -> str:
    """A thin event whose snapshot has come needs no fetching, and one that could not be fetched is no dead letter."""
    return (
        """
    UPDATE payment_events AS known
    SET detail = arrived.payload, subject = arrived.subject, state = 'pending', attempts = 0,
        traceparent = coalesce(arrived.traceparent, known.traceparent), due_at = arrived.received_at, cause = NULL,
        last_error = NULL, ended_at = NULL"""  # noqa: S608 - our own constants
        + _ARRIVED
        + """
    WHERE known.provider = arrived.provider AND known.event_id = arrived.event_id AND NOT arrived.is_thin
        AND known.is_thin AND known.detail IS NULL AND known.state IN ('pending', 'dead')
"""
    )


COMPLETE = _complete()


@dataclass(frozen=True)
class Arrival:
    """One verified delivery, or an event that was found without one. An `idle` one is of a type that nobody acts on."""

    provider: str
    envelope: Envelope
    body: bytes
    received_at: datetime
    found_by: str = "webhook"
    idle: bool = False  # then it is kept and never applied: three of the five events of a Stripe payment

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.envelope.event_id

    @property
    def row(self) -> tuple[object, ...]:
        e = self.envelope
        return (
            self.provider, e.event_id, e.type, e.subject, e.livemode, self.body, e.traceparent, e.is_thin,
            self.found_by, e.created_at, self.received_at, self.idle,
        )  # fmt: skip


def columns_of(arrivals: Sequence[Arrival]) -> list[list[object]]:
    """What `INSERT` and `COMPLETE` take."""
    return [list(column) for column in zip(*(each.row for each in arrivals), strict=True)]


def lease_thin(*, now: datetime, until: datetime, limit: int) -> sa.sql.dml.ReturningUpdate[PaymentEvent]:
    """Takes due events whose objects are to be fetched: nobody else does before `until`."""
    due = (
        sa.select(PaymentEvent.seq)
        .where(PaymentEvent.state == EventState.PENDING, PaymentEvent.is_thin, PaymentEvent.detail.is_(None))
        .where(PaymentEvent.due_at <= now)
        .order_by(PaymentEvent.due_at, PaymentEvent.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        sa.update(PaymentEvent)
        .where(PaymentEvent.seq.in_(sa.select(due.c.seq)))
        .values(due_at=until, attempts=PaymentEvent.attempts + 1)
        .returning(PaymentEvent)
    )


@cache
def oldest_due() -> sa.Select[int, str, str, str, str, bytes, str | None, int]:
    """The event to be applied at `now`. Built once: to build it anew takes longer than to ask it."""
    older, now = sa.orm.aliased(PaymentEvent), sa.bindparam("now", type_=sa.DateTime(timezone=True))
    is_due = sa.and_(PaymentEvent.state == EventState.PENDING, PaymentEvent.due_at <= now, _is_whole(PaymentEvent))
    has_older = sa.exists().where(
        older.subject == PaymentEvent.subject,
        older.seq < PaymentEvent.seq,
        older.state == EventState.PENDING,
        older.due_at <= now,  # one that waits for its retry does not block those behind it
        _is_whole(older),
    )
    return (
        sa.select(
            PaymentEvent.seq,
            PaymentEvent.provider,
            PaymentEvent.event_id,
            PaymentEvent.type,
            PaymentEvent.subject,
            sa.func.coalesce(PaymentEvent.detail, PaymentEvent.payload),
            PaymentEvent.traceparent,
            PaymentEvent.attempts,
        )
        .where(is_due, ~has_older)
        .order_by(PaymentEvent.due_at, PaymentEvent.seq)  # as its index is, or a backlog is sorted at each claim
        .limit(1)
        .with_for_update(skip_locked=True, of=PaymentEvent)
    )


def _is_whole(event: type[PaymentEvent]) -> sa.ColumnElement[bool]:
    """A thin event can be applied once its object has been fetched (`recovery`)."""
    return sa.or_(~event.is_thin, event.detail.is_not(None))


INVARIANTS = (
    Invariant(
        name="no-event-forgotten",
        promise="Every event is applied, ignored or with a person; none waits an hour past its due time.",
        query="""
            SELECT event_id AS id, type || ' has been due since ' || due_at AS problem
            FROM payment_events WHERE state = 'pending' AND due_at < now() - interval '1 hour'
        """,
        playbook="QueueBacklog",
    ),
)
