"""Claim a key, end it well, or give it up.

A claim is a lease: whoever finds a key in flight after its lease has run out takes over what its holder left behind, and
the former holder, should it still live, can neither end nor give up the key. Keys are kept for `KEPT` and then forgotten.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.idempotency.tables import IdempotencyKey
from service.kernel.db import Session
from service.kernel.errors import KeyInFlight, KeyReused

LEASE = timedelta(seconds=20)  # longer than all of a checkout may take (the gateway's 9 s and the transactions)
KEPT = timedelta(days=7)  # clients retry for minutes; a week also serves whoever debugs one
MOST_RETRY_AFTER_S = 5
FORGOTTEN_AT_ONCE = 1000  # rows in one statement, so that it ends within the limit of any statement


class Found(StrEnum):
    NEW = "new"
    ABANDONED = "abandoned"  # its holder died; `subject` is what it made
    DONE = "done"


@dataclass(frozen=True)
class Key:
    scope: str
    text: str
    fingerprint: str
    also: tuple[str, ...] = ()  # fingerprints of the same request, made with other keys

    @property
    def is_row(self) -> sa.ColumnElement[bool]:
        return sa.and_(IdempotencyKey.scope == self.scope, IdempotencyKey.key == self.text)


@dataclass(frozen=True)
class Claim:
    """What the key stands for. `leased_until` names this claim: it changes when another takes over."""

    found: Found
    subject: str
    leased_until: datetime


async def claim(session: Session, key: Key, *, subject: str) -> Claim:
    """Take the key for `subject`, or answer what it stands for already; raises `KeyReused` or `KeyInFlight`."""
    row = {
        "scope": key.scope,
        "key": key.text,
        "fingerprint": key.fingerprint,
        "subject": subject,
        "state": "in_flight",
        "leased_until": session.now + LEASE,
        "created_at": session.now,
    }
    if (await session.execute(_claiming(), row)).scalar_one_or_none() is not None:
        return Claim(Found.NEW, subject, session.now + LEASE)
    known = (await session.execute(sa.select(IdempotencyKey).where(key.is_row).with_for_update())).scalar_one_or_none()
    if known is None:  # given up by its holder between the two statements
        raise KeyInFlight(retry_after_s=1)
    if known.fingerprint not in {key.fingerprint, *key.also}:
        raise KeyReused
    if known.state == "done":
        return Claim(Found.DONE, known.subject, known.leased_until)
    left_s = (known.leased_until - session.now).total_seconds()
    if left_s > 0:
        raise KeyInFlight(retry_after_s=max(1, min(MOST_RETRY_AFTER_S, round(left_s))))
    known.leased_until = session.now + LEASE
    await session.flush()
    return Claim(Found.ABANDONED, known.subject, known.leased_until)


@cache
def _claiming() -> sa.Executable:
    """Built once, and of the table rather than the class: building it, and the ORM around one row, cost more than sending it."""
    table = cast("sa.Table", IdempotencyKey.__table__)
    names = ("scope", "key", "fingerprint", "subject", "state", "leased_until", "created_at")
    values: dict[str, object] = {name: sa.bindparam(name) for name in names}
    return insert(table).values(values).on_conflict_do_nothing().returning(table.c.key)


async def start_over(session: Session, key: Key, *, subject: str) -> Claim:
    """What an abandoned key stood for is of no use any more: from now on it stands for `subject`."""
    renewed = sa.update(IdempotencyKey).where(key.is_row).values(subject=subject, created_at=session.now)
    leased_until = (await session.execute(renewed.returning(IdempotencyKey.leased_until))).scalar_one()
    return Claim(Found.NEW, subject, leased_until)


async def keep(session: Session, key: Key, claim: Claim) -> bool:
    """Whether the key is still ours; if it is, nobody takes it over before this transaction ends."""
    held = sa.select(IdempotencyKey.key).where(_is_held(key, claim)).with_for_update()
    return (await session.execute(held)).scalar_one_or_none() is not None


async def finish(session: Session, key: Key, claim: Claim, *, subject: str | None = None) -> bool:
    """What was asked is done: from now on the key replays, with `subject` if one is given.

    False when another has taken the key over.
    """
    held = {"of_scope": key.scope, "of_key": key.text, "of_claim": claim.leased_until}
    named = {} if subject is None else {"subject": subject}
    done = _finishing(named=bool(named))
    return (await session.execute(done, held | named)).scalar_one_or_none() is not None


@cache
def _finishing(*, named: bool) -> sa.Executable:
    table = cast("sa.Table", IdempotencyKey.__table__)
    is_held = sa.and_(
        table.c.scope == sa.bindparam("of_scope"),
        table.c.key == sa.bindparam("of_key"),
        table.c.leased_until == sa.bindparam("of_claim"),
    )
    values: dict[str, object] = {"state": "done"} | ({"subject": sa.bindparam("subject")} if named else {})
    return sa.update(table).where(is_held).values(values).returning(table.c.key)


async def give_up(session: Session, key: Key, claim: Claim) -> bool:
    """Nothing came of it: the key may be used again. False when another has taken the key over."""
    freed = sa.delete(IdempotencyKey).where(_is_held(key, claim))
    return (await session.execute(freed.returning(IdempotencyKey.key))).scalar_one_or_none() is not None


def _is_held(key: Key, claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(key.is_row, IdempotencyKey.leased_until == claim.leased_until)


async def forget_old(session: Session, *, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Forget the oldest keys, at most `limit`, of those older than `KEPT`; how many. Fewer than `limit`: none is left."""
    old = (
        sa.select(IdempotencyKey.scope, IdempotencyKey.key)
        .where(IdempotencyKey.created_at < session.now - KEPT)
        .order_by(IdempotencyKey.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    is_old = sa.tuple_(IdempotencyKey.scope, IdempotencyKey.key).in_(sa.select(old.c.scope, old.c.key))
    forgotten = sa.delete(IdempotencyKey).where(is_old).returning(IdempotencyKey.key)
    return len((await session.execute(forgotten)).all())
