"""What a delivery is: the bytes and headers an endpoint is sent, by its provider and the payload it asked for.

Stripe's snapshots are indented as the gateway's are: a receiver that verifies anything but the raw bytes fails here too.
A new kind of delivery is one more branch of `envelope`.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

import msgspec

from service.emulator import thin
from service.emulator.paypal import transmissions
from service.emulator.wire import Obj
from service.emulator.world import World

KINDS = {"stripe": "event", "paypal": "paypal.event"}  # where each provider's events lie in the books


@dataclass(frozen=True)
class Envelope:
    """One delivery, ready to be sent."""

    headers: dict[str, str]
    body: bytes


def provider_of(endpoint: Obj) -> str:
    """Endpoints kept by an earlier version name none: they are Stripe's."""
    return str(endpoint.get("provider", "stripe"))


def holds(world: World, endpoint: Obj, event_id: str) -> bool:
    """Whether the event is still there to be sent."""
    return world.store.raw(KINDS[provider_of(endpoint)], event_id) is not None


def envelope(world: World, endpoint: Obj, event_id: str, *, skew_s: int, forged: bool) -> Envelope:
    """Signed as the provider signs, by a clock `skew_s` off; a forged one by somebody who has no right to."""
    if provider_of(endpoint) == "paypal":
        return Envelope(*transmissions.transmission(world, endpoint, event_id, skew_s=skew_s, forged=forged))
    return _stripe(world, endpoint, event_id, skew_s=skew_s, forged=forged)


def _stripe(world: World, endpoint: Obj, event_id: str, *, skew_s: int, forged: bool) -> Envelope:
    if endpoint.get("payload") == "thin":
        body = thin.body(world, world.store.must("event", event_id))
    else:
        body = msgspec.json.format(world.store.raw("event", event_id) or b"", indent=2)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        # the machine's time, not the stand-in's: that may be days ahead, and a receiver would rightly refuse it
        "stripe-signature": signature(
            "not-the-secret" if forged else endpoint["secret"], body, int(time.time()) + skew_s
        ),
    }
    return Envelope(headers, body)


def signature(secret: str, body: bytes, at: int) -> str:
    """The `Stripe-Signature` of docs.stripe.com/webhooks#verify-manually; a secret being rolled is two, by comma."""
    signed = f"{at}.".encode() + body
    macs = (hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in secret.split(","))
    return ",".join([f"t={at}", *(f"v1={mac}" for mac in macs)])
