"""The zones: how often one client may ask for a group of end points, in which burst, and by what it is known.

A route is in the zone its `opt` names (`{"zone": LimitZone.X}`), in none when it says why (`{"unlimited": "why"}`), else in
the one of its kind (`zone_of`). A public one that tries the token of a link says so (`{"linked": "why"}`): a wrong one is charged. The numbers fit one on-sale: a festival's wifi or a telephone company shows a thousand
buyers as one address, who all come in the minute the sale opens, look at a handful of pages each and then pay. So the
burst of what a customer needs is a thousand buyers at once, the rate what they do afterwards; one machine that only
wants to do harm meets the same ceiling, which is a fraction of what a process can answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any, Literal

from service.telemetry.labels import LimitZone

ZONE, UNLIMITED, LINKED = "zone", "unlimited", "linked"
# The switch `limits`: what all numbers are multiplied with.
NORMAL = "normal"
POSITIONS: Mapping[str, Decimal] = {NORMAL: Decimal(1), "tight": Decimal("0.5"), "loose": Decimal(2)}
_FILES = "/static/"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HOME_BITS = 64  # one household or machine has a whole IPv6 network of this length, and may use any address in it
_MINUTE_S = 60


@dataclass(frozen=True)
class Zone:
    """`burst` requests at once, then `per_minute`; `by` client (key or session, else address) or by address alone."""

    name: LimitZone
    per_minute: int
    burst: int
    by: Literal["client", "address"]
    why: str

    @cached_property
    def policy(self) -> str:
        """A member of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): the burst, and how long it takes to refill."""
        return f'"{self.name}";q={self.burst};w={ceil(self.burst * _MINUTE_S / self.per_minute)}'

    def times(self, factor: Decimal) -> "Zone":
        """The same with every number multiplied; never less than one."""
        per_minute, burst = (max(round(each * factor), 1) for each in (self.per_minute, self.burst))
        return Zone(self.name, per_minute, burst, self.by, self.why)


_Z = LimitZone
ZONES: Mapping[LimitZone, Zone] = {
    zone.name: zone
    for zone in (
        Zone(_Z.CATALOG, 12_000, 2_000, "address", "asked every few seconds while a sale opens; a cache may answer it"),
        Zone(
            _Z.CHECKOUT, 1_200, 1_000, "address", "a thousand buyers at once, then 20 a second: near what Stripe opens"
        ),
        Zone(_Z.ORDERS, 6_000, 2_000, "client", "each buyer asks again until the tickets are there"),
        Zone(
            _Z.ORDER_LINK,
            60,
            60,
            "address",
            "people who lost a letter; each address gets one in ten minutes beside this",
        ),
        Zone(_Z.API, 1_200, 300, "client", "programs and people of ours; a full page of a table is one request"),
        Zone(_Z.PAGES, 12_000, 3_000, "address", "a buyer sees five pages; the last one asks again every few seconds"),
        Zone(_Z.FORMS, 2_400, 2_000, "address", "cart and checkout form of a thousand buyers"),
        Zone(_Z.FILES, 24_000, 6_000, "address", "style, script and icon, once each"),
        Zone(
            _Z.BEACON, 1_200, 1_000, "address", "one a page view at most, and only of some; what is too much is no loss"
        ),
        Zone(_Z.SIGN_IN, 20, 20, "address", "people type; each account has a lock-out of its own beside this"),
        Zone(
            _Z.CREDENTIALS, 60, 60, "address", "wrong keys, tokens and sessions; looked at before the next one is read"
        ),
        Zone(_Z.WEBHOOKS, 60, 60, "address", "deliveries that nobody signed; a signed one is never counted"),
    )
}


def zone_of(opt: Mapping[str, Any], *, method: str, path: str) -> LimitZone | None:
    """The zone of a route's request: its own, none, or by kind."""
    if UNLIMITED in opt:
        return None
    own: LimitZone | None = opt.get(ZONE)
    if own is not None:
        return own
    if "permission" in opt:
        return LimitZone.API
    if path.startswith(_FILES):
        return LimitZone.FILES
    return LimitZone.PAGES if method in _READING else LimitZone.FORMS


@lru_cache(maxsize=4096)  # 3 µs, and a customer asks more than once
def place_of(ip: str) -> str:
    """Where the address belongs to, as one client: itself, or its IPv6 network; `unknown` for what is no address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> _HOME_BITS << _HOME_BITS)}/{_HOME_BITS}"
    return str(address)


@dataclass(frozen=True)
class Standing:
    """What is left for a client in a zone after this request; `retry_after_s` only when it was one too many."""

    zone: Zone
    limited: bool
    remaining: int
    reset_after_s: float
    retry_after_s: int = 0

    @property
    def state(self) -> str:
        """A member of `RateLimit`: how many more at once, and when it is as if there had been none."""
        return f'"{self.zone.name}";r={self.remaining};t={ceil(self.reset_after_s)}'
