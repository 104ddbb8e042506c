"""What is asked of the issuer, and which role its word makes.

Roles come from one claim of the ID token, by a table in the settings; the first line that fits decides. What verifies the token is
in `flow.py`, which alone loads Authlib: a fifth of a second that only who has an issuer should pay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from service.access.rules import Role
from service.kernel.errors import CubanoError

SCOPE = "openid email profile"
MOST_NAME = 100  # characters, as many as a person's name may have here
PENDING = timedelta(minutes=10)  # how long somebody may take at the issuer's page


class IssuerAway(CubanoError):
    """The issuer does not answer, or not as OpenID Connect says."""

    status, retry_after_s = 503, 30

    def __str__(self) -> str:
        return "The sign-in service does not answer at the moment. Nothing was changed; please try again in a minute."


class Distrusted(CubanoError):
    """What came back is not what was asked for. `why` is for the log, never for the page; `status` is the page's."""

    status = 401

    def __init__(self, why: str) -> None:
        super().__init__("The answer of the sign-in service could not be verified. Please sign in again.")
        self.why = why


@dataclass(frozen=True)
class OidcRules:
    """The issuer, who we are there, and what its word is worth here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    role_claim: str
    roles: tuple[tuple[str, Role], ...]  # value of the claim, role; the first that fits

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """The role of whoever has these claims; None for somebody who has nothing to do here."""
        said = claims.get(self.role_claim)
        told = said if isinstance(said, list) else [said]
        values = {each for each in told if isinstance(each, str)}
        return next((role for value, role in self.roles if value in values), None)


@dataclass(frozen=True)
class Identity:
    """Whom the issuer vouches for; `role` None when nothing it says makes one."""

    subject: str
    email: str
    email_verified: bool
    name: str
    role: Role | None


def identity_of(claims: Mapping[str, Any], rules: OidcRules) -> Identity:
    email, name = claims.get("email"), claims.get("name")
    email = email if isinstance(email, str) else ""
    name = "".join(each if each.isprintable() else " " for each in name) if isinstance(name, str) else ""
    return Identity(
        subject=f"{rules.issuer} {claims['sub']}",
        email=email,
        email_verified=claims.get("email_verified") is True,
        name=name[:MOST_NAME].strip() or email.partition("@")[0] or "Somebody",
        role=rules.role_of(claims),
    )


def read_roles(lines: Sequence[str]) -> tuple[tuple[str, Role], ...]:
    """`tickets-finance=finance`, one a line of the setting; ValueError for what is none."""
    found = []
    for line in lines:
        value, equals, role = line.rpartition("=")
        if not value or not equals:
            raise ValueError(f"{line!r} is not of the form VALUE=role")
        found.append((value.strip(), Role(role.strip())))
    return tuple(found)


@dataclass(frozen=True)
class Asking:
    """Where to send the browser, and what it keeps meanwhile."""

    url: str
    cookie: str


class Issuer(Protocol):
    """Somebody who vouches for people; `flow.py` has the one that speaks OpenID Connect."""

    @property
    def host(self) -> str: ...
    async def begin(self) -> Asking: ...
    async def finish(self, cookie: str | None, told: Mapping[str, str]) -> Identity: ...
    async def close(self) -> None: ...
