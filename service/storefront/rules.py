"""What the customer pages decide without asking anybody: language, cart cookie, keys, where a form may come from.

Everything here is pure. The cart is plain data in a cookie and is checked whenever it is read; it holds no price. A form
is taken only from our own pages (`from_our_pages`), which together with SameSite cookies is the defence against forged
requests.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from service.kernel.errors import (
    CubanoError,
    GatewayError,
    GatewayUnavailable,
    Invalid,
    KeyInFlight,
    ProviderUnavailable,
    SalesPaused,
    SoldOut,
)
from service.kernel.shedding import LoadShed
from service.telemetry.labels import ErrorShown, PageName, Shed

LANGUAGES = ("en", "es")
BROWSING = {"shed": Shed.PAGES}  # the pages in front of a purchase
LOCALES = {"en": "en_US", "es": "es_US"}  # dollars and dates as they are written in Boulder, in both languages
MOST_LINES = 20  # more kinds of tickets than the festival has; a longer cookie is not ours
MOST_OF_ONE = 99
LOW_STOCK = 10  # from here on the number left is said louder

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_KEY = re.compile(r"cart_[A-Za-z0-9_-]{22}", re.ASCII)  # 128 random bits: whoever knows it gets the order's link


def preferred_language(accepted: str, earlier: str | None) -> str:
    """The language chosen before, else the best of an Accept-Language header (RFC 9110, 12.5.4), else English."""
    if earlier in LANGUAGES:
        return earlier
    wishes: list[tuple[int, int, str]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        if language in LANGUAGES:
            wishes.append((-_weight(parameter), place, language))
    wishes.sort()
    return wishes[0][2] if wishes and wishes[0][0] < 0 else "en"


def _weight(parameter: str) -> int:
    """`q=0.8` in thousandths."""
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1000
    return int(value.replace(".", "").ljust(4, "0")) if re.fullmatch(r"[01](\.\d{0,3})?", value, re.ASCII) else 0


@dataclass(frozen=True)
class Cart:
    """What a customer has chosen. `key` changes whenever the choice does, so that one choice is one order."""

    key: str
    quantities: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.quantities.values())

    def to_cookie(self) -> str:
        return "|".join([self.key, *(f"{slug}:{quantity}" for slug, quantity in self.quantities.items())])


def read_cart(cookie: str | None) -> Cart | None:
    """The cart of a cookie, or None when it is absent, was tampered with, or is of another age."""
    key, *lines = (cookie or "").split("|")
    if not _KEY.fullmatch(key) or len(lines) > MOST_LINES:
        return None
    quantities: dict[str, int] = {}
    for line in lines:
        slug, _, number = line.partition(":")
        quantity = read_quantity(number)
        if not _SLUG.fullmatch(slug) or not quantity or slug in quantities:
            return None
        quantities[slug] = quantity
    return Cart(key, quantities)


def read_quantity(text: str) -> int | None:
    """A whole number from 0 to 99, else None; an empty field is 0."""
    text = text.strip()
    if not text:
        return 0
    return int(text) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else None


def choose(form: Iterable[tuple[str, str]]) -> dict[str, int] | None:
    """What a store or cart form asks for (`q.<slug>` fields), or None when it is not one of our forms."""
    quantities: dict[str, int] = {}
    removed: set[str] = set()
    for name, value in form:
        if name == "remove":
            removed.add(value)
        if not name.startswith("q."):
            continue
        quantity = read_quantity(value)
        slug = name.removeprefix("q.")
        if quantity is None or not _SLUG.fullmatch(slug):
            return None
        quantities[slug] = quantity
    kept = {slug: n for slug, n in quantities.items() if n and slug not in removed}
    return kept if len(kept) <= MOST_LINES else None


def following(key: str, order_id: str) -> str:
    """The key of the cart that starts this ended order again: two clicks are one cart, and nobody else can tell it."""
    digest = sha256(f"{key}\0{order_id}".encode()).digest()[:16]
    return f"cart_{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def order_key(cart: Cart, *, name: str, email: str, language: str, provider: str | None = None, secret: str) -> str:
    """The idempotency key of this cart for this buyer: sent twice it is one order, corrected it is another."""
    told = "\0".join([cart.key, name, email, language, *([provider] if provider else [])]).encode()
    return (
        f"{cart.key}-{hmac.digest(secret.encode(), told, sha256).hex()[:16]}"  # it is stored: nobody may try names out
    )


def from_our_pages(headers: Mapping[str, str], *, own_origin: str) -> bool:
    """Whether a form was sent by our own pages (or by no browser at all, which has no cookies to steal).

    The order of the checks is that of Go's CrossOriginProtection (https://pkg.go.dev/net/http#CrossOriginProtection):
    Sec-Fetch-Site decides where a browser sends it, Origin where it does not.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return origin == own_origin or urlsplit(origin).netloc == headers.get("host")
    except ValueError:  # half an IPv6 address: no browser sends it
        return False


