"""The steps of a sign-in: password or issuer, then a code (or the enrolment for one), then another password when ours was
given, then in. Each step gives the session another id; nothing is open before the last.

Passwords are hashed between transactions, never inside of one.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from service.access.rules import Principal, system
from service.audit.flow import note
from service.audit.rules import Origin
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid, NotFound, Unidentified
from service.kernel.seals import Seals
from service.oidc.rules import Identity
from service.sessions.flow import Held, Opened, addresses_of, end, find, go_on, open_session
from service.sessions.rules import Awaits, Method, SessionRules
from service.signin.rules import IssuerRefused, StartAgain, WrongCode, WrongPassword
from service.staff import flow as staff
from service.staff.flow import CodeResult, Newcomer, Passwords, principal_of
from service.staff.rules import SECRET_BYTES, check_password, read_email, secret_of, step_of
from service.staff.tables import StaffMember
from service.telemetry import catalogue
from service.telemetry.labels import SignInOutcome
from service.tries import flow as tries
from service.tries.rules import Counted, account_key, code_key, counted

SEALED = "staff-totp"  # the purpose of the seals


@dataclass(frozen=True)
class Door:
    """What signing in needs; built once, in the root. `secret` names accounts in the table of tries."""

    db: Database
    passwords: Passwords
    seals: Seals
    rules: SessionRules
    secret: str
    random_bytes: Callable[[int], bytes] = os.urandom


def build_door(
    db: Database, *, secret_keys: Sequence[str], public_url: str, idle_minutes: int, longest_hours: int
) -> Door:
    """From what stands in the settings; the first key seals, and names accounts in the table of tries."""
    return Door(
        db,
        Passwords(),
        Seals(secret_keys, SEALED),
        SessionRules(timedelta(minutes=idle_minutes), timedelta(hours=longest_hours), public_url),
        secret_keys[0],
    )


# ---- the first step --------------------------------------------------------------------------------------------------


async def sign_in(door: Door, email: str, password: str, origin: Origin) -> Opened:
    """With a password, which nobody of the issuer's has. Raises `WrongPassword`, `TooManyTries`, `Overloaded`."""
    kept, whose = await _look(door, email, origin)
    await tries.take(door.db, whose)
    ours = kept is not None and kept.oidc_subject is None
    checked = await door.passwords.check(kept.password_hash if kept and ours else None, password)
    if kept is None or not checked.right or not kept.enabled:
        await _failed(door, whose, kept.id if kept else "", origin, SignInOutcome.WRONG_PASSWORD)
        raise WrongPassword
    async with door.db.transaction() as session:
        member = await staff.lock(session, member_id=kept.id)
        if member.password_hash != kept.password_hash or not member.enabled:  # changed meanwhile
            raise WrongPassword
        if checked.fresh is not None:
            member.password_hash = checked.fresh
        await tries.give_back(session, whose)
        return await _begin(session, door, member, Method.PASSWORD, origin)


async def _look(door: Door, email: str, origin: Origin) -> tuple[StaffMember | None, Counted]:
    """Who has the address, and under what a try is counted; the same two questions when nobody has it."""
    asked = email.strip().lower().replace("\x00", "?")  # the database takes no NUL, and nobody has a ? there
    query = sa.select(StaffMember).where(StaffMember.email == asked)
    async with door.db.transaction() as session:
        kept = (await session.execute(query)).scalar_one_or_none()
        known = await addresses_of(session, kept.id if kept else "")
    return kept, counted(account_key(door.secret, email), origin.ip, known=known)


async def arrive(door: Door, who: Identity, origin: Origin) -> Opened:
    """With the issuer's word, which decides about the role each time. Raises `IssuerRefused`."""
    async with door.db.transaction() as session:
        member = await _member_of(session, who, origin)
        if who.role is not None and member is not None and member.enabled:
            await staff.set_role(session, _nobody(origin), member, who.role)
            return await _begin(session, door, member, Method.OIDC, origin)
        if member is not None and who.role is None:  # nothing it has here may outlive the issuer's word
            await staff.end_sessions(session, _nobody(origin), member)
    raise IssuerRefused(_NO_ROLE if who.role is None else _DISABLED)


