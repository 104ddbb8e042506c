"""Count a try before it is looked at, and give it back when it was right.

So that no number of tries at once is more than are free. `take` has a transaction of its own; `give_back` belongs to the one
that does what the try was for.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.kernel.db import Database, Session
from service.telemetry import catalogue
from service.telemetry.labels import SignInOutcome
from service.tries.rules import AT, FORGOTTEN_AFTER, Counted, TooManyTries, lock_after
from service.tries.tables import SignInTries

FORGOTTEN_AT_ONCE = 1_000


async def take(db: Database, whose: Counted) -> None:
    """Count a try as failed, until it is given back. Raises `TooManyTries`, and counts nothing, while one of them is locked."""
    async with db.transaction() as session:
        rows = [{"key": key, "failed": 0, "last_at": session.now} for key in whose.keys]
        await session.execute(insert(SignInTries).values(rows).on_conflict_do_nothing())
        found = await _locked_rows(session, whose)
        _check(session, found)
        for each in found:
            forgotten = session.now - each.last_at >= FORGOTTEN_AFTER
            each.failed = 1 if forgotten else each.failed + 1
            each.last_at, each.locked_until = session.now, _until(session.now, each, whose)
        await session.flush()


def _check(session: Session, found: list[SignInTries]) -> None:
    until = max((each.locked_until for each in found if each.locked_until), default=session.now)
    if until > session.now:
        session.count_anyway(catalogue.SIGN_INS, outcome=SignInOutcome.LOCKED)
        raise TooManyTries(retry_after_s=int((until - session.now).total_seconds()) + 1)


def _until(now: datetime, tries: SignInTries, whose: Counted) -> datetime | None:
    span = lock_after(tries.failed, whose.free[tries.key])
    return now + span if span else None


async def _locked_rows(session: Session, whose: Counted) -> list[SignInTries]:
    query = sa.select(SignInTries).where(SignInTries.key.in_(whose.keys)).order_by(SignInTries.key).with_for_update()
    return list((await session.execute(query)).scalars())


async def give_back(session: Session, whose: Counted) -> None:
    """It was right: the account starts anew, the address has one failure less."""
    for each in await _locked_rows(session, whose):
        if each.key == whose.account:
            await session.delete(each)
        else:
            each.failed = max(each.failed - 1, 0)
            each.locked_until = _until(each.last_at, each, whose) if each.failed else None
    await session.flush()


async def locks(session: Session, whose: Counted) -> dict[str, datetime]:
    """Until when each of them is locked now, by its key."""
    query = sa.select(SignInTries).where(SignInTries.key.in_(whose.keys), SignInTries.locked_until > session.now)
    return {each.key: each.locked_until for each in (await session.execute(query)).scalars() if each.locked_until}


async def forgive(session: Session, *accounts: str) -> None:
    """An operator lets somebody try again at once, wherever they are."""
    theirs = (SignInTries.key.startswith(f"{each}{AT}", autoescape=True) for each in accounts)
    await session.execute(sa.delete(SignInTries).where(sa.or_(SignInTries.key.in_(accounts), *theirs)))


async def forget_old(session: Session) -> int:
    """Forget what is over; how many were forgotten."""
    old = sa.select(SignInTries.key).where(SignInTries.last_at < session.now - FORGOTTEN_AFTER).limit(FORGOTTEN_AT_ONCE)
    gone = sa.delete(SignInTries).where(SignInTries.key.in_(old)).returning(SignInTries.key)
    return len((await session.execute(gone)).all())
