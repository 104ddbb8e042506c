"""A mapping of a playbook, asked key by key; what is not as it has to be becomes a fault at its line. Pure."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from runbooks.engine.facts import Matcher, NoMatcherError, names, read_matcher
from runbooks.engine.faults import Faults, meant
from runbooks.engine.fields import Field, Scalar, only, words

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_FACT = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_]*)?")
_Choice = TypeVar("_Choice", bound=StrEnum)
_QUOTED = 'write a text in quotes, such as "{provider}"'


class Form:
    """The fields of a mapping. Every question has an answer, also where a fault was found: reading goes on to the others."""

    def __init__(self, field: Field, keys: Iterable[str], what: str, faults: Faults) -> None:
        self.line, self.what, self._faults = field.line, what, faults
        fields = field.value if isinstance(field.value, dict) else {}
        if not isinstance(field.value, dict):
            self.fault(field.line, f"{what} needs `key: value` lines", f"its keys are {', '.join(keys)}")
        self._fields = {key: fields[key] for key in only(fields, keys, what, faults)}

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def fault(self, line: int, problem: str, mend: str) -> None:
        self._faults.add(line, problem, mend)

    def at(self, key: str) -> int:
        """The line of a key; of the mapping where the key is not there."""
        return self._fields[key].line if key in self._fields else self.line

    def need(self, *keys: str) -> None:
        """Exactly one of these keys has to be there."""
        there = [key for key in keys if key in self._fields]
        if not there:
            self.fault(self.line, f"{self.what} has no {' or '.join(keys)}", f"write `{keys[0]}: …`")
        for extra in there[1:]:
            self.fault(self.at(extra), f"{self.what} has {there[0]} and {extra}", "one of them is enough")

    def text(self, key: str, default: str = "") -> str:
        """A text, without the spaces around it."""
        if key not in self._fields:
            return default
        value = self._fields[key].value
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.fault(self.at(key), f"{key} of {self.what} is no text", _QUOTED)
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._fields[key].value if key in self._fields else default
        if isinstance(value, bool):
            return value
        self.fault(self.at(key), f"{key} of {self.what} is neither true nor false", "write true or false")
        return default

    def choice(self, key: str, kind: type[_Choice], default: _Choice) -> _Choice:
        if key not in self._fields:
            return default
        written = self._fields[key].value
        if isinstance(written, str) and written in set(kind):
            return kind(written)
        shown = words(written) if isinstance(written, Scalar) else "this"
        self.fault(self.at(key), f"{shown} is no {key}", meant(shown, map(str, kind)))
        return default

    def seconds(self, key: str, default: int) -> int:
        """A duration such as 45s, 5m, 2h or 1d, in seconds."""
        if key not in self._fields:
            return default
        found = _DURATION.fullmatch(str(self._fields[key].value))
        if found is not None:
            return int(found[1]) * _UNITS[found[2]]
        self.fault(self.at(key), f"{key} of {self.what} is no duration", "write 45s, 5m, 2h or 1d")
        return default

    def count(self, key: str, default: int | None, *, any_allowed: bool = True) -> int | None:
        """A number of things, None for `any`."""
        if key not in self._fields:
            return default
        value = self._fields[key].value
        if value == "any" and any_allowed:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        mend = "write a whole number" + (" or any" if any_allowed else "")
        self.fault(self.at(key), f"{key} of {self.what} is no count", mend)
        return default

    def list_of_texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        if key not in self._fields:
            return default
        value = self._fields[key].value
        if isinstance(value, list) and all(isinstance(each.value, Scalar) and each.value is not None for each in value):
            return tuple(words(each.value) for each in value if isinstance(each.value, Scalar))
        self.fault(self.at(key), f"{key} of {self.what} is no list of words", f"write `{key}: [one, two]`")
        return default

    def args(self, key: str) -> dict[str, str]:
        """Names and what they stand for, as texts."""
        found = {}
        for name, field in self._mapping(key):
            if isinstance(field.value, Scalar) and field.value is not None:
                found[name] = words(field.value)
            else:
                self.fault(field.line, f"{name} in {key} of {self.what} is no text", _QUOTED)
        return found

    def matchers(self, key: str) -> dict[str, Matcher]:
        """What facts have to be."""
        found = {}
        for name, field in self._mapping(key):
            if not _FACT.fullmatch(name):
                self.fault(field.line, f"{name} is no name of a fact", "write fact, or step.fact of an earlier step")
                continue
            if inserted := names(str(field.value)):
                problem = f"{{{min(inserted)}}} in {key} of {self.what} is not filled in"
                mend = "compare with a fixed value; a fact of another step is compared by `choose` or `when`"
                self.fault(field.line, problem, mend)
                continue
            try:
                found[name] = read_matcher(field.value)
            except NoMatcherError as error:
                self.fault(field.line, f"{name} in {key} of {self.what} cannot be compared", str(error))
        return found

    def form(self, key: str, keys: Iterable[str], what: str) -> "Form":
        return Form(self._fields.get(key, Field(self.line, {})), keys, what, self._faults)

    def forms(self, key: str, keys: tuple[str, ...], what: str) -> "Iterator[Form]":
        """The mappings of a list."""
        if key not in self._fields:
            return
        value = self._fields[key].value
        if not isinstance(value, list) or not value:
            self.fault(self.at(key), f"{key} of {self.what} is no list", "write each in a line that begins with -")
            return
        yield from (Form(each, keys, what, self._faults) for each in value)

    def _mapping(self, key: str) -> "Iterator[tuple[str, Field]]":
        if key not in self._fields:
            return
        value = self._fields[key].value
        if isinstance(value, dict):
            yield from value.items()
        else:
            self.fault(self.at(key), f"{key} of {self.what} needs names and values", f"write `{key}: {{name: value}}`")
