"""Give out API keys, replace them without a gap, take them back; and know, within microseconds, who holds one.

A client has one key, or two while the new one takes over: `rotate` lets the old one live on for a while. Each change locks
the client's row, is written to the audit trail, and never stores or repeats the secret.
"""

import hmac
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.access.rules import (
    ENVIRONMENTS,
    ROLE_PERMISSIONS,
    KeyText,
    Permission,
    Principal,
    Role,
    is_within,
    narrowed,
    read_key,
)
from service.access.tables import MOST_LIVE, ApiClient, ApiKey
from service.audit.flow import note
from service.audit.rules import Origin
from service.kernel.db import Database, Session
from service.kernel.errors import Conflict, FieldError, Invalid, NotFound, Unidentified
from service.telemetry.labels import AccessOutcome

CACHED_S = 2.0  # how late a process may be in noticing that a key was revoked
MOST_CACHED = 1_000  # keys a process remembers; the oldest goes first
USED_EVERY = timedelta(minutes=1)  # how exactly the last use is known
NO_SECRET = sha256(b"").hexdigest()  # what an unknown key is compared with, so that it takes as long as a known one


class KeysLive(Conflict):
    """The client has as many keys as it may."""

    def __init__(self, client: str) -> None:
        super().__init__(f"{client} has {MOST_LIVE} keys that work. Revoke one, or wait until the older one ends.")


@dataclass(frozen=True)
class Wish:
    """A key for a client, which is made if there is none. No permissions mean all of the role.

    `owner` is the id of the person who answers for the client; once there is one it stays.
    """

    client: str
    role: Role
    lifetime: timedelta
    permissions: frozenset[Permission] | None = None
    signs: bool = False
    networks: tuple[str, ...] = ()
    owner: str | None = None


@dataclass(frozen=True)
class Made:
    """A new key; `text` is shown once and kept nowhere."""

    client: ApiClient
    key: ApiKey
    text: str


async def add(session: Session, by: Principal, wish: Wish, text: KeyText) -> Made:
    """Give the client a key. Raises `Invalid` when client and role or owner do not fit, `KeysLive` when it has two."""
    allowed = ROLE_PERMISSIONS[wish.role]
    granted = allowed if wish.permissions is None else wish.permissions
    if beyond := granted - allowed:
        raise Invalid([FieldError("permissions", "beyond_role", f"{wish.role} has no {', '.join(sorted(beyond))}.")])
    row = {"id": session.ids.new("cli"), "name": wish.client, "role": wish.role, "created_at": session.now}
    await session.execute(insert(ApiClient).values(row).on_conflict_do_nothing())
    client = await _lock(session, wish.client)
    if client.role != wish.role:
        raise Invalid([FieldError("role", "other_role", f"{wish.client} is {client.role}.")])
    if wish.owner and (client.owner_id or wish.owner) != wish.owner:
        raise Invalid([FieldError("owner", "other_owner", f"{wish.client} is somebody else's. Take another name.")])
    client.owner_id = wish.owner or client.owner_id
    if len(await _live(session, client)) >= MOST_LIVE:
        raise KeysLive(wish.client)
    return await _make(session, by, client, text, like=wish, permissions=sorted(granted))


async def rotate(session: Session, by: Principal, client_name: str, *, overlap: timedelta, lifetime: timedelta) -> Made:
    """A new key like the client's present one, which ends after the overlap. `NotFound`, `KeysLive`."""
    client = await _lock(session, client_name)
    live = await _live(session, client)
    if not live:
        raise NotFound
    if len(live) >= MOST_LIVE:
        raise KeysLive(client_name)
    (old,) = live
    before = facts(client, old)
    old.expires_at = min(old.expires_at, session.now + overlap)
    await session.flush()
    note(session, by, "key.rotate", old.id, before=before, after=facts(client, old))
    like = Wish(client.name, Role(client.role), lifetime, signs=old.signs, networks=tuple(old.networks))
    return await _make(session, by, client, new_text(session, old.environment), like=like, permissions=old.permissions)


async def _make(
    session: Session, by: Principal, client: ApiClient, text: KeyText, *, like: Wish, permissions: list[str]
) -> Made:
    key = ApiKey(
        id=text.id,
        client_id=client.id,
        environment=text.environment,
        secret_hash=text.hash,
        permissions=permissions,
        signs=like.signs,
        networks=list(like.networks),
        created_at=session.now,
        expires_at=session.now + like.lifetime,
    )
    session.add(key)
    await session.flush()
    note(session, by, "key.add", key.id, after=facts(client, key))
    return Made(client, key, text.text)


def new_text(session: Session, environment: str) -> KeyText:
    """A key that nobody ever saw, for an environment (`dev`, `stg`, `prd`)."""
    return KeyText(environment, session.ids.new("key").removeprefix("key_"), session.ids.token())


async def revoke(session: Session, by: Principal, key_id: str) -> bool:
    """The key is worth nothing from now on; False when it was so already. `NotFound` for an unknown one."""
    key = await session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise NotFound
    client = await session.get_one(ApiClient, key.client_id)
    if key.revoked_at is not None:
        return False
    before = facts(client, key)
    key.revoked_at = session.now
    await session.flush()
    note(session, by, "key.revoke", key.id, before=before, after=facts(client, key))
    return True


async def owners_of(session: Session, key_ids: Iterable[str]) -> dict[str, str | None]:
    """Who answers for each of these keys."""
    query = sa.select(ApiKey.id, ApiClient.owner_id).join(ApiClient, ApiClient.id == ApiKey.client_id)
    found = await session.execute(query.where(ApiKey.id.in_(key_ids)))
    return {row.id: row.owner_id for row in found}


