"""Stripe's events at the door and on the way in: signature, envelope, and the object behind a thin one.

The intake reads only the envelope (building the SDK's object tree costs a millisecond an event); the worker normalises
(`stripe_words`). The SDK's own check accepts any time in the future, so the window is checked here on both sides. A thin
event that names its snapshot has the snapshot's id, so an endpoint of each kind for one account is one event here.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import stripe

from service.gateways.calls import Operation
from service.gateways.facts import Envelope
from service.gateways.stripe_line import Line
from service.gateways.stripe_words import THIN, TYPES, VERSIONED, ref_of, time_of
from service.kernel.errors import FieldError, GatewayRejected, Invalid, Parked, Unauthenticated

TOLERANCE = timedelta(seconds=300)  # Stripe's own recommendation for the past; the same for clocks ahead
_MOST_DIGITS = 12  # of a Unix time; enough for the next thirty thousand years


class _Related(msgspec.Struct):
    id: str | None = None


class _Object(msgspec.Struct):
    id: str | None = None
    payment_intent: str | dict[str, Any] | None = None
    metadata: dict[str, str] | None = None


class _Data(msgspec.Struct):
    object: _Object


class _Envelope(msgspec.Struct):
    id: str
    type: str
    created: int | str
    livemode: bool
    object: str = ""
    data: _Data | None = None
    related_object: _Related | None = None
    snapshot_event: str | None = None


class _Named(msgspec.Struct):
    id: str
    type: str


class _Thin(msgspec.Struct):
    id: str
    type: str
    created: int | str
    livemode: bool
    related_object: _Named
    snapshot_event: str | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_thin = msgspec.json.Decoder(_Thin).decode


def check_signature(body: bytes, header: str, secrets: tuple[str, ...], *, now: datetime) -> None:
    """Raise `Unauthenticated` unless one of the secrets signed this body within the window around `now`."""
    signed_at = _signed_at(header)
    if signed_at is None or not any(_signed_by(body, header, secret) for secret in secrets):
        raise Unauthenticated("bad_signature")
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise Unauthenticated("too_old")


def _signed_at(header: str) -> int | None:
    """The header's one time; None for a header the SDK would stumble over or read in another way than we do."""
    times = [part[2:] for part in header.split(",") if part.startswith("t=")]
    if not header.isascii() or len(times) != 1 or not times[0].isdecimal() or len(times[0]) > _MOST_DIGITS:
        return None
    return int(times[0])


def _signed_by(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def read_envelope(body: bytes) -> Envelope:
    """The few facts the inbox stores beside the bytes; `Invalid` when it is not an event at all."""
    try:
        event = _decode_envelope(body)
        created_at = time_of(event.created)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError) as error:  # the last three: no possible time
        raise Invalid([FieldError("body", "not_an_event", "The body is not a Stripe event.")]) from error
    related = event.related_object.id if event.related_object else None
    thing = event.data.object if event.data else _Object(id=related)
    metadata = thing.metadata or {}
    return Envelope(
        event_id=event.snapshot_event or event.id,
        type=event.type,
        created_at=created_at,
        livemode=event.livemode,
        subject=metadata.get("order_id") or ref_of(thing.payment_intent) or thing.id or event.id,
        traceparent=metadata.get("traceparent"),
        # of no concern to us: not worth a fetch, it is ignored as it is
        is_thin=event.object == THIN and event.type.removeprefix(VERSIONED) in TYPES,
    )


async def fetch_event(line: Line, body: bytes) -> bytes:
    """The snapshot a thin event names, or a snapshot made of the object as it is now; `Parked` for no thin event.

    An event is kept there for thirty days, its object for ever. Raises `GatewayError`.
    """
    try:
        thin = _decode_thin(body)
    except msgspec.DecodeError as error:
        raise Parked("malformed", f"This is no thin event of an object: {error}") from error
    if thin.snapshot_event is not None:
        try:
            async with line.call(Operation.FETCH_EVENT):
                event = await line.v1.events.retrieve_async(thin.snapshot_event)
            return msgspec.json.encode(event.to_dict(for_json=True))
        except GatewayRejected as error:
            if error.code != "resource_missing":
                raise
    return _event_about(thin, await _fetch_object(line, thin.related_object))


async def _fetch_object(line: Line, named: _Named) -> dict[str, Any]:
    services: dict[str, Any] = {
        "checkout.session": line.v1.checkout.sessions,
        "payment_intent": line.v1.payment_intents,
        "refund": line.v1.refunds,
        "dispute": line.v1.disputes,
    }
    if named.type not in services:
        raise Parked("malformed", f"A thin event of a {named.type} is none that we asked for")
    async with line.call(Operation.FETCH_EVENT):
        found = await services[named.type].retrieve_async(named.id)
    values: dict[str, Any] = found.to_dict(for_json=True)
    return values


def _event_about(thin: _Thin, thing: dict[str, Any]) -> bytes:
    event = {
        "id": thin.snapshot_event or thin.id,
        "object": "event",
        "type": _type_now(thin.type.removeprefix(VERSIONED), thing),
        "created": thin.created,
        "livemode": thin.livemode,
        "data": {"object": thing},
    }
    return msgspec.json.encode(event)


def _type_now(event_type: str, thing: dict[str, Any]) -> str:
    """An intent may have gone on since: declined then, paid now; the object's word is the later one."""
    if thing.get("object") != "payment_intent":
        return event_type
    return {
        "succeeded": "payment_intent.succeeded",
        "requires_action": "payment_intent.requires_action",
    }.get(thing["status"], event_type)
