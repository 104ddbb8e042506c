"""Everything the stand-in knows, by kind and id, each object as the JSON it is answered with.

An object is encoded once when it is put; reading it back is a fresh decode, so nothing that was answered, embedded in
an event or kept under an idempotency key can change behind anyone's back, and a retrieve costs no encoding at all.
`facts` are the few fields lists filter by. With a journal every put is appended before its answer leaves.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from service.emulator.journal import Journal
from service.emulator.wire import Obj, decode, encode

# kind -> the fields that lists filter by; kinds not named here are the stand-in's own books
FACTS: dict[str, tuple[str, ...]] = {
    "checkout.session": (
        "status",
        "payment_intent",
        "payment_link",
        "customer",
        "subscription",
        "customer_email",
        "customer_details",
    ),
    "payment_intent": ("customer", "status"),
    "charge": ("customer", "payment_intent", "transfer_group"),
    "refund": ("charge", "payment_intent"),
    "event": ("type",),
    "balance_transaction": ("type", "source", "currency", "payout", "net", "available_on"),
    "dispute": ("charge", "payment_intent"),
    "payout": ("status", "arrival_date", "destination"),
    "payment_method": (),
    "cart": (),  # the private half of a session
    "secret": (),  # what a payment or refund will really do, by id
    "payday": (),  # when what is available goes out
    "account": (),  # how the merchant's account is set up
    "hidden": (),  # movements that no list shows, or not yet
    "key": (),  # idempotency keys
    "delivery": ("event", "state"),
    "endpoint": (),
    "clock": (),
    "paypal.order": (),
    "paypal.capture": (),
    "paypal.refund": (),
    "paypal.dispute": (),
    "paypal.movement": (),  # what transaction search lists
    "paypal.event": ("event_type", "create_time"),
    "paypal.book": (),  # the private half of an order, capture, refund or dispute
    "paypal.invoice": (),  # which capture used an invoice number
    "paypal.key": (),  # PayPal-Request-Id
    "paypal.token": (),
    "paypal.cert": (),  # the throw-away authority and the certificate it signed
}


class Row:
    """One object: its JSON, when it was made, and the facts lists filter by."""

    __slots__ = ("created", "facts", "place", "raw")

    def __init__(self, raw: bytes, created: int, facts: Obj, place: int) -> None:
        self.raw = raw
        self.created = created
        self.facts = facts
        self.place = place


class Table:
    """Rows by id, and their ids in order of creation; a row's place in that order never changes."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.order: list[str] = []

    def keep(self, identifier: str, raw: bytes, created: int, facts: Obj) -> None:
        row = self.rows.get(identifier)
        if row is None:
            self.rows[identifier] = Row(raw, created, facts, len(self.order))
            self.order.append(identifier)
        else:
            row.raw = raw
            row.facts = facts

    def clear(self) -> None:
        self.rows.clear()
        self.order.clear()


class Store:
    """Tables of rows in order of creation."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._tables: dict[str, Table] = {kind: Table() for kind in FACTS}
        self._journal = journal
        if journal is not None:
            for kind, raw in journal.load():
                self._keep(kind, decode(raw), raw)
            journal.begin(self._lines())

    def put(self, kind: str, obj: Obj) -> bytes:
        raw = encode(obj)
        self._keep(kind, obj, raw)
        if self._journal is not None:
            self._journal.append(kind, raw)
        return raw

    def get(self, kind: str, identifier: str) -> Obj | None:
        row = self._tables[kind].rows.get(identifier)
        return None if row is None else self._decoded(row)

    def must(self, kind: str, identifier: str) -> Obj:
        return self._decoded(self._tables[kind].rows[identifier])

    def raw(self, kind: str, identifier: str) -> bytes | None:
        row = self._tables[kind].rows.get(identifier)
        return None if row is None else row.raw

    def table(self, kind: str) -> Table:
        return self._tables[kind]

    def all(self, kind: str) -> Iterator[Obj]:
        for row in list(self._tables[kind].rows.values()):
            yield self._decoded(row)

    def counts(self) -> dict[str, int]:
        return {kind: len(table.order) for kind, table in self._tables.items()}

    def clear(self, *, keep: tuple[str, ...] = ()) -> None:
        for kind, table in self._tables.items():
            if kind not in keep:
                table.clear()
        if self._journal is not None:
            self._journal.begin(self._lines())

    def forget(self, kind: str) -> None:
        self._tables[kind].clear()
        if self._journal is not None:
            self._journal.begin(self._lines())

    def flush(self) -> None:
        if self._journal is not None:
            self._journal.flush()

    def is_writable(self) -> bool:
        """Whether what is known could be written down."""
        try:
            self.flush()
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _keep(self, kind: str, obj: Obj, raw: bytes) -> None:
        facts = {name: obj.get(name) for name in FACTS[kind]}
        self._tables[kind].keep(obj["id"], raw, obj.get("created", 0), facts)

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        for kind, table in self._tables.items():
            for row in table.rows.values():
                yield kind, row.raw

    @staticmethod
    def _decoded(row: Row) -> Obj:
        obj: Obj = decode(row.raw)
        return obj


def embed(raw: bytes) -> Any:
    """JSON to be placed inside other JSON as it is."""
    return msgspec.Raw(raw)
