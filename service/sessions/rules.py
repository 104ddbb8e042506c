"""How long a session lasts, what its cookie is called, and what a request must show before it changes anything.

A browser sends cookies with whatever other sites make it send. So a request that changes something needs two things no other
site can give: our own origin in headers that scripts cannot write, and the session's own token.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
HALF_OPEN = timedelta(minutes=10)  # to find one's telephone
SEEN_EVERY = timedelta(minutes=1)  # how exactly it is known when a session was seen last
COOKIE = "cubano_staff"  # with what `cookie_named` puts in front


class Awaits(StrEnum):
    """The step a sign-in still misses."""

    CODE = "code"
    ENROLMENT = "enrolment"
    PASSWORD = "password"  # noqa: S105 - the step, not one


class Method(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the way, not one
    OIDC = "oidc"


@dataclass(frozen=True)
class SessionRules:
    """`idle` ends a session nobody uses, `longest` every one; `own_origin` is where our pages stand."""

    idle: timedelta
    longest: timedelta
    own_origin: str

    @property
    def secure(self) -> bool:
        return self.own_origin.startswith("https://")

    def cookie_named(self, name: str) -> str:
        """`__Host-` where there is TLS: then no other host, no path and no plain HTTP can have set it."""
        return f"__Host-{name}" if self.secure else name

    @property
    def cookie(self) -> str:
        return self.cookie_named(COOKIE)

    def is_over(self, *, now: datetime, seen_at: datetime, ends_at: datetime) -> bool:
        return now >= ends_at or now - seen_at >= self.idle

    def sees_again(self, *, now: datetime, seen_at: datetime) -> bool:
        """Whether it is time to write down that it was seen."""
        return now - seen_at >= min(SEEN_EVERY, self.idle / 10)


def id_of(token: str) -> str:
    """What the table holds of a cookie's token."""
    return sha256(token.encode(errors="replace")).hexdigest()


def is_same_origin(headers: Mapping[str, str], own_origin: str) -> bool:
    """Whether our own page sent this. A request that says nothing of it is none of a browser's, and refused, too."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == origin_of(own_origin)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_token(given: str | None, kept: str) -> bool:
    return hmac.compare_digest((given or "").encode(errors="replace"), kept.encode())