_PAGE_NAMES = {
    "store.html": PageName.STORE,
    "cart.html": PageName.CART,
    "checkout.html": PageName.CHECKOUT,
    "order.html": PageName.ORDER,
    "order_link.html": PageName.LINKS,
}


def page_name(template: str) -> PageName:
    """Under which name the page tells how long it took."""
    return _PAGE_NAMES.get(template, PageName.OTHER)


@dataclass(frozen=True)
class Stock:
    """How a ticket type stands: `state` is open, low, held_out (all held, some may come back) or sold_out."""

    state: str
    left: int
    most: int


def stock_of(*, capacity: int, held: int, sold: int, max_per_order: int) -> Stock:
    left = max(capacity - held - sold, 0)
    if left == 0:
        return Stock("held_out" if sold < capacity else "sold_out", 0, 0)
    return Stock("low" if left <= LOW_STOCK else "open", left, min(left, max_per_order))


def problem_of(quantity: int, stock: Stock, *, max_per_order: int) -> str | None:
    """Why a line of a cart cannot be ordered as it stands: the name of a sentence, or None."""
    if stock.left == 0:
        return stock.state
    if quantity > max_per_order:
        return "max"
    return "few" if quantity > stock.left else None


@dataclass(frozen=True)
class Trouble:
    """Why a checkout was not opened: sentences `error.<say>_title` and `error.<say>`, and the answer's status."""

    say: str
    status: int
    values: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    @property
    def to_cart(self) -> bool:
        return self.say in {"sold_out", "redo"}

    @property
    def shown(self) -> ErrorShown:
        """Under which name it is counted."""
        return _SHOWN.get(self.say, ErrorShown.FIELDS)


_SHOWN = {
    "sold_out": ErrorShown.SOLD_OUT,
    "crowded": ErrorShown.BUSY,
    "paused": ErrorShown.BUSY,
    "in_flight": ErrorShown.BUSY,
    **dict.fromkeys(("away", "gateway", "refused"), ErrorShown.PROVIDER),
}
_TROUBLES = {  # the first that fits
    KeyInFlight: Trouble("in_flight", 409),
    LoadShed: Trouble("crowded", 503),
    SalesPaused: Trouble("paused", 503),
    ProviderUnavailable: Trouble("away", 503),
    GatewayUnavailable: Trouble("gateway", 503),
    GatewayError: Trouble("refused", 502),
    Invalid: Trouble("redo", 422),
}


def trouble_of(error: CubanoError, names: Mapping[str, str]) -> Trouble | None:
    """What to tell the buyer, or None when it is not for a buyer to know."""
    match error:
        case SoldOut():
            words = "sold_out_few" if error.available else "sold_out_held" if error.returning else "sold_out"
            values = {"name": names.get(error.ticket_type, error.ticket_type), "count": error.available}
            return Trouble("sold_out", 409, values, words)
        case _:
            return next((trouble for kind, trouble in _TROUBLES.items() if isinstance(error, kind)), None)


def field_errors(error: Invalid) -> dict[str, str]:
    """Sentences for the fields of the checkout form."""
    known = {
        ("customer.name", "required"): "error.name_missing",
        ("customer.name", "invalid"): "error.name_long",
        ("customer.email", "required"): "error.email_missing",
        ("customer.email", "invalid_email"): "error.email_bad",
    }
    found = {each.field.removeprefix("customer."): known.get((each.field, each.code)) for each in error.fields}
    return {name: sentence for name, sentence in found.items() if sentence}
