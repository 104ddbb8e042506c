"""PayPal's events: signature, envelope, and what each type means in neutral words.

A signature is RSA and SHA-256 over `id|time|webhook id|crc32 of the raw body`
(https://developer.paypal.com/api/rest/webhooks/rest/#verify-webhook-signatures); the webhook id is ours, so an event for
another webhook does not verify. A checksum binds no body: whoever has seen one delivery can write another body to it. So a
delivery only says that something happened, and what did is fetched from PayPal under its id. A type that is not in `KINDS` is `OTHER`. Three are known and left out: ORDER.COMPLETED
says no more than its capture's own event; CAPTURE.REVERSED goes with a dispute, whose event carries the money;
ORDER.VOIDED and the like come of calls we never make.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from service.gateways.calls import Operation
from service.gateways.facts import Decline, Envelope, EventKind, GatewayEvent
from service.gateways.paypal_certs import Certificates
from service.gateways.paypal_client import PROVIDER, PayPalClient, Refused, Request
from service.gateways.paypal_objects import UNREADABLE, Capture, Dispute, Order, Refund, money_or_none, time_of
from service.gateways.paypal_words import decline_of, dispute_of, refund_ids_of, refund_of
from service.kernel.errors import FieldError, GatewayRejected, Invalid, Parked, Unauthenticated

ALGORITHM = "SHA256withRSA"
# PayPal repeats a notification for three days, and a repetition may bear the time of the first. All of them are not worth
# waiting for: what is refused here the sweep finds in PayPal's list. The shorter it is, the shorter somebody who has seen
# a delivery can make us ask for events. A second one of a known id adds nothing, whatever its body says.
PAST = timedelta(hours=1)
AHEAD = timedelta(seconds=300)  # clocks differ
_HEADER = re.compile(r"[\x21-\x7b\x7d-\x7e]{1,1000}")  # no blank and no bar: a bar would move the parts signed
_HEADERS = tuple(f"paypal-{name}" for name in ("transmission-id", "transmission-time", "transmission-sig", "cert-url"))

KINDS = {
    "CHECKOUT.ORDER.APPROVED": EventKind.CHECKOUT_APPROVED,
    "PAYMENT.CAPTURE.COMPLETED": EventKind.CHECKOUT_PAID,
    "PAYMENT.CAPTURE.PENDING": EventKind.CHECKOUT_PENDING,
    "PAYMENT.CAPTURE.DENIED": EventKind.CHECKOUT_FAILED,
    "PAYMENT.CAPTURE.DECLINED": EventKind.PAYMENT_DECLINED,
    "PAYMENT.CAPTURE.REFUNDED": EventKind.REFUND_CHANGED,
    "PAYMENT.REFUND.PENDING": EventKind.REFUND_CHANGED,
    "PAYMENT.REFUND.FAILED": EventKind.REFUND_CHANGED,
    "CUSTOMER.DISPUTE.CREATED": EventKind.DISPUTE_CHANGED,
    "CUSTOMER.DISPUTE.UPDATED": EventKind.DISPUTE_CHANGED,
    "CUSTOMER.DISPUTE.RESOLVED": EventKind.DISPUTE_CHANGED,
}
TYPES = tuple(KINDS)
EVENTS = "/v1/notifications/webhooks-events"
UNKNOWN = "unknown_event"
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")  # it becomes a part of the address, and may be a stranger's word
_NOT_THERE = frozenset({"INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"})


class _Event(msgspec.Struct):
    id: str
    event_type: str
    create_time: str
    resource: dict[str, Any] = {}


class _Named(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Event).decode
_decode_id = msgspec.json.Decoder(_Named).decode


async def check_signature(
    body: bytes,
    headers: Mapping[str, str],
    *,
    certificates: Certificates,
    webhook_ids: tuple[str, ...],
    now: datetime,
) -> None:
    """Raise `Unauthenticated` unless PayPal signed this body, for one of our webhooks, within the window around `now`."""
    told = [headers.get(name, "") for name in _HEADERS]
    if headers.get("paypal-auth-algo") != ALGORITHM or not all(_HEADER.fullmatch(each) for each in told):
        raise Unauthenticated("bad_signature")
    transmission, at, encoded, cert_url = told
    signature = _signature(encoded)
    _check_time(at, now)
    key = await certificates.key_of(cert_url, now=now)
    checksum = zlib.crc32(body)
    for webhook_id in webhook_ids:
        try:
            signed = f"{transmission}|{at}|{webhook_id}|{checksum}".encode()
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            continue
        return
    raise Unauthenticated("bad_signature")


def _signature(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Unauthenticated("bad_signature") from None


def _check_time(at: str, now: datetime) -> None:
    try:
        signed_at = time_of(at)
    except ValueError:
        raise Unauthenticated("bad_signature") from None
    if not -AHEAD <= now - signed_at <= PAST:
        raise Unauthenticated("too_old")


def read_envelope(body: bytes, *, livemode: bool) -> Envelope:
    """The few facts the inbox stores beside the bytes; `Invalid` when it is not an event at all.

    PayPal's events say nothing of the mode; a webhook belongs to one, so an event that verifies is of ours. What the
    resource says is read leniently: an odd one is stored, and parked when it is applied.
    """
    try:
        event = _decode(body)
        created_at = time_of(event.create_time)
    except UNREADABLE as error:
        raise Invalid([FieldError("body", "not_an_event", "The body is not a PayPal event.")]) from error
    told = _Told(event.resource)
    return Envelope(
        event_id=event.id,
        type=event.event_type,
        created_at=created_at,
        livemode=livemode,
        subject=told.ids.get("order_id") or told.ref or event.id,
        traceparent=told.traceparent,
    )


async def fetch_event(client: PayPalClient, body: bytes) -> bytes:
    """The event that a delivery is about, as PayPal itself has it; `Parked` where the body names none.

    PayPal's list may be a moment behind, so an id it does not know is `GatewayRejected`, which is tried again some times.
    """
    try:
        event_id = _decode_id(body).id
    except UNREADABLE as error:
        raise Parked("malformed", f"This names no event: {error!r}") from error
    if not _EVENT_ID.fullmatch(event_id):
        raise Parked(UNKNOWN, f"{event_id[:100]!r} is no id of an event")
    asked = Request("GET", f"{EVENTS}/{event_id}")
    read = partial(_read_event, event_id=event_id)
    found = await client.ask_or_refused(Operation.FETCH_EVENT, asked, read, accepts=_NOT_THERE)
    if isinstance(found, Refused):
        raise GatewayRejected(PROVIDER, UNKNOWN, f"PayPal knows no event {event_id}: forged, or not listed there yet")
    return found


def _read_event(content: bytes, *, event_id: str) -> bytes:
    if _decode(content).id != event_id:
        raise ValueError("another event than was asked for")
    return content


class _Told:
    """What any resource tells about where it belongs, whatever its shape: our ids, else the vendor's ref."""

    def __init__(self, resource: dict[str, Any]) -> None:
        unit = _first(resource.get("purchase_units"))
        disputed = _first(resource.get("disputed_transactions"))
        custom = resource.get("custom_id") or unit.get("custom_id") or disputed.get("custom")
        self.ids = refund_ids_of(custom) if isinstance(custom, str) else {}
        named = resource.get("supplementary_data"), resource.get("id"), disputed.get("seller_transaction_id")
        refs = [_order_ref(named[0]), *named[1:], resource.get("dispute_id")]
        self.ref = next((ref for ref in refs if isinstance(ref, str) and ref), None)
        trace = unit.get("reference_id")  # see `paypal.PayPalGateway.checkout_request`
        self.traceparent = trace if isinstance(trace, str) and TRACEPARENT.fullmatch(trace) else None


TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _first(value: Any) -> dict[str, Any]:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}


def _order_ref(supplement: Any) -> Any:
    related = supplement.get("related_ids") if isinstance(supplement, dict) else None
    return related.get("order_id") if isinstance(related, dict) else None


def normalise(body: bytes) -> GatewayEvent:
    """The event in neutral words; `Parked` when it lacks what PayPal documents for its type."""
    try:
        event = _decode(body)
        return _neutral(event)
    except UNREADABLE as error:
        raise Parked("malformed", f"The event lacks what its type promises: {error!r}") from error


def _neutral(event: _Event) -> GatewayEvent:
    kind = KINDS.get(event.event_type, EventKind.OTHER)
    ids = _Told(event.resource).ids
    known: dict[str, Any] = {
        "provider": PROVIDER,
        "event_id": event.id,
        "kind": kind,
        "type": event.event_type,
        "occurred_at": time_of(event.create_time),
        "order_id": ids.get("order_id"),
        "payment_id": ids.get("payment_id"),
    }
    if "purchase_units" in event.resource and not {"order_id", "payment_id"} <= ids.keys():
        return GatewayEvent(**known)  # somebody else's order, which may be of another shape than ours
    return GatewayEvent(**known, **_of_resource(kind, event.resource))


def _of_resource(kind: EventKind, resource: dict[str, Any]) -> dict[str, Any]:
    """What the resource adds, by the kind of its event."""
    match kind:
        case EventKind.OTHER:
            return {}
        case EventKind.CHECKOUT_APPROVED:
            return _of_order(msgspec.convert(resource, Order))
        case EventKind.REFUND_CHANGED:
            refund = refund_of(msgspec.convert(resource, Refund))
            return {"payment_ref": refund.payment_ref, "refund": refund}
        case EventKind.DISPUTE_CHANGED:
            dispute = dispute_of(msgspec.convert(resource, Dispute))
            return {"payment_ref": dispute.payment_ref, "dispute": dispute}
        case EventKind.PAYMENT_DECLINED if "purchase_units" in resource:  # known to come with an order and no capture
            return _of_order(msgspec.convert(resource, Order)) | {"decline": _DECLINED}
    capture = msgspec.convert(resource, Capture)
    facts = {"checkout_ref": capture.order_ref, "payment_ref": capture.id, "amount": money_or_none(capture.amount)}
    is_no = kind in {EventKind.PAYMENT_DECLINED, EventKind.CHECKOUT_FAILED}
    return facts | ({"decline": decline_of(capture) or _DECLINED} if is_no else {})


_DECLINED = Decline(code="CAPTURE_DECLINED", message="The funds could not be captured.")


def _of_order(order: Order) -> dict[str, Any]:
    return {"checkout_ref": order.id, "amount": money_or_none(order.unit.amount)}
