"""The API's endpoints, one row each: method, path, and the verb that answers. A new endpoint is a new row."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from service.emulator import disputes, pages, payouts, reads, refunds, search, sessions, thin
from service.emulator.wire import Obj
from service.emulator.world import Cause, World


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, read."""

    path: str
    identifier: str
    given: Obj
    cause: Cause
    version: str


Verb = Callable[[World, Call], bytes]


@dataclass(frozen=True, kw_only=True)
class Route:
    """`name` is the path as a template: what metrics and idempotency errors say."""

    method: str
    name: str
    verb: Verb


def _retrieve(kind: str, world: World, call: Call) -> bytes:
    return reads.retrieve(world, kind, call.identifier, call.given)


def _list(kind: str, world: World, call: Call) -> bytes:
    return reads.list_objects(world, kind, call.given, call.path)


def _search(kind: str, world: World, call: Call) -> bytes:
    return search.search(world, kind, call.given, call.path)


def _line_items(world: World, call: Call) -> bytes:
    return reads.list_line_items(world, call.identifier, call.given, call.path)


def _expire(world: World, call: Call) -> bytes:
    return sessions.expire(world, call.identifier, call.given, call.cause)


def _open(world: World, call: Call) -> bytes:
    return sessions.create(world, call.given, call.cause, call.version)


def _confirm_page(world: World, call: Call) -> bytes:
    return pages.confirm(world, call.identifier, call.given, call.cause)


def _make_method(world: World, call: Call) -> bytes:
    return pages.make_method(world, call.given)


def _refund(world: World, call: Call) -> bytes:
    return refunds.create(world, call.given, call.cause, call.version)


def _cancel_refund(world: World, call: Call) -> bytes:
    return refunds.cancel(world, call.identifier, call.given, call.cause)


def _answer_dispute(world: World, call: Call) -> bytes:
    return disputes.update(world, call.identifier, call.given, call.cause)


def _accept_dispute(world: World, call: Call) -> bytes:
    return disputes.accept(world, call.identifier, call.given, call.cause)


def _balance(world: World, call: Call) -> bytes:
    return payouts.shown_balance(world, call.given)


def _thin_event(world: World, call: Call) -> bytes:
    return thin.retrieve(world, call.identifier, call.given)


def _thin_events(world: World, call: Call) -> bytes:
    return thin.list_events(world, call.given)


def _charge_refunds(world: World, call: Call) -> bytes:
    return reads.list_objects(world, "refund", {**call.given, "charge": call.identifier}, call.path)


def _read_only(kind: str, path: str) -> tuple[Route, Route]:
    return (
        Route(method="GET", name=path, verb=partial(_list, kind)),
        Route(method="GET", name=path + "/{id}", verb=partial(_retrieve, kind)),
    )


SESSIONS = "/v1/checkout/sessions"
ROUTES = (
    Route(method="POST", name=SESSIONS, verb=_open),
    *_read_only("checkout.session", SESSIONS),
    Route(method="GET", name=SESSIONS + "/{id}/line_items", verb=_line_items),
    Route(method="POST", name=SESSIONS + "/{id}/expire", verb=_expire),
    Route(method="GET", name="/v1/payment_pages/{id}", verb=partial(_retrieve, "checkout.session")),
    Route(method="POST", name="/v1/payment_pages/{id}/confirm", verb=_confirm_page),
    Route(method="POST", name="/v1/payment_methods", verb=_make_method),
    Route(method="GET", name="/v1/payment_methods/{id}", verb=partial(_retrieve, "payment_method")),
    Route(method="POST", name="/v1/refunds", verb=_refund),
    Route(method="POST", name="/v1/refunds/{id}/cancel", verb=_cancel_refund),
    Route(method="GET", name="/v1/charges/{id}/refunds", verb=_charge_refunds),
    Route(method="POST", name="/v1/disputes/{id}", verb=_answer_dispute),
    Route(method="POST", name="/v1/disputes/{id}/close", verb=_accept_dispute),
    Route(method="GET", name="/v1/balance", verb=_balance),
    *_read_only("refund", "/v1/refunds"),
    Route(method="GET", name="/v1/payment_intents/search", verb=partial(_search, "payment_intent")),
    Route(method="GET", name="/v1/charges/search", verb=partial(_search, "charge")),
    *_read_only("payment_intent", "/v1/payment_intents"),
    *_read_only("charge", "/v1/charges"),
    *_read_only("event", "/v1/events"),
    Route(method="GET", name=thin.EVENTS, verb=_thin_events),
    Route(method="GET", name=thin.EVENTS + "/{id}", verb=_thin_event),
    *_read_only("balance_transaction", "/v1/balance_transactions"),
    *_read_only("dispute", "/v1/disputes"),
    *_read_only("payout", "/v1/payouts"),
)
_FIXED = {(route.method, route.name): route for route in ROUTES if "{id}" not in route.name}
_WITH_ID = [
    (route.method, re.compile(route.name.replace("{id}", "([A-Za-z0-9_]{1,100})")), route)
    for route in ROUTES
    if "{id}" in route.name
]


def find(method: str, path: str) -> tuple[Route, str] | None:
    """The route and the id in the path."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return fixed, ""
    for wanted, pattern, route in _WITH_ID:
        matched = pattern.fullmatch(path) if wanted == method else None
        if matched is not None:
            return route, matched[1]
    return None
