"""Open a session, find the one of a cookie, give it a new id at each step of a sign-in, end it.

A session is good while it was not ended, is neither idle nor too old, its person is enabled, and nothing has happened since
that ends all sessions of that person (`epoch`). It is looked up at every request, so whatever ends it ends it at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from service.access.rules import Principal
from service.audit.flow import note
from service.audit.rules import Origin, plain
from service.kernel.db import Session
from service.kernel.errors import Unidentified
from service.sessions.rules import HALF_OPEN, Awaits, Method, SessionRules, id_of
from service.sessions.tables import StaffSession
from service.staff.tables import StaffMember
from service.telemetry.labels import AccessOutcome

KEPT = timedelta(days=30)  # what is over stays so long, for whoever asks where somebody was signed in
FORGOTTEN_AT_ONCE = 1_000
LOOKED_BACK = 50  # sessions of a person that say where they are known
_AGAIN = "Please sign in again."


@dataclass(frozen=True)
class Held:
    """A good session and whose it is."""

    session: StaffSession
    member: StaffMember

    @property
    def awaits(self) -> Awaits | None:
        return Awaits(self.session.awaits) if self.session.awaits else None


@dataclass(frozen=True)
class Opened:
    """A session with the token for its cookie, which is told only now."""

    held: Held
    token: str


async def open_session(
    session: Session, member: StaffMember, *, method: Method, awaits: Awaits | None, origin: Origin, rules: SessionRules
) -> Opened:
    """A new session of a person who is locked."""
    token = session.ids.token()
    row = StaffSession(
        id=id_of(token),
        ref=session.ids.new("ses"),
        member_id=member.id,
        epoch=member.epoch,
        awaits=awaits,
        csrf=session.ids.token(),
        method=method.value,
        created_at=session.now,
        seen_at=session.now,
        ends_at=_end(session.now, awaits, rules),
        ip=plain(origin.ip) or None,
        user_agent=plain(origin.user_agent) or None,
    )
    session.add(row)
    await session.flush()
    return Opened(Held(row, member), token)


async def go_on(session: Session, held: Held, *, awaits: Awaits | None, rules: SessionRules) -> Opened:
    """The next step: another id, so that whoever knew the last one has nothing."""
    token, row = session.ids.token(), held.session
    row.id, row.csrf = id_of(token), session.ids.token()
    if row.awaits is not None:  # who was in already has not more time by this
        row.ends_at = _end(session.now, awaits, rules)
    row.awaits, row.epoch = awaits, held.member.epoch
    row.totp_sealed, row.seen_at = None, session.now
    await session.flush()
    return Opened(held, token)


def _end(now: datetime, awaits: Awaits | None, rules: SessionRules) -> datetime:
    return now + (rules.longest if awaits is None else HALF_OPEN)


async def find(session: Session, token: str, rules: SessionRules, *, locked: bool = False) -> Held:
    """The session of this cookie, and that it was seen. Raises `Unidentified` when it is not good any more."""
    query = (
        sa.select(StaffSession, StaffMember)
        .join(StaffMember, StaffMember.id == StaffSession.member_id)
        .where(StaffSession.id == id_of(token))
    )
    row = (await session.execute(query.with_for_update() if locked else query)).one_or_none()
    if row is None:
        raise Unidentified(AccessOutcome.UNKNOWN, _AGAIN)
    found, member = row
    if found.ended_at is not None or found.epoch != member.epoch or not member.enabled:
        raise Unidentified(AccessOutcome.REVOKED, _AGAIN)
    if rules.is_over(now=session.now, seen_at=found.seen_at, ends_at=found.ends_at):
        raise Unidentified(AccessOutcome.EXPIRED, _AGAIN)
    if rules.sees_again(now=session.now, seen_at=found.seen_at):
        await _see(session, found)
    return Held(found, member)


async def _see(session: Session, found: StaffSession) -> None:
    """Another request of the same browser may just have given it another id: then this one comes too late."""
    seen = sa.update(StaffSession).where(StaffSession.id == found.id).values(seen_at=session.now)
    if (await session.execute(seen.returning(StaffSession.ref))).one_or_none() is None:
        raise Unidentified(AccessOutcome.UNKNOWN, _AGAIN)


async def of_member(session: Session, member: StaffMember, rules: SessionRules) -> list[StaffSession]:
    """The good sessions of a person, newest first; a sign-in that is half done is none."""
    query = sa.select(StaffSession).where(
        StaffSession.member_id == member.id,
        StaffSession.epoch == member.epoch,
        StaffSession.ended_at.is_(None),
        StaffSession.awaits.is_(None),
    )
    found = (await session.execute(query.order_by(StaffSession.created_at.desc(), StaffSession.ref))).scalars()
    return [each for each in found if not rules.is_over(now=session.now, seen_at=each.seen_at, ends_at=each.ends_at)]


async def addresses_of(session: Session, member_id: str) -> list[str]:
    """Where this person has been in lately, with every factor."""
    query = sa.select(StaffSession.ip).where(
        StaffSession.member_id == member_id, StaffSession.awaits.is_(None), StaffSession.ip.is_not(None)
    )
    newest = query.order_by(StaffSession.created_at.desc()).limit(LOOKED_BACK)
    return [each for each in (await session.execute(newest)).scalars() if each]


async def end(
    session: Session, by: Principal, member: StaffMember, *, ref: str | None = None, but: str | None = None
) -> list[str]:
    """End one session of this person, or all, or all but one; the refs of those that were ended."""
    change = sa.update(StaffSession).where(StaffSession.member_id == member.id, StaffSession.ended_at.is_(None))
    if ref is not None:
        change = change.where(StaffSession.ref == ref)
    if but is not None:
        change = change.where(StaffSession.ref != but)
    ended = change.values(ended_at=session.now).returning(StaffSession.ref, StaffSession.awaits)
    refs = sorted(row.ref for row in await session.execute(ended) if row.awaits is None)
    for each in refs:
        note(session, by, "session.end", each, before={"member": member.id})
    return refs


async def forget_old(session: Session) -> int:
    """Forget what ended long ago; how many were forgotten."""
    old = sa.select(StaffSession.id).where(StaffSession.ends_at < session.now - KEPT).limit(FORGOTTEN_AT_ONCE)
    gone = sa.delete(StaffSession).where(StaffSession.id.in_(old)).returning(StaffSession.id)
    return len((await session.execute(gone)).all())
