"""Who may do what: permissions, roles, the one table between them, API keys as text, and order access tokens.

A new permission is a member of `Permission` and a place in `ROLE_PERMISSIONS`; a route names the one it needs in its `opt`
(see `api.py`). What a key or a session may do is what its role may do, perhaps narrowed, never more.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Literal

from service.audit.rules import Origin


class Permission(StrEnum):
    """The scopes of the contract; each route needs one of them, or is public by name."""

    CHECKOUT_WRITE = "checkout:write"
    ORDERS_READ = "orders:read"
    TRANSACTIONS_READ = "transactions:read"
    REFUNDS_WRITE = "refunds:write"
    REFUNDS_APPROVE = "refunds:approve"
    BOOKS_READ = "books:read"
    BOOKS_WRITE = "books:write"
    OPS_READ = "ops:read"
    OPS_WRITE = "ops:write"
    CUSTOMERS_ERASE = "customers:erase"
    AUDIT_READ = "audit:read"
    ACCESS_READ = "access:read"
    ACCESS_WRITE = "access:write"


class Role(StrEnum):
    CUSTOMER = "customer"
    SUPPORT = "support"
    FINANCE = "finance"
    ON_CALL = "on_call"
    DEVELOPER = "developer"
    AUDITOR = "auditor"
    PARTNER = "partner"
    ADMIN = "admin"


STAFF_ROLES = tuple(role for role in Role if role not in {Role.CUSTOMER, Role.PARTNER})  # of people who sign in

_P = Permission
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.CUSTOMER: frozenset(),  # sees the own order, by its token
    Role.SUPPORT: frozenset({_P.ORDERS_READ, _P.TRANSACTIONS_READ, _P.REFUNDS_WRITE, _P.OPS_READ}),
    Role.FINANCE: frozenset({
        *(_P.ORDERS_READ, _P.TRANSACTIONS_READ, _P.REFUNDS_WRITE, _P.REFUNDS_APPROVE, _P.BOOKS_READ, _P.BOOKS_WRITE),
    }),
    Role.ON_CALL: frozenset({_P.ORDERS_READ, _P.OPS_READ, _P.OPS_WRITE}),
    Role.DEVELOPER: frozenset({_P.OPS_READ}),  # no customer's data, no change
    Role.AUDITOR: frozenset({
        *(_P.ORDERS_READ, _P.TRANSACTIONS_READ, _P.BOOKS_READ, _P.OPS_READ, _P.AUDIT_READ, _P.ACCESS_READ),
    }),  # reads everything, changes nothing
    Role.PARTNER: frozenset({_P.CHECKOUT_WRITE}),  # sells; of the orders it has the tokens it was given
    Role.ADMIN: frozenset(Permission),
}  # fmt: skip

# The largest refund a role makes alone, in minor units of the order's currency; above it a second person decides.
REFUND_LIMITS: Mapping[Role, int] = {
    **dict.fromkeys(Role, 0),
    Role.SUPPORT: 30_000,  # one full pass with a party pass; most requests
    Role.FINANCE: 200_000,
    Role.ADMIN: 200_000,  # being allowed everything is no reason to be alone with it
}


@dataclass(frozen=True)
class Principal:
    """Whoever asks, once it is known who that is; `permissions` is what remains of the role's."""

    kind: Literal["key", "staff", "customer", "system"]
    id: str
    name: str
    role: Role
    permissions: frozenset[Permission]
    origin: Origin = field(default_factory=Origin)
    owner: str | None = None  # of a key's client: the id of the person who answers for it

    @property
    def person(self) -> str | None:
        """Whose two eyes these are; None for a key that is nobody's."""
        return self.owner if self.kind == "key" else self.id

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def refund_limit(self) -> int:
        """Minor units; 0 for whoever may not refund at all."""
        return REFUND_LIMITS[self.role] if self.may(Permission.REFUNDS_WRITE) else 0


def system(name: str) -> Principal:
    """The program itself, or a person at its command line, who holds the database's password and so may everything."""
    return Principal("system", name, name, Role.ADMIN, frozenset(Permission))


def narrowed(role: Role, wanted: Iterable[str]) -> frozenset[Permission]:
    """What is left of the role's permissions; a key that was given more once has no more than its role has today."""
    return ROLE_PERMISSIONS[role] & {Permission(each) for each in wanted if each in set(Permission)}


# ---- API keys ------------------------------------------------------------------------------------------------------

ENVIRONMENTS: Mapping[str, str] = {"development": "dev", "staging": "stg", "production": "prd"}
KEY_START = "cubano_"
_KEY = re.compile(r"cubano_(dev|stg|prd)_([0-7][0-9a-hjkmnp-tv-z]{25})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True)
class KeyText:
    """`cubano_<env>_<id>_<secret>`: the start may be shown to anybody, the secret is 256 random bits."""

    environment: str
    ulid: str
    secret: str = field(repr=False)

    @property
    def id(self) -> str:
        return f"key_{self.ulid}"

    @property
    def text(self) -> str:
        return f"{shown(self.environment, self.id)}_{self.secret}"

    @property
    def hash(self) -> str:
        return sha256(self.secret.encode()).hexdigest()


def read_key(text: str) -> KeyText | None:
    """The parts of a key; None for every other text."""
    found = _KEY.fullmatch(text)
    return KeyText(found[1], found[2], found[3]) if found else None


def shown(environment: str, key_id: str) -> str:
    """What of a key may stand in a table, a log or a ticket."""
    return f"{KEY_START}{environment}_{key_id.removeprefix('key_')}"


def is_within(ip: str, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks; no networks mean anywhere."""
    allowed = [ip_network(each) for each in networks]
    if not allowed:
        return True
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in each for each in allowed)


def client_ip(peer: str, forwarded: Iterable[str], *, hops: int) -> str:
    """The caller's address behind `hops` proxies of ours, each of which adds one to the end of X-Forwarded-For.

    Whatever stands further left was written by the caller. A list too short has not come through our proxies: the peer
    itself is taken. An IPv4 address in IPv6 clothes is undressed; what is no address is empty.
    """
    chain = [part.strip() for line in forwarded for part in line.split(",")]
    text = chain[-hops] if 0 < hops <= len(chain) else peer
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


# ---- order access tokens -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrderTokens:
    """Tokens of orders from before `order_customers`: HMAC-SHA256 of the order id, 43 URL-safe characters.

    Every order since has its token from its own data key (`vault.flow`), and its hash in the table decides. These live as
    long as their key does, or until they are replaced one by one (`cubano access order revoke`).
    """

    keys: tuple[str, ...] = field(repr=False)

    def issue(self, order_id: str) -> str:
        return _sign(self.keys[0], order_id)

    def matches(self, order_id: str, token: str) -> bool:
        """Compared in constant time against every key."""
        given = token.encode(errors="replace")  # half a surrogate pair is no token, and no reason to fail
        matches = [hmac.compare_digest(_sign(key, order_id).encode(), given) for key in self.keys]
        return any(matches)  # after all of them, so that time tells nothing of which


def _sign(key: str, order_id: str) -> str:
    digest = hmac.new(key.encode(), b"order-access:" + order_id.encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
