"""What a checkout request may say. Every wrong field is named at once; nothing here touches the database."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from email_validator import EmailNotValidError, validate_email

from service.kernel.errors import CubanoError, FieldError, Invalid, KeyInFlight, KeyReused, SalesPaused, SoldOut
from service.kernel.shedding import LoadShed

LOCALES = ("en", "es")
MOST_ITEMS = 20  # kinds of tickets in one order
MOST_QUANTITY = 1_000_000  # sanity before the catalogue's own limit
MOST_NAME = 200
MOST_EMAIL = 254  # RFC 5321
MOST_URL = 2048
MOST_KEY = 255  # the gateways' own limit
MOST_TICKET_TYPE = 100
MOST_WRONG = 50  # wrong fields named in one answer, so that it is never much longer than its request
MOST_PATH = 200  # of the path of a field that the client made up
# Control characters, line breaks of any kind, and what turns the direction of the text around it.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"[!#-;=?-\[\]-~]+")  # visible ASCII but " < > and the backslash, which parsers disagree about
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class CheckoutRequest:
    """A request whose shape is right; ticket types and limits are checked against the catalogue later."""

    items: tuple[tuple[str, int], ...]
    email: str
    name: str
    locale: str
    provider: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None

    synthetic: ClassVar[bool] = False  # no field: it is no part of what makes two requests the same


class SyntheticRequest(CheckoutRequest):
    """The synthetic buyer's: what is sold to nobody else, and nothing else."""

    synthetic: ClassVar[bool] = True


def read_request(body: bytes, *, public_url: str) -> CheckoutRequest:
    """Parse and check a request body; `Invalid` lists every wrong field."""
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(
            [FieldError("body", "not_json", f"The body is not valid JSON: {error}")], "invalid_json"
        ) from error
    return check_request(values, public_url=public_url)


def check_request(values: Any, *, public_url: str) -> CheckoutRequest:
    """The same for values that are decoded already (a form)."""
    check = _Check(public_url)
    request = check.request(values)
    if request is None or check.wrong:
        raise Invalid(check.wrong)
    return request


def fingerprint(request: CheckoutRequest) -> str:
    """What makes two requests the same: all they ask for, not how it was written."""
    return sha256(msgspec.json.encode(request)).hexdigest()


_OUTCOMES: dict[type[CubanoError], str] = {
    Invalid: "invalid",
    SoldOut: "sold_out",
    KeyInFlight: "in_flight",
    KeyReused: "key_reused",
    SalesPaused: "paused",
    LoadShed: "shed",
}


def outcome_of(error: CubanoError) -> str:
    """Under which name a checkout that was not opened is counted; what is not ours is the gateway's."""
    return _OUTCOMES.get(type(error), "gateway_error")


def read_key(key: str | None) -> str:
    """The Idempotency-Key header, checked."""
    if not key:
        raise Invalid(
            [FieldError("Idempotency-Key", "required", "Send an Idempotency-Key header: a new UUID for each order.")],
            "idempotency_key_missing",
        )
    if not _KEY.fullmatch(key):
        message = f"At most {MOST_KEY} visible ASCII characters."
        raise Invalid([FieldError("Idempotency-Key", "invalid", message)], "idempotency_key_invalid")
    return key


