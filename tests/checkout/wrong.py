"""Requests that are wrong, one row each: what is sent, and the fields the answer must name with their codes."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.stage import buyer

LONGEST_NAME = 200
LONGEST_URL = 2048


@dataclass(frozen=True)
class Wrong:
    """`body` is sent as JSON, or as it is when it is bytes."""

    why: str
    body: Any
    fields: dict[str, str]
    code: str = "invalid_request"
    status: int = 400
    headers: dict[str, str | None] = field(default_factory=dict)  # None takes a header away

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def item(ticket_type: Any = "full-pass", quantity: Any = 1, **more: Any) -> dict[str, Any]:
    return {"ticketType": ticket_type, "quantity": quantity, **more}


def customer(**changes: Any) -> dict[str, Any]:
    return buyer(customer={"email": "ana@example.org", "name": "Ana Pérez", **changes})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in buyer().items() if key != name}


def not_json(why: str, body: bytes) -> Wrong:
    return Wrong(why, body, {"body": "not_json"}, code="invalid_json")


def quantity(value: Any, code: str) -> Wrong:
    return Wrong(f"quantity {value!r}", buyer(items=[item(quantity=value)]), {"items[0].quantity": code})


def email(why: str, value: Any, code: str = "invalid_email") -> Wrong:
    return Wrong(f"e-mail: {why}", customer(email=value), {"customer.email": code})


def name(why: str, value: Any, code: str = "invalid") -> Wrong:
    return Wrong(f"name: {why}", customer(name=value), {"customer.name": code})


def url(value: Any) -> Wrong:
    return Wrong(f"address {value!r}", buyer(successUrl=value), {"successUrl": "invalid_url"})


def key(why: str, value: str | None, code: str) -> Wrong:
    wrong = {"Idempotency-Key": "invalid" if value else "required"}
    return Wrong(f"key: {why}", buyer(), wrong, code=code, headers={"Idempotency-Key": value})


NOT_JSON = (
    not_json("nothing at all", b""),
    not_json("not JSON", b"items=full-pass"),
    not_json("cut off", b'{"items": ['),
    not_json("a trailing comma", b'{"items": [],}'),
    not_json("two documents", b"{}{}"),
    not_json("not UTF-8", b'{"locale": "\xff"}'),
    not_json("UTF-16", '{"locale": "en"}'.encode("utf-16")),
    not_json("NaN is not JSON", b'{"items": [{"ticketType": "full-pass", "quantity": NaN}]}'),
    not_json("half a surrogate pair is no text", b'{"locale": "\\ud83d"}'),
    not_json("nested beyond reason", b"[" * 30_000),
    not_json("nested objects beyond reason", b'{"a":' * 10_000),
)

SHAPE = (
    Wrong("a list", [], {"body": "not_an_object"}),
    Wrong("null", None, {"body": "not_an_object"}),
    Wrong("a text", "full-pass", {"body": "not_an_object"}),
    Wrong("nothing in it", {}, {"items": "required", "customer": "required", "locale": "unknown_locale"}),
    Wrong("no items", without("items"), {"items": "required"}),
    Wrong("items are no list", buyer(items={"full-pass": 2}), {"items": "required"}),
    Wrong("empty items", buyer(items=[]), {"items": "required"}),
    Wrong("21 items", buyer(items=[item(f"type-{each}") for each in range(21)]), {"items": "too_many"}),
    Wrong("an item is a text", buyer(items=["full-pass"]), {"items[0]": "not_an_object"}),
    Wrong("no customer", without("customer"), {"customer": "required"}),
    Wrong("customer is a text", buyer(customer="ana@example.org"), {"customer": "required"}),
    # The price is the catalogue's; a client that sends one believes otherwise, and is told.
    Wrong("a price", buyer(items=[item(price=1)]), {"items[0].price": "unknown_field"}),
    Wrong("unknown field on top", buyer(discount=100), {"discount": "unknown_field"}),
    Wrong("unknown field of the customer", customer(phone="+1 303 555 0100"), {"customer.phone": "unknown_field"}),
    Wrong(
        "everything at once",
        {"items": [item(quantity=0), item("", 1)], "customer": {"email": "ana", "name": ""}, "locale": "fr", "x": 1},
        {
            "x": "unknown_field",
            "items[0].quantity": "out_of_range",
            "items[1].ticketType": "required",
            "customer.email": "invalid_email",
            "customer.name": "required",
            "locale": "unknown_locale",
        },
    ),
)

TICKETS = (
    quantity(0, "out_of_range"),
    quantity(-1, "out_of_range"),
    quantity(10**9, "out_of_range"),
    quantity(10**30, "out_of_range"),  # wider than any column
    quantity(True, "not_an_integer"),  # Python takes it for 1
    quantity("2", "not_an_integer"),
    quantity(1.5, "not_an_integer"),
    quantity(1.0, "not_an_integer"),
    quantity(None, "not_an_integer"),
    quantity([1], "not_an_integer"),
    quantity(9, "above_limit"),  # of a full pass 8 go into one order
    Wrong("no quantity", buyer(items=[{"ticketType": "full-pass"}]), {"items[0].quantity": "not_an_integer"}),
    Wrong("unknown ticket", buyer(items=[item("backstage")]), {"items[0].ticketType": "unknown_ticket_type"}),
    Wrong("another spelling", buyer(items=[item("Full-Pass")]), {"items[0].ticketType": "unknown_ticket_type"}),
    Wrong("NUL in it", buyer(items=[item("full-pass\0")]), {"items[0].ticketType": "unknown_ticket_type"}),
    Wrong("no ticket type", buyer(items=[{"quantity": 1}]), {"items[0].ticketType": "required"}),
    Wrong("ticket type is a number", buyer(items=[item(7)]), {"items[0].ticketType": "required"}),
    Wrong("withdrawn from sale", buyer(items=[item("withdrawn")]), {"items[0].ticketType": "unknown_ticket_type"}),
    Wrong("listed twice", buyer(items=[item(), item()]), {"items[1].ticketType": "duplicate"}),
    Wrong("two currencies", buyer(items=[item(), item("euro-pass")]), {"items": "mixed_currencies"}),
    Wrong(
        "each wrong line is named",
        buyer(items=[item("backstage"), item(quantity=9), item("friday-day", 1)]),
        {"items[0].ticketType": "unknown_ticket_type", "items[1].quantity": "above_limit"},
    ),
)

CUSTOMER = (
    email("absent", None, "required"),
    email("empty", "", "required"),
    email("blank", "   ", "required"),
    email("a number", 7, "required"),
    email("no at", "ana.example.org"),
    email("two ats", "ana@pérez@example.org"),
    email("a local part that not every mail server takes", "josé@example.org"),
    email("longer than an address can be", "a" * 250 + "@example.org"),
    email("as long as a body can be, and slow to check", "ö" * 9_000 + "@example.org"),
    email("no host", "ana@"),
    email("no local part", "@example.org"),
    email("no dot", "ana@example"),
    email("dots in a row", "ana..p@example.org"),
    email("a space", "ana p@example.org"),
    email("a second header", "ana@example.org\r\nBcc: all@example.org"),
    email("a second recipient", "ana@example.org,bo@example.org"),
    email("with a name", "Ana <ana@example.org>"),
    email("NUL", "ana\0@example.org"),
    email("an address instead of a host", "ana@[127.0.0.1]"),
    email("local part too long", "a" * 65 + "@example.org"),
    email("too long", "ana@" + "a" * 60_000 + ".org"),
    name("absent", None, "required"),
    name("empty", "", "required"),
    name("blank", " \t ", "required"),
    name("a list", ["Ana"], "required"),
    name("NUL", "Ana\0Pérez"),
    name("line break", "Ana\nPérez"),
    name("escape", "Ana\x1b[2J"),
    name("C1 control character", "Ana\x9bPérez"),
    name("line separator", "Ana\u2028Pérez"),
    name("turns the text around", "Ana\u202egpj.exe"),
    name("one too long", "a" * (LONGEST_NAME + 1)),
    name("very long", "a" * 60_000),
    Wrong("no locale", without("locale"), {"locale": "unknown_locale"}),
    Wrong("unknown locale", buyer(locale="fr"), {"locale": "unknown_locale"}),
    Wrong("locale with region", buyer(locale="en-US"), {"locale": "unknown_locale"}),
    Wrong("locale is a list", buyer(locale=["en"]), {"locale": "unknown_locale"}),
    Wrong("unknown provider", buyer(provider="cash"), {"provider": "unknown_provider"}),
    Wrong("provider is a number", buyer(provider=1), {"provider": "unknown_provider"}),
    Wrong("empty provider", buyer(provider=""), {"provider": "unknown_provider"}),
)

ADDRESSES = (
    url("javascript:alert(1)"),
    url("JaVaScRiPt://example.org/%0aalert(1)"),
    url("data:text/html,hello"),
    url("http://elsewhere.example/thanks"),  # plain http only to ourselves
    url("ftp://example.org/"),
    url("//example.org/thanks"),
    url("/thanks"),
    url("thanks"),
    url(""),
    url("https://"),  # no host
    url("https:///thanks"),
    url("https://:443/"),
    url("https://[::1/"),  # no address
    url("https://example.org:99999/"),  # no port
    url("https://exa mple.org/"),
    url("https://example.org/a b"),
    url("https://example.org/\nX: 1"),
    url("https://ana:secret@example.org/"),  # a password has no business in a link
    url("https://festival.example\\@elsewhere.example/"),  # browsers and parsers disagree about whose this is
    url("https://example.org/" + "a" * LONGEST_URL),
    url(7),
    url(["https://example.org/"]),
    Wrong("the other one too", buyer(cancelUrl="javascript:alert(1)"), {"cancelUrl": "invalid_url"}),
)

KEYS = (
    key("absent", None, "idempotency_key_missing"),
    key("empty", "", "idempotency_key_missing"),
    key("with a space", "one two", "idempotency_key_invalid"),
    key("with a tab", "one\ttwo", "idempotency_key_invalid"),
    key("not ASCII", "clavé", "idempotency_key_invalid"),
    key("too long", "k" * 256, "idempotency_key_invalid"),
)

CARRIED = (
    Wrong("1 MB", b" " * 1_000_000, {}, code="body_too_large", status=413),
    Wrong("one byte more than taken", b" " * 65_537, {}, code="body_too_large", status=413),
    Wrong("a form", buyer(), {}, "unsupported_media_type", 415, {"Content-Type": "application/x-www-form-urlencoded"}),
    Wrong("a text", buyer(), {}, "unsupported_media_type", 415, {"Content-Type": "text/plain"}),
    Wrong("another JSON", buyer(), {}, "unsupported_media_type", 415, {"Content-Type": "application/vnd.api+json"}),
    Wrong("no content type", buyer(), {}, "unsupported_media_type", 415, {"Content-Type": None}),
    Wrong("an empty content type", buyer(), {}, "unsupported_media_type", 415, {"Content-Type": ""}),
)
