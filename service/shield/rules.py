"""What every answer says to a browser, by its address, and how a card number is found in what a request brings.

Four policies: pages may load our own files and send forms to us and the gateways; those of staff load styles only and send forms
to us; the API's description is one page with its style inside; everything else (the API, files, health) is data, which may load and show nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from service.telemetry.cards import LEAST, has_card, is_card

DATA_PATHS = ("/api/", "/health/", "/openapi.json", "/static/", "/staff/static/", "/beacon")
STAFF_PATHS = ("/staff",)
DESCRIPTION_PATHS = ("/docs",)
_DIGITS = b"0123456789"
_KEY_GAPS = str.maketrans("", "", " -")
_KEY_SIZES = range(14, 17)  # cards in use; a longer or shorter number as a key is a time or an id more likely
_YEARS_2_S = 63_072_000
_TO_NOBODY = "frame-ancestors 'none'; base-uri 'none'"
_DATA_POLICY = f"default-src 'none'; form-action 'none'; {_TO_NOBODY}"
_DESCRIPTION_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; {_TO_NOBODY}"
_STAFF_POLICY = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; {_TO_NOBODY}"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}

Headers = list[tuple[bytes, bytes]]


class Dress:
    """The headers of answers, made once; `of` picks by the path that was asked for."""

    def __init__(self, *, public_url: str, form_origins: Iterable[str]) -> None:
        always = dict(_ALWAYS)
        if public_url.startswith("https://"):
            always["Strict-Transport-Security"] = f"max-age={_YEARS_2_S}"
        self._data = _headers(always, _DATA_POLICY, "no-referrer")
        self._description = _headers(always, _DESCRIPTION_POLICY, "no-referrer")
        # Not "no-referrer": then a browser does not say either where a form comes from.
        self._staff = _headers(always, _STAFF_POLICY, "same-origin")
        # An order's address stays with us.
        self._page = _headers(always, page_policy(form_origins), "same-origin")

    def of(self, path: str) -> Headers:
        if path.startswith(DATA_PATHS):
            return self._data
        if path.startswith(STAFF_PATHS):
            return self._staff
        return self._description if path.startswith(DESCRIPTION_PATHS) else self._page


def page_policy(form_origins: Iterable[str]) -> str:
    """Nothing but our own files; forms may lead to the gateways, because a checkout is answered with a redirect there."""
    forms = " ".join(["'self'", *sorted({each for each in form_origins if each})])
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        f"form-action {forms}; {_TO_NOBODY}"
    )


def _headers(always: dict[str, str], policy: str, referrer: str) -> Headers:
    named = {"Content-Security-Policy": policy, "Referrer-Policy": referrer, **always}
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


def holds_card(raw: bytes) -> bool:
    """Whether a card number stands in a body or a query string, as it is or behind the escapes of JSON and forms."""
    if raw.isascii() and len(raw) - len(raw.translate(None, _DIGITS)) < LEAST:
        return False
    text = raw.decode(errors="replace")
    if has_card(text):
        return True
    if ("%" in text or "+" in text) and has_card(unquote_plus(text)):
        return True
    return "\\" in text and any(has_card(each) for each in _strings(raw))


def _strings(raw: bytes) -> Iterator[str]:
    """Every name and value of a JSON document; nothing when it is none."""
    try:
        waiting = [msgspec.json.decode(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    while waiting:
        value: Any = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            yield value


def key_is_card(key: str) -> bool:
    """Whether an Idempotency-Key is a card number and nothing else; any other number may be a client's id or time."""
    digits = key.translate(_KEY_GAPS)
    return len(digits) in _KEY_SIZES and digits.isdigit() and is_card(digits)
