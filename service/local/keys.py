"""API keys of a local system, one a role and the responder's: made at its first start, kept with its secrets, written by `db seed`.

They travel to that command in `CUBANO_LOCAL_API_KEYS` and are taken in development only.
"""

import os
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from service.access.flow import Wish, add
from service.access.rules import KeyText, Permission, Role, read_key, system
from service.access.tables import ApiKey
from service.kernel.clock import utc_now
from service.kernel.db import Session
from service.kernel.ids import Ids

VARIABLE = "CUBANO_LOCAL_API_KEYS"
RESPONDER = "responder"  # a program: on call, without the customers
NAMES = (*(role.value for role in Role), RESPONDER)
_LIFETIME = timedelta(days=3650)


def with_all_roles(known: Mapping[str, str]) -> dict[str, str]:
    """A key for each role and for the responder: those there are, and new ones for the rest."""
    ids = Ids(utc_now)
    fresh = {name: KeyText("dev", ids.new("key").removeprefix("key_"), ids.token()).text for name in NAMES}
    return {name: known.get(name, fresh[name]) for name in NAMES}


def as_variable(keys: Mapping[str, str]) -> str:
    return msgspec.json.encode(keys).decode()


def from_environment() -> dict[str, str]:
    """What the parent process hands over; nothing where there is none. The responder's is the one that it was given itself."""
    found = msgspec.json.decode(os.environ.get(VARIABLE, "{}"), type=dict[str, str])
    own = os.environ.get("CUBANO_RESPOND_API_KEY", "")
    return found | ({RESPONDER: own} if own else {})


def responder_dsn() -> str:
    """The role that `db seed` is to make, likewise; empty where there is none."""
    return os.environ.get("CUBANO_RESPOND_DATABASE_URL", "")


async def write_keys(session: Session, keys: Mapping[str, str], owners: Mapping[str, str]) -> int:
    """Add those that are not there yet; how many were added. Each has a client of its own, named after the role, and is
    that person's who has the role.
    """
    added = 0
    for role, text in keys.items():
        key = read_key(text)
        if key is not None and await session.get(ApiKey, key.id) is None:
            await add(session, system("cubano up"), _wish(role, key, owners), key)
            added += 1
    return added


def _wish(name: str, key: KeyText, owners: Mapping[str, str]) -> Wish:
    role = Role.ON_CALL if name == RESPONDER else Role(name)
    may = frozenset({Permission.OPS_READ, Permission.OPS_WRITE}) if name == RESPONDER else None
    return Wish(f"local-{name}-{key.ulid[-6:]}", role, _LIFETIME, permissions=may, owner=owners.get(role))
