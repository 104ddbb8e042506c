"""Send somebody to the issuer, and read what comes back: authorization code with PKCE, state and nonce.

What belongs to one sign-in travels in a sealed cookie of its own browser, so nothing is stored here and nobody can finish
another one's. Only the issuer of the settings is ever asked, and only at the addresses its own description gives; the
description is read again after an hour, its keys also when a token names one we do not know, at most once a minute.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.auth import encode_client_secret_basic, encode_client_secret_post
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from service.kernel.clock import Clock
from service.kernel.ids import Ids
from service.kernel.seals import Seals, Unsealable
from service.oidc.rules import PENDING, SCOPE, Asking, Distrusted, Identity, IssuerAway, OidcRules, identity_of
from service.telemetry.logs import get_logger

TIMEOUT_S = 5.0
FRESH_S, KEYS_AGAIN_S = 3600.0, 60.0
MOST_BYTES = 262_144  # of an answer of the issuer
OK = 200
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")  # those that need the issuer's private key
LEEWAY_S = 60  # our clock and the issuer's
_SUBJECT = "oidc"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

log = get_logger("oidc")


class Pending(msgspec.Struct):
    """One sign-in that is under way at the issuer."""

    state: str
    nonce: str
    verifier: str
    until: float  # seconds since 1970


@dataclass(frozen=True)
class _Described:
    endpoints: Mapping[str, str]
    posts_secret: bool  # the issuer takes the secret in the form only
    keys: KeySet
    read_at: float


class OpenIdIssuer:
    """The one issuer; built in the root, closed with it."""

    def __init__(
        self, rules: OidcRules, seals: Seals, *, clock: Clock, ids: Ids, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self.rules = rules
        self._seals = seals
        self._clock = clock
        self._ids = ids
        self._tick = tick
        self._known: _Described | None = None
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)

    @property
    def host(self) -> str:
        """Whom people know it by."""
        return urlsplit(self.rules.issuer).hostname or ""

    async def close(self) -> None:
        await self._http.aclose()

    async def begin(self) -> Asking:
        """Ask the issuer who this is. Raises `IssuerAway`."""
        described = await self._describe()
        until = (self._clock() + PENDING).timestamp()
        pending = Pending(self._ids.token(), self._ids.token(), self._ids.token(48), until)
        url = prepare_grant_uri(
            described.endpoints["authorization_endpoint"],
            client_id=self.rules.client_id,
            response_type="code",
            redirect_uri=self.rules.redirect_uri,
            scope=SCOPE,
            state=pending.state,
            nonce=pending.nonce,
            code_challenge=create_s256_code_challenge(pending.verifier),
            code_challenge_method="S256",
        )
        return Asking(url, self._seals.seal(msgspec.json.encode(pending).decode(), _SUBJECT))

    async def finish(self, cookie: str | None, told: Mapping[str, str]) -> Identity:
        """Whom the issuer vouches for, after it has sent the browser back. Raises `Distrusted`, `IssuerAway`."""
        pending = self._pending(cookie)
        if not hmac.compare_digest(told.get("state", "").encode(errors="replace"), pending.state.encode()):
            raise Distrusted("another state")
        if told.get("iss", self.rules.issuer) != self.rules.issuer:  # RFC 9207
            raise Distrusted("another issuer")
        if "code" not in told:
            raise Distrusted(f"no code: {told.get('error', '')[:100]}")
        token = await self._redeem(told["code"], pending.verifier)
        keys = await self._keys_for(token)
        claims = read_id_token(token, keys, self.rules, nonce=pending.nonce, now=self._clock())
        return identity_of(claims, self.rules)

    def _pending(self, cookie: str | None) -> Pending:
        try:
            pending = msgspec.json.decode(self._seals.open(cookie or "", _SUBJECT), type=Pending)
        except (Unsealable, msgspec.DecodeError) as error:
            raise Distrusted("not begun by this browser") from error
        if self._clock().timestamp() >= pending.until:
            raise Distrusted("begun too long ago")
        return pending

    async def _redeem(self, code: str, verifier: str) -> str:
        """The ID token behind the code; the issuer gives it once."""
        described = await self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.rules.redirect_uri,
            "code_verifier": verifier,
        }
        url, body = described.endpoints["token_endpoint"], str(httpx.QueryParams(form))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        prove = encode_client_secret_post if described.posts_secret else encode_client_secret_basic
        _, headers, body = prove(self.rules, "POST", url, headers, body)
        answer = await self._ask("POST", url, headers=headers, content=body)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Distrusted(f"no ID token for the code: {str(answer.get('error', ''))[:100]}")
        return token

    async def _keys_for(self, token: str) -> KeySet:
        """The issuer's keys; read again when the token names one that is not among them."""
        described = await self._describe()
        try:
            kid = extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError) as error:
            raise Distrusted(f"ID token: {error}") from error
        unknown = kid is not None and all(each.kid != kid for each in described.keys)
        if unknown and self._tick() - described.read_at >= KEYS_AGAIN_S:
            described = await self._read()
        return described.keys

    async def _describe(self) -> _Described:
        if self._known is None or self._tick() - self._known.read_at >= FRESH_S:
            return await self._read()
        return self._known

    async def _read(self) -> _Described:
        issuer = self.rules.issuer
        read_at = self._tick()
        found = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        endpoints = {name: found.get(name) for name in _ENDPOINTS}
        if found.get("issuer") != issuer or not all(_is_fit(each, issuer) for each in endpoints.values()):
            log.warning("the issuer describes somebody else, or addresses without TLS", issuer=issuer)
            raise IssuerAway
        ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        try:
            keys = KeySet.import_key_set(await self._ask("GET", str(endpoints["jwks_uri"])))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("the issuer's keys cannot be read", issuer=issuer, error=str(error))
            raise IssuerAway from error
        known = {name: str(url) for name, url in endpoints.items()}
        self._known = _Described(known, "client_secret_basic" not in ways, keys, read_at)
        return self._known

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """The JSON object it answers; a refusal of ours (4xx) is one, too, for whoever asked to read."""
        try:
            async with self._http.stream(method, url, **more) as answer:
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise IssuerAway
            found = msgspec.json.decode(body)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            log.warning("the issuer does not answer", path=urlsplit(url).path, error=type(error).__name__)
            raise IssuerAway from error
        if not isinstance(found, dict) or answer.is_server_error or (method == "GET" and answer.status_code != OK):
            log.warning("the issuer does not answer well", path=urlsplit(url).path, status=answer.status_code)
            raise IssuerAway
        return found


def read_id_token(token: str, keys: KeySet, rules: OidcRules, *, nonce: str, now: datetime) -> Mapping[str, Any]:
    """The claims of a token that is the issuer's, for us, of now, and the answer to our question. Raises `Distrusted`.

    The checks are those of OpenID Connect Core 3.1.3.7.
    """
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


def _is_fit(url: object, issuer: str) -> bool:
    """With TLS, or as the issuer itself stands on this machine."""
    if not isinstance(url, str):
        return False
    return url.startswith("https://") or (
        issuer.startswith("http://") and urlsplit(url).hostname == urlsplit(issuer).hostname
    )
