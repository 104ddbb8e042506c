"""People for tests: hashed cheaply, with a telephone in the hand, at a door without a server."""

from datetime import timedelta

import pyotp
from argon2 import PasswordHasher

from service.access.rules import Role, system
from service.audit.rules import Origin
from service.kernel.db import Database
from service.kernel.seals import Seals
from service.sessions.rules import SessionRules
from service.signin.flow import Door
from service.staff import flow as staff
from service.staff.flow import Newcomer, Passwords
from service.staff.rules import as_hashed
from service.staff.tables import StaffMember

PASSWORD = "vier Pferde tanzen Rueda"
KEY = "a-key-of-the-service-with-32-characters"
BY = system("test")
HERE = Origin("203.0.113.9", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
SECRET = pyotp.random_base32()


def cheap_hasher(time_cost: int = 1) -> PasswordHasher:
    return PasswordHasher(time_cost=time_cost, memory_cost=8, parallelism=1)


def door_of(db: Database, *, keys: tuple[str, ...] = (KEY,), url: str = "http://127.0.0.1:8000") -> Door:
    rules = SessionRules(timedelta(minutes=30), timedelta(hours=12), url)
    return Door(db, Passwords(cheap_hasher()), Seals(keys, "staff-totp"), rules, keys[0])


async def hire(
    db: Database,
    email: str = "ana@alocubano.example",
    role: Role = Role.SUPPORT,
    *,
    seals: Seals | None = None,
    temporary: bool = False,
) -> StaffMember:
    """Somebody with our password, who has enrolled already when seals are given."""
    hashed = cheap_hasher().hash(as_hashed(PASSWORD))
    async with db.transaction() as session:
        member = await staff.add(session, BY, Newcomer(email, "Ana Pérez", role, hashed, temporary))
        if seals is not None:
            await staff.enrol(session, BY, member, sealed=seals.seal(SECRET, member.id), step=None)
    return member


def code_at(moment, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(moment)