_NO_ROLE = "You are known, but nobody has given you a role here. Ask whoever looks after the accounts for one."
_NO_ADDRESS = (
    "The sign-in service did not tell a confirmed e-mail address of yours. Ask whoever looks after the accounts."
)
_DISABLED = "Your account here is switched off. Ask whoever looks after the accounts."


async def _member_of(session: Session, who: Identity, origin: Origin) -> StaffMember | None:
    """Whoever has this subject; else who has its confirmed address; else somebody new, if there is a role for them."""
    query = sa.select(StaffMember.id).where(StaffMember.oidc_subject == who.subject)
    known = (await session.execute(query)).scalar_one_or_none()
    if known is not None:
        return await staff.lock(session, member_id=known)
    if who.role is None:
        return None
    if not who.email_verified:
        raise IssuerRefused(_NO_ADDRESS)
    try:
        email = read_email(who.email)
        member = await staff.lock(session, email=email)
    except Invalid as error:
        raise IssuerRefused(_NO_ADDRESS) from error
    except NotFound:
        newcomer = Newcomer(email, who.name, who.role, oidc_subject=who.subject)
        return await staff.add(session, _nobody(origin), newcomer)
    if member.oidc_subject is not None:  # the address has passed to somebody else at the issuer
        raise IssuerRefused(_NO_ADDRESS)
    await staff.link(session, _nobody(origin), member, who.subject)
    return member


async def _begin(session: Session, door: Door, member: StaffMember, method: Method, origin: Origin) -> Opened:
    awaits = None if method is Method.OIDC else _after_password(member)
    opened = await open_session(session, member, method=method, awaits=awaits, origin=origin, rules=door.rules)
    if awaits is None:
        _is_in(session, opened.held, origin)
    await session.flush()
    return opened


def _after_password(member: StaffMember) -> Awaits:
    """Nobody is in by a password alone, whatever the role: who only reads, reads every customer's name."""
    return Awaits.ENROLMENT if member.totp_sealed is None else Awaits.CODE


def _after_code(member: StaffMember) -> Awaits | None:
    return Awaits.PASSWORD if member.password_is_temporary else None


def _is_in(session: Session, held: Held, origin: Origin) -> None:
    held.member.signed_in_at = session.now
    after = {"session": held.session.ref, "method": held.session.method}
    note(session, principal_of(held.member, origin), "staff.sign_in", held.member.id, after=after)
    session.count(catalogue.SIGN_INS, outcome=SignInOutcome.SIGNED_IN)


# ---- the steps after it ----------------------------------------------------------------------------------------------


async def give_code(door: Door, token: str, typed: str, origin: Origin) -> Opened:
    """The second factor, or a recovery code in its place. Raises `WrongCode`, `TooManyTries`, `StartAgain`."""
    async with door.db.transaction() as session:
        member_id = (await _awaiting(session, door, token, Awaits.CODE)).member.id
    whose = counted(code_key(member_id), origin.ip)
    await tries.take(door.db, whose)
    async with door.db.transaction() as session:
        held = await _awaiting(session, door, token, Awaits.CODE)
        result = await staff.take_code(session, held.member, typed, door.seals)
        if result in {CodeResult.RIGHT, CodeResult.RECOVERED}:
            await tries.give_back(session, whose)
            if result is CodeResult.RECOVERED:
                note(session, principal_of(held.member, origin), "staff.recovery_code", held.member.id)
            return await _step(session, door, held, origin)
    replayed = result is CodeResult.REPLAYED
    outcome = SignInOutcome.REPLAYED_CODE if replayed else SignInOutcome.WRONG_CODE
    await _failed(door, whose, member_id, origin, outcome)
    raise WrongCode(replayed)


async def offer_secret(door: Door, token: str) -> tuple[Held, str]:
    """The secret to enrol with: this session's own, so that nobody who came before knows it."""
    async with door.db.transaction() as session:
        held = await _enrolling(session, door, token)
        row = held.session
        if row.totp_sealed is None:
            row.totp_sealed = door.seals.seal(secret_of(door.random_bytes(SECRET_BYTES)), row.ref)
            await session.flush()
        return held, door.seals.open(row.totp_sealed, row.ref)


