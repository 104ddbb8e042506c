"""Add people, change what they may, prove who they are. Each change is audited; what must end their sessions does.

Sessions end by `epoch`: they remember the one they were opened in (service/sessions), so that nothing has to find them. No
password, code or secret is ever noted, logged or repeated.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.dialects.postgresql import insert

from service.access.rules import ROLE_PERMISSIONS, STAFF_ROLES, Principal, Role
from service.audit.flow import note
from service.audit.rules import Origin
from service.kernel.db import Session
from service.kernel.errors import Conflict, FieldError, Invalid, NotFound, Overloaded
from service.kernel.seals import Seals
from service.staff.rules import (
    RECOVERY_CODES,
    as_hashed,
    hash_of_code,
    read_email,
    read_name,
    step_of,
)
from service.staff.tables import RecoveryCode, StaffMember

T = TypeVar("T")

AT_ONCE = 2  # passwords hashed at the same time: each takes 64 MB and all of a core
MOST_WAITING = 20  # sign-ins that wait for their turn; more are told to come again


class EmailTaken(Conflict):
    """Somebody with that address is there already."""


@dataclass(frozen=True)
class Checked:
    """`fresh` is a new hash when the old one was made with other parameters than today's."""

    right: bool
    fresh: str | None = None


class Passwords:
    """Argon2id, off the event loop, few at once; one a process. What belongs to nobody costs as much as what does."""

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = AT_ONCE) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = ""  # what nobody's password is compared with
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def check(self, kept: str | None, typed: str) -> Checked:
        """Whether it is the password behind `kept`. Raises `Overloaded` when too many wait."""
        return await self._in_turn(self._check, kept, as_hashed(typed))

    async def hash(self, password: str) -> str:
        return await self._in_turn(self._hasher.hash, as_hashed(password))

    async def _in_turn(self, work: Callable[..., T], *given: Any) -> T:
        if self._waiting >= MOST_WAITING:
            raise Overloaded
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *given)
        finally:
            self._waiting -= 1

    def _check(self, kept: str | None, typed: bytes) -> Checked:
        self._nobody = self._nobody or self._hasher.hash("somebody else's")  # for the first one, whoever it is
        try:
            self._hasher.verify(kept or self._nobody, typed)
        except (VerificationError, InvalidHashError):
            return Checked(right=False)
        if kept is None:
            return Checked(right=False)
        return Checked(True, self._hasher.hash(typed) if self._hasher.check_needs_rehash(kept) else None)


# ---- people ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Newcomer:
    """A person to add; who signs in through the issuer has no password, but a subject there."""

    email: str
    name: str
    role: Role
    password_hash: str | None = None
    password_is_temporary: bool = True
    oidc_subject: str | None = None


async def add(session: Session, by: Principal, who: Newcomer) -> StaffMember:
    """Raises `Invalid` for an address, name or role that cannot be, `EmailTaken`."""
    _check_role(who.role)
    row = {
        "id": session.ids.new("stf"),
        "email": read_email(who.email),
        "name": read_name(who.name),
        "role": who.role.value,
        "enabled": True,
        "epoch": 0,
        "password_hash": who.password_hash,
        "password_is_temporary": who.password_is_temporary and who.password_hash is not None,
        "oidc_subject": who.oidc_subject,
        "created_at": session.now,
    }
    made = insert(StaffMember).values(row).on_conflict_do_nothing().returning(StaffMember)
    member = (await session.execute(made)).scalar_one_or_none()
    if member is None:
        raise EmailTaken("There is somebody with this e-mail address already.")
    note(session, by, "staff.add", member.id, after=facts(member))
    return member


async def lock(session: Session, *, email: str | None = None, member_id: str | None = None) -> StaffMember:
    """The person of that address or id, locked; `NotFound`."""
    which = StaffMember.id == member_id if email is None else StaffMember.email == email.strip().lower()
    query = sa.select(StaffMember).where(which).with_for_update().execution_options(populate_existing=True)
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def everybody(session: Session) -> list[StaffMember]:
    return list((await session.execute(sa.select(StaffMember).order_by(StaffMember.email))).scalars())


async def set_role(session: Session, by: Principal, member: StaffMember, role: Role) -> bool:
    """Whether it was another one before; then all sessions end."""
    _check_role(role)
    return await _change(session, by, member, "staff.role", role=role.value)


async def set_enabled(session: Session, by: Principal, member: StaffMember, *, enabled: bool) -> bool:
    return await _change(session, by, member, "staff.enable" if enabled else "staff.disable", enabled=enabled)


