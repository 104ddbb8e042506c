"""PayPal's endpoints, one row each: method, path, and the verb that answers. A new endpoint is a new row."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from service.emulator.paypal import captures, disputes, events, orders, refunds, reporting, signing
from service.emulator.paypal.errors import Refused, invalid, missing, not_found, refused
from service.emulator.wire import Obj, encode
from service.emulator.world import World


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, read."""

    identifier: str
    query: dict[str, str]
    body: bytes
    request_id: str | None
    mock: str | None  # an issue the caller asks to be told, by PayPal-Mock-Response
    whole: bool  # Prefer: return=representation

    def given(self) -> Any:
        """The body as JSON; an empty one is an empty object."""
        try:
            return msgspec.json.decode(self.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise invalid("MALFORMED_REQUEST_JSON", "/", "The request JSON is not well formed.") from error

    def object(self) -> Obj:
        given = self.given()
        if not isinstance(given, dict):
            raise invalid("MALFORMED_REQUEST_JSON", "/", "The request JSON is not well formed.")
        return given


@dataclass(frozen=True)
class Done:
    """What a verb answers; a body that is text is no JSON."""

    status: int
    body: Obj | str | None


Verb = Callable[[World, Call], Done]


@dataclass(frozen=True, kw_only=True)
class Route:
    method: str
    path: str
    verb: Verb
    open: bool = False  # answers without a token

    @property
    def name(self) -> str:
        return f"/paypal{self.path}"


def _create(world: World, call: Call) -> Done:
    made = orders.create(world, call.object(), request_id=call.request_id)
    return Done(201, made if call.whole else orders.minimal(made))


def _order(world: World, call: Call) -> Done:
    return Done(200, orders.retrieve(world, call.identifier))


def _patch(world: World, call: Call) -> Done:
    changes = call.given()
    if not isinstance(changes, list) or not changes:
        raise missing("/")
    orders.patch(world, call.identifier, changes)
    return Done(204, None)


def _capture(world: World, call: Call) -> Done:
    call.object()
    taken = captures.capture(world, call.identifier, mock=call.mock)
    return Done(201, taken if call.whole else orders.minimal(taken))


def _captured(world: World, call: Call) -> Done:
    return Done(200, captures.retrieve(world, call.identifier))


def _refund(world: World, call: Call) -> Done:
    made = refunds.create(world, call.identifier, call.object(), mock=call.mock)
    return Done(201, made if call.whole else refunds.minimal(made))


def _refunded(world: World, call: Call) -> Done:
    return Done(200, refunds.retrieve(world, call.identifier))


class _Postback(msgspec.Struct):
    auth_algo: str
    cert_url: str
    transmission_id: str
    transmission_sig: str
    transmission_time: str
    webhook_id: str
    webhook_event: msgspec.Raw  # byte by byte as it was sent: parsed and written again it is another one


def _verify(world: World, call: Call) -> Done:
    try:
        asked = msgspec.json.decode(call.body, type=_Postback)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise invalid("MISSING_REQUIRED_PARAMETER", "/", str(error)) from error
    event = bytes(asked.webhook_event)
    good = signing.verifies(world, {name: getattr(asked, name) for name in _Postback.__struct_fields__}, event)
    return Done(200, {"verification_status": "SUCCESS" if good else "FAILURE"})


def _webhooks(world: World, call: Call) -> Done:
    del call  # there is nothing to ask
    return Done(200, events.subscriptions(world))


def _events(world: World, call: Call) -> Done:
    return Done(200, events.listed(world, call.query))


def _event(world: World, call: Call) -> Done:
    return Done(200, events.retrieve(world, call.identifier))


def _resend(world: World, call: Call) -> Done:
    event = events.retrieve(world, call.identifier)
    world.post.resend(event["id"], event["event_type"], "paypal")
    return Done(202, event)


def _cert(world: World, call: Call) -> Done:
    chain = signing.chain(world, call.identifier)
    if chain is None:
        raise not_found()
    return Done(200, chain)


def _transactions(world: World, call: Call) -> Done:
    return Done(200, reporting.listed(world, call.query))


def _disputes(world: World, call: Call) -> Done:
    return Done(200, disputes.listed(world, call.query))


def _dispute(world: World, call: Call) -> Done:
    return Done(200, disputes.retrieve(world, call.identifier))


ROUTES = (
    Route(method="POST", path="/v2/checkout/orders", verb=_create),
    Route(method="GET", path="/v2/checkout/orders/{id}", verb=_order),
    Route(method="PATCH", path="/v2/checkout/orders/{id}", verb=_patch),
    Route(method="POST", path="/v2/checkout/orders/{id}/capture", verb=_capture),
    Route(method="GET", path="/v2/payments/captures/{id}", verb=_captured),
    Route(method="POST", path="/v2/payments/captures/{id}/refund", verb=_refund),
    Route(method="GET", path="/v2/payments/refunds/{id}", verb=_refunded),
    Route(method="POST", path="/v1/notifications/verify-webhook-signature", verb=_verify),
    Route(method="GET", path="/v1/notifications/webhooks", verb=_webhooks),
    Route(method="GET", path="/v1/notifications/webhooks-events", verb=_events),
    Route(method="GET", path="/v1/notifications/webhooks-events/{id}", verb=_event),
    Route(method="POST", path="/v1/notifications/webhooks-events/{id}/resend", verb=_resend),
    Route(method="GET", path="/v1/notifications/certs/{id}", verb=_cert, open=True),
    Route(method="GET", path="/v1/reporting/transactions", verb=_transactions),
    Route(method="GET", path="/v1/customer/disputes", verb=_disputes),
    Route(method="GET", path="/v1/customer/disputes/{id}", verb=_dispute),
)
PATTERNS = tuple((re.compile("/paypal" + route.path.replace("{id}", r"([\w-]+)")), route) for route in ROUTES)


def find(method: str, path: str) -> tuple[Route, str] | None:
    """The route and the id its path names; None where there is none."""
    for pattern, route in PATTERNS:
        found = pattern.fullmatch(path) if route.method == method else None
        if found is not None:
            return route, found[1] if found.groups() else ""
    return None


def unknown() -> Refused:
    return refused("RESOURCE_NOT_FOUND", {"issue": "INVALID_URI", "description": "The requested URI is invalid."})


def encoded(done: Done) -> bytes:
    if done.body is None:
        return b""
    return done.body.encode() if isinstance(done.body, str) else encode(done.body)