async def confirm_secret(door: Door, token: str, typed: str, origin: Origin) -> tuple[Opened, list[str]]:
    """The authenticator has it: a code shows so. The recovery codes are told this once. Raises `WrongCode`, `StartAgain`."""
    async with door.db.transaction() as session:
        held = await _enrolling(session, door, token)
        row, member = held.session, held.member
        secret = door.seals.open(row.totp_sealed, row.ref) if row.totp_sealed else ""
        step = step_of(secret, typed, session.now) if secret else None
        if step is None:
            session.count_anyway(catalogue.SIGN_INS, outcome=SignInOutcome.WRONG_CODE)
            raise WrongCode
        sealed = door.seals.seal(secret, member.id)
        codes = await staff.enrol(session, principal_of(member, origin), member, sealed=sealed, step=step)
        return await _step(session, door, held, origin), codes


async def choose_password(door: Door, token: str, old: str, new: str, origin: Origin) -> Opened:
    """Another password; all sessions end but this one, which gets a new id. Raises `Invalid`, `WrongPassword`, `TooManyTries`."""
    async with door.db.transaction() as session:
        held = await _choosing(session, door, token)
    member = held.member
    check_password(new, email=member.email, name=member.name)
    if new == old:
        raise Invalid([FieldError("password", "same", "That is the one you have. Take another one.")])
    _, whose = await _look(door, member.email, origin)
    await tries.take(door.db, whose)
    if not (await door.passwords.check(member.password_hash, old)).right:
        await _failed(door, whose, member.id, origin, SignInOutcome.WRONG_PASSWORD)
        raise WrongPassword
    fresh = await door.passwords.hash(new)
    async with door.db.transaction() as session:
        held = await _choosing(session, door, token)
        await staff.set_password(session, principal_of(held.member, origin), held.member, fresh, temporary=False)
        await tries.give_back(session, whose)
        return await _step(session, door, held, origin)


async def _failed(door: Door, whose: Counted, member_id: str, origin: Origin, outcome: SignInOutcome) -> None:
    """Count it and write it down, with what is locked now; of an account that does not exist only the address."""
    async with door.db.transaction() as session:
        session.count(catalogue.SIGN_INS, outcome=outcome)
        locked = await tries.locks(session, whose)
        after = {"why": outcome, "locked_until": max(locked.values(), default=None)}
        if member_id:
            note(session, _nobody(origin), "staff.sign_in_failed", member_id, after=after)
        elif any(key != whose.account for key in locked):
            note(session, _nobody(origin), "staff.sign_in_failed", f"address:{origin.ip}", after=after)


def _nobody(origin: Origin) -> Principal:
    return replace(system("sign-in"), origin=origin)


async def leave(door: Door, token: str | None, origin: Origin) -> None:
    """What a browser was signed in with before ends; nothing happens when that was nothing."""
    if not token:
        return
    async with door.db.transaction() as session:
        try:
            held = await find(session, token, door.rules)
        except Unidentified:
            return
        await end(session, principal_of(held.member, origin), held.member, ref=held.session.ref)


async def sign_out(door: Door, held: Held, origin: Origin) -> None:
    async with door.db.transaction() as session:
        await end(session, principal_of(held.member, origin), held.member, ref=held.session.ref)


async def _step(session: Session, door: Door, held: Held, origin: Origin) -> Opened:
    """Past a step: the next one, or in; whoever was in before stays so, under another id."""
    was_in = held.awaits is None
    awaits = None if was_in else _after_code(held.member)
    opened = await go_on(session, held, awaits=awaits, rules=door.rules)
    if awaits is None and not was_in:
        _is_in(session, held, origin)
    await session.flush()
    return opened


async def _awaiting(session: Session, door: Door, token: str, *steps: Awaits | None) -> Held:
    held = await find(session, token, door.rules, locked=True)
    if held.awaits not in steps:
        raise StartAgain
    return held


async def _enrolling(session: Session, door: Door, token: str) -> Held:
    """Who has got a second factor meanwhile keeps that."""
    held = await _awaiting(session, door, token, Awaits.ENROLMENT)
    if held.member.totp_sealed is not None:
        raise StartAgain
    return held


async def _choosing(session: Session, door: Door, token: str) -> Held:
    """Who signs in through the issuer has no password to change: another one would make the account ours again."""
    held = await _awaiting(session, door, token, Awaits.PASSWORD, None)
    if held.member.oidc_subject is not None:
        raise StartAgain
    return held