async def every_key(session: Session) -> list[tuple[ApiClient, ApiKey]]:
    """All keys there ever were, by client, the newest last."""
    query = sa.select(ApiClient, ApiKey).join(ApiKey, ApiKey.client_id == ApiClient.id)
    found = await session.execute(query.order_by(ApiClient.name, ApiKey.created_at, ApiKey.id))
    return [(client, key) for client, key in found]


def facts(client: ApiClient, key: ApiKey) -> dict[str, object]:
    """What of a key may be told to anybody who may read about keys."""
    return {
        "client": client.name,
        "role": client.role,
        "owner": client.owner_id,
        "permissions": key.permissions,
        "signs": key.signs,
        "networks": key.networks,
        "expiresAt": key.expires_at.isoformat(),
        "revokedAt": key.revoked_at.isoformat() if key.revoked_at else None,
    }


async def _lock(session: Session, name: str) -> ApiClient:
    """The client, locked: two changes of its keys come one after the other. `NotFound`."""
    query = sa.select(ApiClient).where(ApiClient.name == name).with_for_update()
    client = (await session.execute(query)).scalar_one_or_none()
    if client is None:
        raise NotFound
    return client


async def _live(session: Session, client: ApiClient) -> list[ApiKey]:
    works = (ApiKey.revoked_at.is_(None), ApiKey.expires_at > session.now)
    query = sa.select(ApiKey).where(ApiKey.client_id == client.id, *works).order_by(ApiKey.created_at)
    return list((await session.execute(query)).scalars())


# ---- who holds it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A key as it was read from the database, and when (by a clock that only goes forward)."""

    principal: Principal
    environment: str
    secret_hash: str
    signs: bool
    networks: tuple[str, ...]
    expires_at: datetime
    revoked: bool
    last_used_at: datetime | None
    read_at: float


class KeyRing:
    """A process's short memory of the keys it was shown; built once, in the root.

    A key that was revoked, or whose role has changed, is refused `CACHED_S` later at the latest. The last use is remembered
    here and written by `flush`, so that no request waits for it.
    """

    def __init__(self, db: Database, environment: str, *, tick: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._environment = ENVIRONMENTS[environment]
        self._tick = tick
        self._known: dict[str, Known] = {}
        self._used: dict[str, tuple[datetime, str]] = {}

    async def identify(self, text: str, origin: Origin) -> Known:
        """The holder of this key; `Unidentified` when it is not good here, not any more, or not from there."""
        given = read_key(text)
        if given is None:
            raise Unidentified(AccessOutcome.MALFORMED)
        if given.environment != self._environment:
            raise Unidentified(AccessOutcome.WRONG_ENVIRONMENT)
        known = await self._look_up(given.id)
        right = hmac.compare_digest(given.hash, known.secret_hash if known else NO_SECRET)
        if known is None or not right:
            raise Unidentified(AccessOutcome.UNKNOWN)
        self._check(known, origin)
        self._use(known, given.id, origin)
        return known

    def _check(self, known: Known, origin: Origin) -> None:
        """After the secret was right: its holder may hear why it is refused."""
        if known.environment != self._environment:
            raise Unidentified(AccessOutcome.WRONG_ENVIRONMENT)
        if known.revoked:
            raise Unidentified(AccessOutcome.REVOKED, "This API key was revoked.")
        if known.expires_at <= self._db.clock():
            raise Unidentified(AccessOutcome.EXPIRED, f"This API key ended at {known.expires_at:%Y-%m-%d %H:%M %Z}.")
        if not is_within(origin.ip, known.networks):
            raise Unidentified(AccessOutcome.WRONG_NETWORK, "This API key is not good from this address.")

    async def _look_up(self, key_id: str) -> Known | None:
        known = self._known.get(key_id)
        if known is not None and self._tick() - known.read_at < CACHED_S:
            return known
        read_at = self._tick()  # before the reading: what changes meanwhile is seen one lifetime later, not two
        query = sa.select(ApiClient, ApiKey).join(ApiKey, ApiKey.client_id == ApiClient.id).where(ApiKey.id == key_id)
        async with self._db.transaction() as session:
            row = (await session.execute(query)).one_or_none()
        self._known.pop(key_id, None)
        if row is None:
            return None
        self._known[key_id] = known = _known(*row, read_at=read_at)
        while len(self._known) > MOST_CACHED:
            del self._known[next(iter(self._known))]
        return known

    def _use(self, known: Known, key_id: str, origin: Origin) -> None:
        now = self._db.clock()
        if known.last_used_at is None or now - known.last_used_at >= USED_EVERY:
            self._used[key_id] = (now, origin.ip)

    async def flush(self) -> None:
        """Write down which keys were used; at most once a minute each, whoever else writes too."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._db.transaction(durable=False) as session:
                for key_id, (at, ip) in sorted(used.items()):
                    old = sa.or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= at - USED_EVERY)
                    change = sa.update(ApiKey).where(ApiKey.id == key_id, old)
                    await session.execute(change.values(last_used_at=at, last_used_from=ip or None))
        except BaseException:
            self._used = used | self._used
            raise


def _known(client: ApiClient, key: ApiKey, *, read_at: float) -> Known:
    role = Role(client.role)
    return Known(
        principal=Principal("key", key.id, client.name, role, narrowed(role, key.permissions), owner=client.owner_id),
        environment=key.environment,
        secret_hash=key.secret_hash,
        signs=key.signs,
        networks=tuple(key.networks),
        expires_at=key.expires_at,
        revoked=key.revoked_at is not None,
        last_used_at=key.last_used_at,
        read_at=read_at,
    )