def read_email(email: Any, field: str) -> str:
    """An address that any mail server takes, its host in ASCII; raises `Invalid`, which names `field`."""
    if not isinstance(email, str) or not email.strip():
        raise Invalid([FieldError(field, "required", "An e-mail address is needed for the tickets.")])
    if len(email) > MOST_EMAIL:  # before the check, whose time grows with what it is given
        raise Invalid([FieldError(field, "invalid_email", f"At most {MOST_EMAIL} characters.")])
    try:
        # Not every mail server takes letters outside ASCII before the @; a domain has an ASCII form that all take.
        checked = validate_email(email.strip(), check_deliverability=False, strict=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise Invalid([FieldError(field, "invalid_email", str(error))]) from error
    return checked.ascii_email or checked.normalized


class _Check:
    """Collects what is wrong while it reads; each method answers the value, or None after noting why not."""

    def __init__(self, public_url: str) -> None:
        self.wrong: list[FieldError] = []
        self._public_url = public_url

    def request(self, values: Any) -> CheckoutRequest | None:
        if not isinstance(values, dict):
            self._note("body", "not_an_object", "Send a JSON object.")
            return None
        self._unknown(values, "", ("items", "customer", "locale", "provider", "successUrl", "cancelUrl"))
        items = self._items(values.get("items"))
        email, name = self._customer(values.get("customer"))
        locale = self._locale(values.get("locale"))
        provider = self._optional(values, "provider", self._provider)
        success_url = self._optional(values, "successUrl", self._url)
        cancel_url = self._optional(values, "cancelUrl", self._url)
        if self.wrong or items is None or email is None or name is None or locale is None:
            return None
        return CheckoutRequest(items, email, name, locale, provider, success_url, cancel_url)

    def _items(self, items: Any) -> tuple[tuple[str, int], ...] | None:
        if not isinstance(items, list) or not items:
            self._note("items", "required", "Choose at least one ticket.")
            return None
        if len(items) > MOST_ITEMS:
            self._note("items", "too_many", f"At most {MOST_ITEMS} kinds of tickets in one order.")
            return None
        read = [self._item(f"items[{index}]", item) for index, item in enumerate(items)]
        chosen = [item for item in read if item is not None]
        for index, item in enumerate(read):
            if item is not None and item[0] in {each[0] for each in read[:index] if each is not None}:
                self._note(
                    f"items[{index}].ticketType", "duplicate", f"'{item[0]}' is listed twice; add up the quantities."
                )
        return tuple(chosen) if len(chosen) == len(items) else None

    def _item(self, path: str, item: Any) -> tuple[str, int] | None:
        if not isinstance(item, dict):
            self._note(path, "not_an_object", "Send an object with ticketType and quantity.")
            return None
        self._unknown(item, f"{path}.", ("ticketType", "quantity"))
        ticket_type, quantity = item.get("ticketType"), item.get("quantity")
        if not isinstance(ticket_type, str) or not ticket_type:
            self._note(f"{path}.ticketType", "required", "Name a ticket type.")
            return None
        if len(ticket_type) > MOST_TICKET_TYPE or _CONTROL.search(ticket_type):  # before it is said back or looked up
            self._note(f"{path}.ticketType", "unknown_ticket_type", "No ticket type has such a name.")
            return None
        if type(quantity) is not int:  # bool is an int in Python, and true is no quantity
            self._note(f"{path}.quantity", "not_an_integer", "The quantity is a whole number.")
            return None
        if not 1 <= quantity <= MOST_QUANTITY:
            self._note(f"{path}.quantity", "out_of_range", "The quantity is 1 or more, up to the limit per order.")
            return None
        return ticket_type, quantity

    def _customer(self, customer: Any) -> tuple[str | None, str | None]:
        if not isinstance(customer, dict):
            self._note("customer", "required", "Say who buys: email and name.")
            return None, None
        self._unknown(customer, "customer.", ("email", "name"))
        return self._email(customer.get("email")), self._name(customer.get("name"))

    def _email(self, email: Any) -> str | None:
        try:
            return read_email(email, "customer.email")
        except Invalid as error:
            self._note(error.fields[0].field, error.fields[0].code, error.fields[0].message)
            return None

    def _name(self, name: Any) -> str | None:
        text = name.strip() if isinstance(name, str) else ""
        if not text:
            self._note("customer.name", "required", "A name is needed for the tickets.")
        elif len(text) > MOST_NAME or _CONTROL.search(text):
            self._note("customer.name", "invalid", f"At most {MOST_NAME} characters, without control characters.")
        else:
            return text
        return None

    def _locale(self, locale: Any) -> str | None:
        if locale in LOCALES and isinstance(locale, str):
            return locale
        self._note("locale", "unknown_locale", f"One of {', '.join(LOCALES)}.")
        return None

    def _provider(self, path: str, provider: Any) -> str | None:
        if isinstance(provider, str) and provider:
            return provider
        self._note(path, "unknown_provider", "Name a payment provider, or leave it out.")
        return None

    def _url(self, path: str, url: Any) -> str | None:
        if isinstance(url, str) and len(url) <= MOST_URL and _ADDRESS.fullmatch(url) and self._is_ours_or_safe(url):
            return url
        self._note(path, "invalid_url", f"An https:// address of at most {MOST_URL} ASCII characters.")
        return None

    def _is_ours_or_safe(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            well_formed = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        except ValueError:  # an address or a port that is none
            return False
        ours = urlsplit(self._public_url)
        return well_formed and (parts.scheme == "https" or (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc))

    def _optional(self, values: dict[str, Any], name: str, read: "Callable[[str, Any], str | None]") -> str | None:
        return None if values.get(name) is None else read(name, values[name])

    def _unknown(self, values: dict[str, Any], path: str, known: tuple[str, ...]) -> None:
        for name in values:
            if name not in known:
                self._note(f"{path}{name}", "unknown_field", "There is no such field.")

    def _note(self, field: str, code: str, message: str) -> None:
        if len(self.wrong) < MOST_WRONG:
            self.wrong.append(FieldError(field[:MOST_PATH], code, message))
