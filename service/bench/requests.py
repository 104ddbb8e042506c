"""The requests a load consists of: built before the clock starts, each different, as a client sends them on the wire."""

import hashlib
import hmac
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

EVENT_ID = "evt_bench_"
_SAMPLE_EVENT = Path(__file__).parent / "event.json"
_NUMBER = b"0" * 16  # stands in the sample wherever two events differ
_SAMPLE_TIME = b"1700000000"
_CHECKOUT = {
    "items": [{"ticketType": "full-pass", "quantity": 1}],
    "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
    "locale": "en",
}


def event_bodies(first: int) -> Iterator[bytes]:
    """Paid checkouts as the gateway tells of them, about 3 KB each; `first` keeps the ids of two loads apart."""
    sample = _SAMPLE_EVENT.read_bytes().replace(_SAMPLE_TIME, b"%d" % time.time())
    for number in itertools.count(first):
        yield sample.replace(_NUMBER, b"%016x" % number)


def webhooks(host: str, first: int, secret: str) -> Iterator[bytes]:
    """Signed deliveries of different events."""
    for body in event_bodies(first):
        signed_at = int(time.time())
        digest = hmac.new(secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={signed_at},v1={digest}"}
        yield request_of("POST /api/payment/webhook", host, headers, body)


def checkouts(host: str, first: int, _secret: str, *, types: int = 0) -> Iterator[bytes]:
    """One pass each, all of the same type: the counter every buyer wants at once; or of so many `types` in turn."""
    body = json.dumps(_CHECKOUT)
    for number in itertools.count(first):
        wish = body.replace("full-pass", f"full-pass-{number % types}") if types else body
        key = {"Idempotency-Key": f"bench-{number:016x}"}
        yield request_of("POST /api/payment/checkout-session", host, key, wish.encode())


def gateway_request() -> str:
    """What is stored with an intent: the fields of a checkout session, about 1 KB."""
    event = json.loads(_SAMPLE_EVENT.read_bytes())["data"]["object"]
    names = ("mode", "client_reference_id", "customer_email", "locale", "success_url", "cancel_url", "metadata")
    request = {name: event[name] for name in names}
    line = {
        "quantity": 1,
        "price_data": {"currency": "usd", "unit_amount": 24900, "product_data": {"name": "Full Pass"}},
    }
    intent = {"metadata": event["metadata"], "description": "Order ALC-7K4M-9QXT"}
    return json.dumps({**request, "line_items": [line], "payment_intent_data": intent})


def empties(host: str, _first: int, _secret: str) -> Iterator[bytes]:
    """The cheapest question there is."""
    return itertools.repeat(request_of("GET /health/live", host, {}, b""))


KINDS: dict[str, Callable[[str, int, str], Iterator[bytes]]] = {
    "webhook-ingest": webhooks,
    "checkout": checkouts,
    "checkout-apart": partial(checkouts, types=64),  # a type for each buyer of a flash sale
    "http-empty": empties,
}


def order_look_ups(host: str, key: str, orders: int) -> Iterator[bytes]:
    """One order after the other, all over the table, in an order of their own that is the same each time."""
    dice = random.Random(orders)  # noqa: S311 - which orders is no secret
    while True:
        target = f"GET /api/payment/order/{planted_id(dice.randint(1, orders))}"
        yield request_of(target, host, {"Authorization": f"Bearer {key}"}, b"")


def history_pages(host: str, key: str, _orders: int, *, query: str = "") -> Iterator[bytes]:
    """The first page of the history, again and again."""
    target = f"GET /api/payment/transaction-history{query}"
    return itertools.repeat(request_of(target, host, {"Authorization": f"Bearer {key}"}, b""))


READS: dict[str, Callable[[str, str, int], Iterator[bytes]]] = {
    "order look-up": order_look_ups,
    "history, first page": history_pages,
    "history, type and provider": partial(history_pages, query="?type=payment&provider=paypal"),
}


def planted_id(number: int) -> str:
    """The id of an order that `plant` has made."""
    return f"ord_{number:026}"


def request_of(target: str, host: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One request on the wire."""
    known = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = [f"{target} HTTP/1.1", *(f"{name}: {value}" for name, value in known.items()), "", ""]
    return "\r\n".join(lines).encode() + body
