"""People of a local system, one a role: made at its first start, kept with its secrets, written by `cubano db seed`.

Their passwords and the secrets of their authenticators are printed at each start; they are taken in development only and travel
to that command in `CUBANO_LOCAL_STAFF`.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from argon2 import PasswordHasher

from service.access.rules import STAFF_ROLES, Role, system
from service.kernel.db import Database, Session
from service.kernel.seals import Seals
from service.signin.flow import SEALED
from service.staff import flow as staff
from service.staff.flow import Newcomer, Passwords
from service.staff.rules import SECRET_BYTES, secret_of
from service.staff.tables import StaffMember

VARIABLE = "CUBANO_LOCAL_STAFF"
_DOMAIN = "alocubano.example"


class Person(msgspec.Struct, frozen=True, rename="camel"):
    email: str
    password: str
    role: str
    totp_secret: str


def with_all_roles(known: Sequence[Person]) -> list[Person]:
    """Somebody for each role: those there are, and new ones for the rest."""
    by_role = {each.role: each for each in known}
    return [by_role.get(role.value) or _fresh(role) for role in STAFF_ROLES]


def _fresh(role: Role) -> Person:
    name = role.value.replace("_", "-")
    return Person(
        f"{name}@{_DOMAIN}", secrets.token_urlsafe(12), role.value, secret_of(secrets.token_bytes(SECRET_BYTES))
    )


def as_variable(people: Sequence[Person]) -> str:
    return msgspec.json.encode(people).decode()


def from_environment() -> list[Person]:
    """What the parent process hands over; nobody where there is none."""
    return msgspec.json.decode(os.environ.get(VARIABLE, "[]"), type=list[Person])


async def write_people(db: Database, people: Sequence[Person], keys: Sequence[str]) -> int:
    """Add those who are not there yet, with their authenticator; how many were added."""
    if not people:
        return 0
    passwords, seals = Passwords(_quick()), Seals(keys, SEALED)
    query = sa.select(StaffMember.email)
    async with db.transaction() as session:
        there = set((await session.execute(query)).scalars())
    missing = [each for each in people if each.email not in there]
    hashed = await asyncio.gather(*(passwords.hash(each.password) for each in missing))
    hashes = {each.email: made for each, made in zip(missing, hashed, strict=True)}
    async with db.transaction() as session:
        for each in missing:
            await _write(session, each, hashes, seals)
    return len(missing)


async def by_role(session: Session, people: Sequence[Person]) -> dict[str, str]:
    """The id of each role's person."""
    roles = {each.email: each.role for each in people}
    query = sa.select(StaffMember.email, StaffMember.id).where(StaffMember.email.in_(roles))
    return {roles[email]: member_id for email, member_id in await session.execute(query)}


def _quick() -> PasswordHasher:
    """Nobody guesses these: they are random, and six slow hashes would be a second of every first start."""
    return PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


async def _write(session: Session, person: Person, hashes: Mapping[str, str], seals: Seals) -> None:
    role, by = Role(person.role), system("cubano up")
    name = f"{person.role.replace('_', ' ').capitalize()} Person"
    who = Newcomer(person.email, name, role, hashes[person.email], password_is_temporary=False)
    member = await staff.add(session, by, who)
    await staff.enrol(session, by, member, sealed=seals.seal(person.totp_secret, member.id), step=None)
