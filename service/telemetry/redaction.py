"""What must never be written to a log or a trace, and how it is made harmless on the way out.

Keys named like a secret lose their value; strings lose credentials of every form we hold (gateway keys, webhook secrets,
bearer and access tokens, passwords in addresses), card numbers (see `cards.py`), and the local part of e-mails.
The time is linear in the length, whatever a client sends: a pattern starts once in a run of characters and gives nothing back.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from service.telemetry.cards import LEAST, hide_cards, is_card

HIDDEN = "[redacted]"

_MAX_DEPTH = 5  # deeper structures are shown as text: a log line is not an archive
_MAX_TEXT = 4_096  # characters
_MAX_STACK = 16_384  # two chained exceptions fit
_STACKS = frozenset({"exception"})  # the fields that hold a stack

_SECRET_KEY = re.compile(
    r"authorization|cookie|passw|secret|signature|credential|api_?key|private_?key|dsn$|database_?url"
    r"|(?:^|_)(?:token|cvc|cvv|pan)$|(?:access|refresh|session|id|csrf|bearer)_?token|card_?number|security_?code"
    r"|(?:customer|full|first|last|given|family|holder)_?name$|recovery_?code|totp|otp$",
    re.IGNORECASE,
)
# (what it is, pattern, replacement); a replacement keeps what an engineer needs to tell two of them apart
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bearer)\s++[\w.~+/=-]{6,}+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\b((?i:basic))\s++(?=\S*[A-Z0-9])[\w+/]{8,}={0,2}"), rf"\1 {HIDDEN}"),
    (re.compile(r"((?:sk|rk)_(?:live|test)_)\w+"), rf"\1{HIDDEN}"),  # gateway API keys
    (re.compile(r"whsec_[\w+/=-]+"), f"whsec_{HIDDEN}"),  # webhook secrets
    (re.compile(r"\b((?:pi|cs|seti)_\w+?_secret_)\w+"), rf"\1{HIDDEN}"),  # gateway client secrets
    (
        re.compile(r"\b(cubano_(?:op|bg)_)[\w-]{8,}+"),
        rf"\1{HIDDEN}",
    ),  # tokens of people on call, and to break the glass
    (re.compile(r"\b(cubano_[a-z]+_[0-9A-Za-z]+_)[\w-]{8,}"), rf"\1{HIDDEN}"),  # our API keys
    (re.compile(r"(?<![\w-])((?:(?!eyJ)[\w-])*+)eyJ[\w-]++\.[\w-]++\.[\w-]*+"), rf"\1{HIDDEN}"),  # JSON web tokens
    (
        re.compile(
            r"""((?:access[_-]?token|refresh[_-]?token|client[_-]?secret|api[_-]?key|password|passwd|token|signature"""
            r"""|cvv2?|cvc2?|security[_ -]?code|customer[_ -]?name|full[_-]?name)"""
            r"""["']?\s*+[=:]\s*+["']?)[^\s&"',;)}\]]++""",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(cubano_\w++=)[^\s;\"']++"), rf"\1{HIDDEN}"),  # our cookies: a session, an order's token
    (re.compile(r"\b(v[01]=)[0-9a-f]{32,}+"), rf"\1{HIDDEN}"),  # a webhook's or a partner's signature
    (re.compile(r"(?i:(Failing row contains ))\(.*+"), rf"\1{HIDDEN}"),  # PostgreSQL shows the whole row
    (re.compile(r"(://[^\s:/@]*+:)[^\s/@]++(@)"), rf"\1{HIDDEN}\2"),  # a password inside an address
)
# Without one of these no pattern above can match. Looking for words one by one takes a sixth of what a pattern of them takes.
_HINTS = (
    "_live_", "_test_", "_secret_", "whsec_", "cubano_", "eyj", "://", "bearer", "basic", "token", "secret", "key",
    "passw", "signature", "cvc", "cvv", "security", "customer", "full", "v0=", "v1=", "failing row",
)  # fmt: skip
_KEYS_KNOWN = 2_048  # names of fields; there are some hundred
_KEY_LENGTH = 64  # longer ones are not ours, and not remembered
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_EMAIL = re.compile(rf"(?<!{_LOCAL})({_LOCAL}){_LOCAL}*+@([\w-]++(?:\.[\w-]++)++)")


def redact(value: object, depth: int = 0) -> object:
    """A plain, JSON-ready copy of `value` without secrets. Never raises for ordinary values."""
    match value:
        case str():
            clean: object = redact_text(value)
        case None | bool() | float():
            clean = value
        case int():
            clean = redact_text(str(value)) if _looks_like_card(value) else value
        case bytes() | bytearray() | memoryview():
            clean = f"<{len(value)} bytes>"
        case Mapping() if depth < _MAX_DEPTH:
            clean = {str(key): redact_item(str(key), item, depth + 1) for key, item in value.items()}
        case Sequence() | AbstractSet() if depth < _MAX_DEPTH:
            clean = [redact(item, depth + 1) for item in value]
        case _:
            clean = redact_text(str(value))
    return clean


def redact_item(key: str, value: object, depth: int = 0) -> object:
    """The value of a named field: hidden when the name alone says that it is a secret."""
    if (
        (_names_secret(key) if len(key) <= _KEY_LENGTH else _SECRET_KEY.search(key))
        and value is not None
        and not isinstance(value, bool)
    ):
        return HIDDEN
    if key in _STACKS and isinstance(value, str):
        return redact_text(value, _MAX_STACK)
    return redact(value, depth)


def redact_text(text: str, most: int = _MAX_TEXT) -> str:
    """The text without secrets, and no more of it than `most` characters."""
    if len(text) > most:
        text = text[:most] + "…"
    if text.isalpha():  # one word: every secret has another sign in it, or before it
        return text
    if _may_hold_secret(text):
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    if "@" in text:
        text = _EMAIL.sub(r"\1***@\2", text)
    return hide_cards(text) if len(text) >= LEAST or not text.isascii() else text


@lru_cache(_KEYS_KNOWN)
def _names_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _may_hold_secret(text: str) -> bool:
    if not text.isascii():
        return True  # a pattern takes some foreign letters for ours, whatever their case
    lower = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - a generator costs as much as the whole search
        if hint in lower:
            return True
    return False


def _looks_like_card(number: int) -> bool:
    return 10**12 <= number < 10**19 and is_card(str(number))
