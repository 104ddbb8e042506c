"""What a request for a refund may say, whose request it is, and what four eyes mean. Pure; every wrong field is named at once."""

import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec

from service.access.rules import Principal
from service.kernel.errors import FieldError, Invalid
from service.kernel.money import Money, UnknownCurrency
from service.refunds.rules import Reason
from service.refunds.tables import Refund

MOST_NOTE = 500  # characters
MOST_ITEMS = 20  # kinds of tickets in one order
MOST_QUANTITY = 1_000_000
MOST_MINOR = 10**15  # far above any order, far below what a bigint holds
MOST_TEXT = 100
MOST_WRONG = 50
UNDECIDED_FOR = timedelta(days=7)  # then nobody wants it any more
# Control characters but the line break, and what turns the direction of the text around it.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Wish:
    """A request whose shape is right. Neither amount nor items: everything that is left."""

    order_id: str
    reason: Reason
    amount: Money | None = None
    items: tuple[tuple[str, int], ...] = ()
    note: str | None = None


def read_wish(body: bytes) -> Wish:
    """Parse and check the body of a request; `Invalid` lists every wrong field."""
    check = _Check()
    wish = check.wish(_decode(body))
    if wish is None or check.wrong:
        raise Invalid(check.wrong)
    return wish


def read_note(body: bytes, *, needed: bool) -> str | None:
    """What somebody says about a decision: `{"note": …}`, or nothing where none is needed."""
    check = _Check()
    values = _decode(body) if body.strip() else {}
    note = check.only_note(values)
    if needed and note is None and not check.wrong:
        check.note("note", "required", "Say why, so that whoever asked for it can do better.")
    if check.wrong:
        raise Invalid(check.wrong)
    return note


def fingerprint(wish: Wish) -> str:
    """What makes two requests the same: all they ask for, not how it was written."""
    return sha256(msgspec.json.encode(wish)).hexdigest()


def identity(by: Principal) -> str:
    """Whose request it is: a client stays the same when its key is rotated."""
    return f"{by.kind}:{by.name if by.kind == 'key' else by.id}"


def has_asked(refund: Refund, by: Principal, *, person: str | None) -> bool:
    """Whether this is who asked for it: by the same key or session, one of the same name, or another of the same person.

    `person` is who answers for the key that asked, or the person that did.
    """
    same_name = (refund.requester_name or "").casefold() == by.name.casefold()
    return refund.requester_id == by.id or same_name or (person is not None and person == by.person)


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        told = FieldError("body", "not_json", f"The body is not valid JSON: {error}")
        raise Invalid([told], "invalid_json") from error


class _Check:
    """Collects what is wrong while it reads; each method answers the value, or None after noting why not."""

    def __init__(self) -> None:
        self.wrong: list[FieldError] = []

    def note(self, field: str, code: str, message: str) -> None:
        if len(self.wrong) < MOST_WRONG:
            self.wrong.append(FieldError(field[: 2 * MOST_TEXT], code, message))

    def wish(self, values: Any) -> Wish | None:
        if not self._known(values, "", ("orderId", "amount", "items", "reason", "note")):
            return None
        order_id, reason = self._order(values.get("orderId")), self._reason(values.get("reason"))
        amount, items = self._amount(values.get("amount")), self._items(values.get("items"))
        note = self._note(values.get("note"))
        if values.get("amount") is not None and values.get("items") is not None:
            self.note(
                "items", "amount_or_items", "Send an amount, or items, or neither for all that is left; not both."
            )
        if self.wrong or order_id is None or reason is None:
            return None
        return Wish(order_id, reason, amount, items, note)

    def only_note(self, values: Any) -> str | None:
        return self._note(values.get("note")) if self._known(values, "", ("note",)) else None

    def _known(self, values: Any, path: str, names: tuple[str, ...]) -> bool:
        if not isinstance(values, dict):
            self.note(path.rstrip(".") or "body", "not_an_object", "Send a JSON object.")
            return False
        for name in values:
            if name not in names:
                self.note(f"{path}{name}", "unknown_field", "There is no such field.")
        return True

    def _order(self, order_id: Any) -> str | None:
        if isinstance(order_id, str) and 0 < len(order_id) <= MOST_TEXT:
            return order_id
        self.note("orderId", "required", "Name the order: `ord_…`, or the number on its tickets.")
        return None

    def _reason(self, reason: Any) -> Reason | None:
        if isinstance(reason, str) and reason in set(Reason):
            return Reason(reason)
        self.note("reason", "unknown_reason", f"One of {', '.join(Reason)}.")
        return None

    def _amount(self, amount: Any) -> Money | None:
        if amount is None or not self._known(amount, "amount.", ("minor", "currency")):
            return None
        minor, currency = amount.get("minor"), amount.get("currency")
        if type(minor) is not int:  # bool is an int in Python, and true is no amount
            self.note("amount.minor", "not_an_integer", "A whole number of the currency's smallest unit.")
            minor = 0
        elif not 0 < minor <= MOST_MINOR:
            self.note("amount.minor", "out_of_range", "More than nothing, and no more than was paid.")
            minor = 0
        try:
            return Money(minor, currency)
        except UnknownCurrency:
            self.note("amount.currency", "unknown_currency", "The order's currency, for example USD.")
            return None

    def _items(self, items: Any) -> tuple[tuple[str, int], ...]:
        if items is None:
            return ()
        if not isinstance(items, list) or not 0 < len(items) <= MOST_ITEMS:
            self.note("items", "required", f"1 to {MOST_ITEMS} kinds of tickets.")
            return ()
        read = [self._item(f"items[{index}].", item) for index, item in enumerate(items)]
        for index, item in enumerate(read):
            if item is not None and item[0] in {each[0] for each in read[:index] if each is not None}:
                self.note(f"items[{index}].ticketType", "duplicate", "Listed twice; add up the quantities.")
        return tuple(item for item in read if item is not None)

    def _item(self, path: str, item: Any) -> tuple[str, int] | None:
        if not self._known(item, path, ("ticketType", "quantity")):
            return None
        ticket_type, quantity = item.get("ticketType"), item.get("quantity")
        if not isinstance(ticket_type, str) or not 0 < len(ticket_type) <= MOST_TEXT or _CONTROL.search(ticket_type):
            self.note(f"{path}ticketType", "required", "Name a ticket type of the order.")
        elif type(quantity) is not int:
            self.note(f"{path}quantity", "not_an_integer", "The quantity is a whole number.")
        elif not 1 <= quantity <= MOST_QUANTITY:
            self.note(f"{path}quantity", "out_of_range", "The quantity is 1 or more, up to what was bought.")
        else:
            return ticket_type, quantity
        return None

    def _note(self, note: Any) -> str | None:
        if note is None:
            return None
        text = note.strip() if isinstance(note, str) else ""
        if not text or len(text) > MOST_NOTE or _CONTROL.search(text):
            self.note("note", "invalid", f"1 to {MOST_NOTE} characters of plain text, or leave it out.")
            return None
        return text
