"""Reading parameters: a closed set of names per endpoint, each with the reader that turns its text into a value.

A spec is a plain dict `{name: reader}`; a nested dict is an object, a one-element list an array of that. What a spec
does not name is refused as the gateway refuses it. `KEPT` names parameters that are accepted and not acted on.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.emulator.errors import invalid, unknown_param
from service.emulator.wire import Obj

Reader = Callable[[Any, str], Any]
Spec = Mapping[str, Any]

MAX_AMOUNT = 99_999_999  # eight digits, docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MAX_METADATA_KEYS, MAX_METADATA_KEY, MAX_METADATA_VALUE = 50, 40, 500  # docs.stripe.com/api/metadata
INTEGER = re.compile(r"-?\d{1,15}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL = re.compile(r"https?://[^\s]+")


def text(value: Any, param: str, limit: int = 5000) -> str:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {value!r}", param=param)
    if len(value) > limit:
        raise invalid(f"Invalid string: {param} may be at most {limit} characters", param=param)
    return value


def integer(value: Any, param: str) -> int:
    if not isinstance(value, str) or not INTEGER.fullmatch(value):
        raise invalid(f"Invalid integer: {value}", param=param, code="parameter_invalid_integer")
    return int(value)


def positive(value: Any, param: str) -> int:
    number = integer(value, param)
    if number < 1:
        raise invalid("This value must be greater than or equal to 1.", param=param, code="parameter_invalid_integer")
    return number


def amount(value: Any, param: str) -> int:
    number = integer(value, param)
    if number < 0:
        raise invalid("Invalid non-negative integer", param=param, code="parameter_invalid_integer")
    if number > MAX_AMOUNT:
        raise invalid(f"Amount must be no more than {MAX_AMOUNT}", param=param, code="amount_too_large")
    return number


def boolean(value: Any, param: str) -> bool:
    if value not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {value}", param=param)
    return bool(value == "true")


def currency(value: Any, param: str) -> str:
    code = text(value, param).lower()
    if len(code) != 3 or not code.isascii() or not code.isalpha():  # noqa: PLR2004 - ISO 4217
        raise invalid(f"Invalid currency: {value}. Must be a three-letter ISO code.", param=param)
    return code


def email(value: Any, param: str) -> str:
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise invalid(f"Invalid email address: {value}", param=param, code="email_invalid")
    return value


def url(value: Any, param: str) -> str:
    if not isinstance(value, str) or not URL.fullmatch(value):
        raise invalid("Not a valid URL", param=param, code="url_invalid")
    return value


def one_of(*allowed: str) -> Reader:
    def read(value: Any, param: str) -> str:
        if value not in allowed:
            words = ", ".join(f"`{word}`" for word in allowed)
            raise invalid(f"Invalid {param}: must be one of {words}", param=param)
        return str(value)

    return read


def metadata(value: Any, param: str) -> dict[str, str]:
    if value == "":
        return {}
    if isinstance(value, list):  # keys that are all digits look like an array on the wire
        value = {str(index): entry for index, entry in enumerate(value)}
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=param)
    if len(value) > MAX_METADATA_KEYS:
        raise invalid(f"Metadata can have at most {MAX_METADATA_KEYS} keys.", param=param)
    for key, entry in value.items():
        if len(key) > MAX_METADATA_KEY:
            raise invalid(f"Metadata keys can be at most {MAX_METADATA_KEY} characters: {key}", param=param)
        text(entry, f"{param}[{key}]", MAX_METADATA_VALUE)
    return {key: entry for key, entry in value.items() if entry != ""}


def anything(value: Any, param: str) -> Any:  # noqa: ARG001 - a reader's shape
    return value


def time_range(value: Any, param: str) -> dict[str, int]:
    if isinstance(value, str):
        moment = integer(value, param)
        return {"gte": moment, "lte": moment}
    return read(value, {"gt": integer, "gte": integer, "lt": integer, "lte": integer}, param)


def read(given: Any, spec: Spec, prefix: str = "") -> Obj:
    """The values of `given` by `spec`; raises the gateway's refusal for a name or value it would not take."""
    if not isinstance(given, dict):
        raise invalid("Invalid object", param=prefix)
    values: Obj = {}
    for name, value in given.items():
        param = f"{prefix}[{name}]" if prefix else name
        try:
            reader = spec[name]
        except KeyError:
            raise unknown_param(param) from None
        values[name] = _value(value, reader, param)
    return values


def _value(value: Any, reader: Any, param: str) -> Any:
    if isinstance(reader, Mapping):
        return read(value, reader, param)
    if isinstance(reader, Sequence):
        if not isinstance(value, list):
            raise invalid("Invalid array", param=param)
        return [_value(entry, reader[0], f"{param}[{index}]") for index, entry in enumerate(value)]
    return reader(value, param)
