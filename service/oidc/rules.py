"""What is asked of the issuer, what its ID token must say, and which role that makes.

The checks of the token are those of OpenID Connect Core 3.1.3.7, made by Authlib; the algorithms are those that need the
issuer's private key. Roles come from one claim, by a table in the settings; the first line that fits decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.access.rules import Role
from service.kernel.errors import CubanoError

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
SCOPE = "openid email profile"
LEEWAY_S = 60  # our clock and the issuer's
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
        values = {said} if isinstance(said, str) else {each for each in said or () if isinstance(each, str)}
        return next((role for value, role in self.roles if value in values), None)


@dataclass(frozen=True)
class Identity:
    """Whom the issuer vouches for; `role` None when nothing it says makes one."""

    subject: str
    email: str
    email_verified: bool
    name: str
    role: Role | None


def read_id_token(token: str, keys: KeySet, rules: OidcRules, *, nonce: str, now: datetime) -> Mapping[str, Any]:
    """The claims of a token that is the issuer's, for us, of now, and the answer to our question. Raises `Distrusted`."""
    options = {
        "iss": {"essential": True, "value": rules.issuer},
        "aud": {"essential": True, "value": rules.client_id},
    }
    try:
        read = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            read.claims, read.header, options, {"nonce": nonce, "client_id": rules.client_id}
        )  # fmt: skip
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
    except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
        raise Distrusted(f"ID token: {type(error).__name__}: {error}") from error
    return dict(claims)


def identity_of(claims: Mapping[str, Any], rules: OidcRules) -> Identity:
    email, name = claims.get("email"), claims.get("name")
    email = email if isinstance(email, str) else ""
    return Identity(
        subject=f"{rules.issuer} {claims['sub']}",
        email=email,
        email_verified=claims.get("email_verified") is True,
        name=name if isinstance(name, str) and name.strip() else email.partition("@")[0] or "Somebody",
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
