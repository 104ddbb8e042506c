"""Stripe's events: signature, envelope, and what each type means in neutral words.

The intake reads only the envelope (building the SDK's object tree costs a millisecond an event); the worker normalises.
The SDK's own check accepts any time in the future, so the window is checked here on both sides.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import stripe

from service.gateways.facts import (
    Decline,
    Envelope,
    EventKind,
    GatewayEvent,
    RefundFacts,
)
from service.kernel.errors import FieldError, Invalid, Parked, Unauthenticated
from service.kernel.money import EXPONENTS, Money

TOLERANCE = timedelta(seconds=300)  # Stripe's own recommendation for the past; the same for clocks ahead
_MOST_DIGITS = 12  # of a Unix time; enough for the next thirty thousand years
PAID = ("paid", "no_payment_required")


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
    data: _Data | None = None
    related_object: _Related | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


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
        created_at = _time(event.created)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError) as error:  # the last three: no possible time
        raise Invalid([FieldError("body", "not_an_event", "The body is not a Stripe event.")]) from error
    related = event.related_object.id if event.related_object else None
    thing = event.data.object if event.data else _Object(id=related)
    metadata = thing.metadata or {}
    return Envelope(
        event_id=event.id,
        type=event.type,
        created_at=created_at,
        livemode=event.livemode,
        subject=metadata.get("order_id") or _ref(thing.payment_intent) or thing.id or event.id,
        traceparent=metadata.get("traceparent"),
    )


def normalise(body: bytes) -> GatewayEvent:
    """The event in neutral words; `Parked` when it lacks what Stripe documents for its type."""
    try:
        event = msgspec.json.decode(body)
        return _neutral(event)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Parked("malformed", f"The event lacks what its type promises: {error!r}") from error


def _neutral(event: dict[str, Any]) -> GatewayEvent:
    thing = event["data"]["object"] if "data" in event else {}
    kind = _kind(event["type"], thing)
    metadata = thing.get("metadata") or {}
    known = {
        "provider": "stripe",
        "event_id": event["id"],
        "kind": kind,
        "type": event["type"],
        "occurred_at": _time(event["created"]),
        "order_id": metadata.get("order_id"),
        "payment_id": metadata.get("payment_id"),
    }
    if kind is EventKind.REFUND_CHANGED:
        return GatewayEvent(**known, payment_ref=_ref(thing.get("payment_intent")), refund=_refund(thing))
    if kind in {EventKind.PAYMENT_SUCCEEDED, EventKind.PAYMENT_DECLINED, EventKind.PAYMENT_CHALLENGED}:
        return GatewayEvent(
            **known,
            payment_ref=thing["id"],
            amount=_amount(_received(thing, kind), thing["currency"]),
            decline=_decline(thing),
        )
    if kind is EventKind.OTHER:
        return GatewayEvent(**known)
    return GatewayEvent(
        **known,
        checkout_ref=thing["id"],
        payment_ref=_ref(thing.get("payment_intent")),
        amount=_amount(thing["amount_total"], thing["currency"]),
    )


_KINDS = {
    "checkout.session.async_payment_succeeded": EventKind.CHECKOUT_PAID,
    "checkout.session.async_payment_failed": EventKind.CHECKOUT_FAILED,
    "checkout.session.expired": EventKind.CHECKOUT_EXPIRED,
    "payment_intent.succeeded": EventKind.PAYMENT_SUCCEEDED,
    "payment_intent.requires_action": EventKind.PAYMENT_CHALLENGED,
    "payment_intent.payment_failed": EventKind.PAYMENT_DECLINED,
    "refund.created": EventKind.REFUND_CHANGED,
    "refund.updated": EventKind.REFUND_CHANGED,
    "refund.failed": EventKind.REFUND_CHANGED,
}


TYPES = ("checkout.session.completed", *_KINDS)


def _kind(event_type: str, thing: dict[str, Any]) -> EventKind:
    if event_type == "checkout.session.completed":  # completed is not paid: a bank debit completes unpaid
        return EventKind.CHECKOUT_PAID if thing["payment_status"] in PAID else EventKind.CHECKOUT_PENDING
    return _KINDS.get(event_type, EventKind.OTHER)


def _amount(minor: int | None, currency: str | None) -> Money | None:
    """None for what no order of ours can be: a session without an amount, or a currency we do not know."""
    if minor is None or currency is None or currency.upper() not in EXPONENTS:
        return None
    return Money(minor, currency.upper())


def _received(intent: dict[str, Any], kind: EventKind) -> int:
    amount: int = intent["amount_received"] if kind is EventKind.PAYMENT_SUCCEEDED else intent["amount"]
    return amount


def _decline(intent: dict[str, Any]) -> Decline | None:
    error = intent.get("last_payment_error")
    if not error:
        return None
    return Decline(code=error.get("decline_code") or error.get("code") or "unknown", message=error.get("message") or "")


def _refund(thing: dict[str, Any]) -> RefundFacts:
    metadata = thing.get("metadata") or {}
    return RefundFacts(
        ref=thing["id"],
        status=thing["status"],
        amount=Money(thing["amount"], thing["currency"].upper()),
        payment_ref=_ref(thing.get("payment_intent")),
        refund_id=metadata.get("refund_id"),
        reason=thing.get("reason"),
        failure_reason=thing.get("failure_reason"),
    )


def _ref(value: str | dict[str, Any] | None) -> str | None:
    """An expandable field is an id, or the object itself where an endpoint expands it."""
    return value["id"] if isinstance(value, dict) else value


def _time(value: int | str) -> datetime:
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)
