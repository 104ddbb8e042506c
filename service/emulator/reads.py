"""Reading: retrieve, list with filters and cursors, and expand.

A list is a walk over a table in order of creation, newest first, that keeps what the filters let through. An id in an
answer may be expanded where `EXPANDABLE` says so; its prefix names the table it stands in.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from service.emulator import params
from service.emulator.errors import GatewayRefusal, invalid, no_such
from service.emulator.events import RETAINED_S, type_matches
from service.emulator.params import boolean, text, time_range
from service.emulator.store import FACTS, Row, Table
from service.emulator.wire import Obj, decode, encode
from service.emulator.world import World, is_hidden

MAX_LIMIT, DEFAULT_LIMIT = 100, 10  # docs.stripe.com/api/pagination
MAX_EXPAND_DEPTH = 4  # docs.stripe.com/expand
FOREVER = 1 << 40  # seconds, beyond any clock
MAX_TYPES = 20  # docs.stripe.com/api/events/list
PAGE = {"limit": params.integer, "starting_after": text, "ending_before": text}
FILTERS: dict[str, params.Spec] = {
    "checkout.session": {
        "created": time_range,
        "customer": text,
        "customer_details": {"email": text},
        "payment_intent": text,
        "payment_link": text,
        "status": text,
        "subscription": text,
    },
    "payment_intent": {"created": time_range, "customer": text},
    "charge": {"created": time_range, "customer": text, "payment_intent": text, "transfer_group": text},
    "refund": {"created": time_range, "charge": text, "payment_intent": text},
    "event": {"created": time_range, "type": text, "types": [text], "delivery_success": boolean},
    "balance_transaction": {"created": time_range, "currency": text, "payout": text, "source": text, "type": text},
    "dispute": {"created": time_range, "charge": text, "payment_intent": text},
    "payout": {"created": time_range, "arrival_date": time_range, "destination": text, "status": text},
}
OTHERWISE = {"customer_details", "arrival_date"}  # filters that are more than equality
COMPUTED = ("event", "balance_transaction")  # not answered as they lie in the books
EXPANDABLE = {
    "payment_intent", "latest_charge", "charge", "balance_transaction", "failure_balance_transaction",
    "payment_method", "source", "customer", "line_items", "refunds", "data", "object", "balance_transactions",
}  # fmt: skip
TABLES = {
    "cs_": "checkout.session", "pi_": "payment_intent", "ch_": "charge", "py_": "charge", "re_": "refund",
    "evt": "event", "txn": "balance_transaction", "pm_": "payment_method", "du_": "dispute", "po_": "payout",
}  # fmt: skip
NOUNS = {"checkout.session": "checkout.session", "balance_transaction": "balance transaction"}


def retrieve(world: World, kind: str, identifier: str, given: Obj) -> bytes:
    if given:
        given.pop("expand", None)
        params.read(given, {})
    raw = world.store.raw(kind, identifier)
    if raw is None or (kind == "event" and is_forgotten(world, world.store.table(kind).rows[identifier])):
        raise no_such(NOUNS.get(kind, kind), identifier, param="session" if kind == "checkout.session" else "id")
    return encode(_present(world, kind, raw)) if kind in COMPUTED else raw


def is_forgotten(world: World, row: Row) -> bool:
    """Events can be read for thirty days."""
    return row.created < world.now() - RETAINED_S


def list_objects(world: World, kind: str, given: Obj, path: str) -> bytes:
    given.pop("expand", None)
    asked = params.read(given, {**PAGE, **FILTERS[kind]})
    table = world.store.table(kind)
    floor = world.now() - RETAINED_S if kind == "event" else 0
    found, more = page(table, asked, Window(asked.get("created", {}), floor), _filter(world, kind, asked))
    rows = table.rows
    return encode(
        {"object": "list", "data": [_present(world, kind, rows[i].raw) for i in found], "has_more": more, "url": path}
    )


def list_line_items(world: World, session_id: str, given: Obj, path: str) -> bytes:
    given.pop("expand", None)
    asked = params.read(given, PAGE)
    cart = world.store.get("cart", session_id)
    if cart is None:
        raise no_such("checkout.session", session_id, param="session")
    table = Table()
    for line in reversed(cart["lines"]):  # a list is answered newest first
        table.keep(line["id"], b"", 0, line)
    found, more = page(table, asked, Window({}), lambda _identifier, _row: True)
    return encode({"object": "list", "data": [table.rows[i].facts for i in found], "has_more": more, "url": path})


Test = Callable[[str, Row], bool]


class Window:
    """The moments of creation a list is about, none before `floor`."""

    def __init__(self, created: Mapping[str, int], floor: int = 0) -> None:
        self.low = max(created.get("gte", 0), created.get("gt", -1) + 1, floor)
        self.high = min(created.get("lte", FOREVER), created.get("lt", FOREVER + 1) - 1)


def page(table: Table, asked: Obj, window: Window, passes: Test) -> tuple[list[str], bool]:
    """The ids of one page, newest first, and whether there are more; raises for a wrong limit or cursor."""
    limit = asked.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(
            f"Invalid limit: must be between 1 and {MAX_LIMIT}", param="limit", code="parameter_invalid_integer"
        )
    after, before = asked.get("starting_after"), asked.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.")
    if before is not None:
        places = range(_place(table, before, "ending_before") + 1, len(table.order))
    else:
        start = len(table.order) if after is None else _place(table, after, "starting_after")
        places = range(start - 1, -1, -1)
    found = list(islice(_walk(table, places, window, passes), limit + 1))
    more = len(found) > limit
    shown = found[:limit]
    return (shown[::-1] if before is not None else shown), more


def _place(table: Table, cursor: str, param: str) -> int:
    row = table.rows.get(cursor)
    if row is None:
        raise invalid(f"No such object: '{cursor}'", param=param, code="resource_missing")
    return row.place


def _walk(table: Table, places: range, window: Window, passes: Test) -> Iterable[str]:
    """Creation times only grow along a table, so a walk ends where its window does."""
    upward = places.step > 0
    for place in places:
        identifier = table.order[place]
        row = table.rows[identifier]
        if window.low <= row.created <= window.high:
            if passes(identifier, row):
                yield identifier
        elif upward is (row.created > window.high):
            return


def _filter(world: World, kind: str, asked: Obj) -> Test:
    tests: list[Test] = []
    if kind == "event":
        tests.extend(_event_tests(world, asked))
    else:
        tests.extend(_same(name, asked[name]) for name in asked.keys() & set(FACTS[kind]) - OTHERWISE)
    if kind == "balance_transaction" and world.store.table("hidden").rows:
        tests.append(lambda identifier, _row: not is_hidden(world, identifier))
    if "arrival_date" in asked:
        tests.append(_arriving(Window(asked["arrival_date"])))
    if "customer_details" in asked:
        tests.append(_bought_by(asked["customer_details"].get("email")))
    return lambda identifier, row: all(test(identifier, row) for test in tests)


def _same(name: str, wanted: Any) -> Test:
    return lambda _identifier, row: row.facts[name] == wanted


def _arriving(window: Window) -> Test:
    return lambda _identifier, row: window.low <= row.facts["arrival_date"] <= window.high


def _bought_by(email: str | None) -> Test:
    """The address the merchant gave, or the one the buyer typed."""
    return lambda _identifier, row: (
        email in {row.facts["customer_email"], (row.facts["customer_details"] or {}).get("email")}
    )


def _event_tests(world: World, asked: Obj) -> Iterable[Test]:
    types = asked.get("types", [])
    if types and "type" in asked:
        raise invalid("You may only specify one of these parameters: type, types.")
    if len(types) > MAX_TYPES:
        raise invalid(f"types: at most {MAX_TYPES} may be given", param="types")
    wanted = [*types, *([asked["type"]] if "type" in asked else [])]
    if wanted:
        yield lambda _identifier, row: any(type_matches(name, row.facts["type"]) for name in wanted)
    if "delivery_success" in asked:
        good = asked["delivery_success"]
        yield lambda identifier, _row: (identifier not in world.post.undelivered()) is good


def _present(world: World, kind: str, raw: bytes) -> Obj:
    obj: Obj = decode(raw)
    if kind == "event":
        obj["pending_webhooks"] = world.post.pending(obj["id"])
    elif kind == "balance_transaction":
        obj.pop("payout", None)  # the vendor filters by it and does not show it
        obj["status"] = "available" if obj["available_on"] <= world.now() else "pending"
    return obj


def check_expand(asked: Any) -> None:
    """Refuses paths that no object has, or that go too deep."""
    if not isinstance(asked, list):
        raise invalid("Invalid array", param="expand")
    for path in asked:
        names = text(path, "expand").split(".")
        if len(names) > MAX_EXPAND_DEPTH:
            raise invalid(
                f"You cannot expand more than {MAX_EXPAND_DEPTH} levels of a property. Property: {path}", param="expand"
            )
        if not EXPANDABLE.issuperset(names):
            raise _not_expandable(path)


def _not_expandable(path: str) -> GatewayRefusal:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")


def expanded(world: World, raw: bytes, asked: list[str]) -> bytes:
    """The answer with the asked-for ids replaced by what they name."""
    answer = decode(raw)
    for path in asked:
        _expand(world, answer, path.split("."), path)
    return encode(answer)


def _expand(world: World, node: Any, names: list[str], path: str) -> None:
    if isinstance(node, list):
        for entry in node:
            _expand(world, entry, names, path)
        return
    name, *rest = names
    if name in {"line_items", "refunds"} and name not in node:
        _attach(world, node, name)
    if not isinstance(node, dict) or name not in node:
        raise _not_expandable(path)
    value = node[name]
    if isinstance(value, str):
        kind = TABLES.get(value[:3])
        found = None if kind is None else world.store.raw(kind, value)
        if kind is None or found is None:
            raise _not_expandable(path)
        node[name] = value = _present(world, kind, found)
    if rest and value is not None:
        _expand(world, value, rest, path)


def _attach(world: World, node: Obj, name: str) -> None:
    """The lists that are part of an object only when asked for."""
    kind = node.get("object")
    if name == "line_items" and kind == "checkout.session":
        url = f"/v1/checkout/sessions/{node['id']}/line_items"
        node[name] = decode(list_line_items(world, node["id"], {}, url))
    elif name == "refunds" and kind == "charge":
        node[name] = decode(list_objects(world, "refund", {"charge": node["id"]}, f"/v1/charges/{node['id']}/refunds"))
