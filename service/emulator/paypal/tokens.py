"""Access tokens: given for a client's id and secret, good for nine hours of the stand-in's clock, revocable at once."""

import base64
import binascii
from urllib.parse import parse_qs

from service.emulator.paypal import ids, times
from service.emulator.paypal.errors import Refused, oauth
from service.emulator.wire import Obj
from service.emulator.world import World

LIFETIME_S = 32_400
SCOPE = (
    "https://uri.paypal.com/services/checkout/one-click-with-merchant-issued-token "
    "https://uri.paypal.com/services/payments/payment/authcapture https://uri.paypal.com/services/payments/refund "
    "https://uri.paypal.com/services/applications/webhooks https://uri.paypal.com/services/disputes/read-seller "
    "https://uri.paypal.com/services/reporting/search/read openid"
)


def grant(world: World, authorization: bytes, body: bytes) -> Obj:
    """A new token; refuses unknown clients and every grant but the client's own credentials."""
    identifier, secret = _client(authorization)
    known = world.options.paypal_clients
    if not identifier or not secret or (known and (identifier, secret) not in known):
        raise oauth(401, "invalid_client", "Client Authentication failed")
    asked = parse_qs(body.decode("latin-1")).get("grant_type", [""])[0]
    if asked != "client_credentials":
        raise oauth(
            400, "unsupported_grant_type", "Grant Type is NULL" if not asked else f"unsupported grant_type: {asked}"
        )
    token = ids.token()
    world.store.put("paypal.token", {"id": token, "created": world.now(), "client": identifier})
    return {
        "scope": SCOPE,
        "access_token": token,
        "token_type": "Bearer",
        "app_id": "APP-80W284485P519543T",
        "expires_in": LIFETIME_S,
        "nonce": f"{times.now(world)}{ids.signs(32)}",
    }


def check(world: World, authorization: bytes) -> None:
    """Raises the vendor's 401 unless the header carries a token that is still good."""
    scheme, _, value = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not value:
        raise _wrong("Authorization header does not have valid access token")
    known = world.store.get("paypal.token", value.strip())
    if known is None:
        raise _wrong("Token signature verification failed")
    if world.now() >= known["created"] + LIFETIME_S:
        raise _wrong("Access Token has expired")


def revoke_all(world: World) -> None:
    world.store.forget("paypal.token")


def _wrong(why: str) -> Refused:
    return oauth(401, "invalid_token", why)


def _client(authorization: bytes) -> tuple[str, str]:
    scheme, _, value = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        identifier, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return identifier, secret