async def set_password(
    session: Session, by: Principal, member: StaffMember, password_hash: str, *, temporary: bool
) -> None:
    """Another password; every session ends, that of whoever changed it too (service/signin opens a new one).

    Who signed in through the issuer is ours again: a person has either way in, never both.
    """
    values = {"password_hash": password_hash, "password_is_temporary": temporary, "oidc_subject": None}
    await _change(session, by, member, "staff.password", **values)


async def link(session: Session, by: Principal, member: StaffMember, subject: str) -> None:
    """From now on the issuer alone says who this is: password, second factor and sessions of ours are forgotten."""
    await session.execute(sa.delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
    ours = {"password_hash": None, "password_is_temporary": False, "totp_sealed": None, "totp_step": None}
    await _change(session, by, member, "staff.oidc_link", oidc_subject=subject, **ours)


async def reset_second_factor(session: Session, by: Principal, member: StaffMember) -> bool:
    """Forget it with its recovery codes; the next sign-in enrols anew."""
    await session.execute(sa.delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
    return await _change(session, by, member, "staff.totp_reset", totp_sealed=None, totp_step=None)


async def end_sessions(session: Session, by: Principal, member: StaffMember) -> None:
    await _change(session, by, member, "staff.end_sessions")


async def _change(session: Session, by: Principal, member: StaffMember, action: str, **values: Any) -> bool:
    """Write the values and end all sessions; False, and nothing done, when they stand so already."""
    if values and all(getattr(member, name) == value for name, value in values.items()):
        return False
    before = facts(member)
    for name, value in values.items():
        setattr(member, name, value)
    member.epoch += 1
    await session.flush()
    note(session, by, action, member.id, before=before, after=facts(member))
    return True


def _check_role(role: Role) -> None:
    if role not in STAFF_ROLES:
        raise Invalid([FieldError("role", "not_staff", f"{role.value} is no role of people who sign in.")])


def facts(member: StaffMember) -> dict[str, Any]:
    """What of a person stands in the trail: no address, no name, nothing that opens."""
    return {
        "role": member.role,
        "enabled": member.enabled,
        "epoch": member.epoch,
        "second_factor": member.totp_sealed is not None,
        "temporary_password": member.password_is_temporary,
        "oidc": member.oidc_subject is not None,
    }


def principal_of(member: StaffMember, origin: Origin) -> Principal:
    role = Role(member.role)
    return Principal("staff", member.id, member.name, role, ROLE_PERMISSIONS[role], origin)


# ---- the second factor -----------------------------------------------------------------------------------------------


class CodeResult(StrEnum):
    RIGHT = "right"
    RECOVERED = "recovered"  # by a code from paper, which is used up now
    REPLAYED = "replayed"  # right, and taken before
    WRONG = "wrong"


async def take_code(session: Session, member: StaffMember, typed: str, seals: Seals) -> CodeResult:
    """Try a code of a person who is locked; whatever is right is used up by this."""
    if member.totp_sealed is None:
        return CodeResult.WRONG
    secret = seals.open(member.totp_sealed, member.id)
    step = step_of(secret, typed, session.now)
    if step is not None:
        if member.totp_step is not None and step <= member.totp_step:
            return CodeResult.REPLAYED
        member.totp_step = step
        if not seals.is_current(member.totp_sealed):
            member.totp_sealed = seals.seal(secret, member.id)
        await session.flush()
        return CodeResult.RIGHT
    spent = sa.update(RecoveryCode).where(
        RecoveryCode.member_id == member.id,
        RecoveryCode.hash == hash_of_code(member.id, typed),
        RecoveryCode.used_at.is_(None),
    )
    found = (await session.execute(spent.values(used_at=session.now).returning(RecoveryCode.hash))).scalar_one_or_none()
    return CodeResult.WRONG if found is None else CodeResult.RECOVERED


async def enrol(session: Session, by: Principal, member: StaffMember, *, sealed: str, step: int | None) -> list[str]:
    """Take this secret from now on; the recovery codes that go with it, to be shown once."""
    codes = [session.ids.code(groups=4) for _ in range(RECOVERY_CODES)]
    before = facts(member)
    member.totp_sealed, member.totp_step = sealed, step
    await session.flush()
    await _keep_codes(session, member.id, codes)
    note(session, by, "staff.totp_enrol", member.id, before=before, after=facts(member))
    return codes


async def _keep_codes(session: Session, member_id: str, codes: Iterable[str]) -> None:
    await session.execute(sa.delete(RecoveryCode).where(RecoveryCode.member_id == member_id))
    rows = [{"member_id": member_id, "hash": hash_of_code(member_id, each)} for each in codes]
    await session.execute(sa.insert(RecoveryCode), rows)


async def codes_left(session: Session, member_id: str) -> int:
    query = sa.select(sa.func.count()).where(RecoveryCode.member_id == member_id, RecoveryCode.used_at.is_(None))
    return (await session.execute(query)).scalar_one()
