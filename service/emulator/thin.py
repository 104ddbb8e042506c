"""Thin events, `/v2/core/events`: what happened and to which object, without the object.

Each is another view of a snapshot event, under an id of its own made from the snapshot's, which it also names. What is
delivered to an endpoint with `payload: thin` and what is read back by id are the same.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from service.emulator import params, reads
from service.emulator.errors import GatewayRefusal
from service.emulator.events import RETAINED_S, type_matches
from service.emulator.params import text
from service.emulator.reads import Test, Window
from service.emulator.store import Row
from service.emulator.wire import Obj, decode, encode
from service.emulator.world import World

PREFIX, SNAPSHOT = "evt_test_65", "evt_"  # the id of one is the id of the other behind another beginning
VERSIONED = "v1."  # thin types of v1 objects are the snapshot's types behind this
EVENTS = "/v2/core/events"
URLS = {  # by the related object's own `object`
    "charge": "/v1/charges/",
    "checkout.session": "/v1/checkout/sessions/",
    "dispute": "/v1/disputes/",
    "payment_intent": "/v1/payment_intents/",
    "payout": "/v1/payouts/",
    "refund": "/v1/refunds/",
}


def moment(value: Any, param: str) -> int:
    """A moment of ISO 8601 as seconds."""
    try:
        return int(datetime.fromisoformat(text(value, param)).timestamp())
    except ValueError:
        raise refused("invalid_fields", f"{param} is not a date and time of ISO 8601: {value}") from None


LIST = {
    "created": {"gt": moment, "gte": moment, "lt": moment, "lte": moment},
    "limit": params.integer,
    "object_id": text,
    "page": text,
    "types": [text],
}


def refused(code: str, message: str, status: int = 400) -> GatewayRefusal:
    """v2 names only a code and a message."""
    return GatewayRefusal(status, {"type": "invalid_request_error", "code": code, "message": message})


def wants(endpoint: Obj, event_type: str) -> bool:
    """Whether an endpoint subscribes; a thin one may name its types as thin events are called."""
    return any(type_matches(wanted.removeprefix(VERSIONED), event_type) for wanted in endpoint["enabled_events"])


def body(world: World, event: Obj) -> bytes:
    """The notification for a stored snapshot event."""
    del world  # nothing in it changes after the event
    return encode(notification(event))


def notification(event: Obj) -> Obj:
    about = event["data"]["object"]
    request = event["request"]
    cause: Obj | None = None
    if request["id"] is not None:
        cause = {
            "type": "request",
            "request": {"id": request["id"], "idempotency_key": request["idempotency_key"] or ""},
        }
    return {
        "id": PREFIX + event["id"].removeprefix(SNAPSHOT),
        "object": "v2.core.event",
        "context": None,
        "created": _iso(event["created"]),
        "livemode": event["livemode"],
        "reason": cause,
        "related_object": {
            "id": about["id"],
            "type": about["object"],
            "url": URLS[about["object"]] + about["id"],
        },
        "snapshot_event": event["id"],
        "type": VERSIONED + event["type"],
    }


def retrieve(world: World, identifier: str, given: Obj) -> bytes:
    """By its own id, for thirty days."""
    params.read(given, {})
    snapshot = _snapshot_id(identifier)
    row = world.store.table("event").rows.get(snapshot)
    if row is None or reads.is_forgotten(world, row):
        raise refused("not_found", f"No such event: {identifier}", 404)
    return body(world, decode(row.raw))


def list_events(world: World, given: Obj) -> bytes:
    """Newest first; the next page is an address that carries the same filters."""
    asked = params.read(given, LIST)
    cursor = {"limit": asked.get("limit", 20)}
    if "page" in asked:
        cursor["starting_after"] = _snapshot_id(asked["page"])
    window = Window(asked.get("created", {}), world.now() - RETAINED_S)
    table = world.store.table("event")
    found, more = reads.page(table, cursor, window, _test(asked))
    data = [notification(decode(table.rows[identifier].raw)) for identifier in found]
    following = _next(given, data[-1]["id"]) if more else None
    return encode({"data": data, "next_page_url": following, "previous_page_url": None})


def _test(asked: Obj) -> Test:
    types = {name.removeprefix(VERSIONED) for name in asked.get("types", [])}
    about = asked.get("object_id")
    quoted = b"" if about is None else encode(about)

    def passes(_identifier: str, row: Row) -> bool:
        if types and row.facts["type"] not in types:
            return False
        return about is None or (quoted in row.raw and decode(row.raw)["data"]["object"]["id"] == about)

    return passes


def _next(given: Obj, last: str) -> str:
    flat = {name: value for name, value in given.items() if isinstance(value, str)} | {"page": last}
    pairs = list(flat.items())
    pairs += [(f"types[{place}]", name) for place, name in enumerate(given.get("types", []))]
    pairs += [(f"created[{name}]", value) for name, value in given.get("created", {}).items()]
    return f"{EVENTS}?{urlencode(pairs)}"


def _snapshot_id(identifier: str) -> str:
    return SNAPSHOT + identifier.removeprefix(PREFIX) if identifier.startswith(PREFIX) else ""


def _iso(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
