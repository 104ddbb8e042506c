"""Facts and what is expected of them: the whole language of conditions in a playbook. Pure.

A matcher is written as a value (`down`, `true`, `3`), a comparison (`"> 0.5"`, `">= 3"`, `"!= down"`), a choice
(`"one of down, slow"`), `present` or `absent`. Names of facts are `fact` of the same answer or `step.fact` of an earlier
one; `{name}` in a text stands for a fact or a label.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | bool | None
Facts = Mapping[str, Value]

_NAME = re.compile(r"\{([a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_]*)?)\}")
_COMPARED = re.compile(r"(>=|<=|!=|>|<)\s*(.+)")
_ONE_OF = "one of "


class NoMatcherError(ValueError):
    """What is written is no matcher; the message says why."""


class NoFactError(KeyError):
    """A text or condition names a fact that nobody has found out."""


@dataclass(frozen=True)
class Matcher:
    """`op` is one of == != > >= < <= in present absent; `values` are what it compares with."""

    op: str
    values: tuple[Value, ...] = ()

    def fits(self, value: Value) -> bool:
        """Whether the fact is so; what is not known (None) fits `absent` alone, and a word is no number."""
        if self.op in {"present", "absent"}:
            return (value is None) == (self.op == "absent")
        if value is None:
            return False
        if self.op in {"==", "in"}:
            return any(_same(value, each) for each in self.values)
        if self.op == "!=":
            return not _same(value, self.values[0])
        return _ordered(value, self.op, self.values[0])

    def __str__(self) -> str:
        shown = ", ".join(_shown(each) for each in self.values)
        return {"==": shown, "in": f"{_ONE_OF}{shown}"}.get(self.op, f"{self.op} {shown}".strip())


def read_matcher(written: object) -> Matcher:
    """From what stands in a fence; `NoMatcherError` says what is wrong with it."""
    if isinstance(written, bool | int | float):
        return Matcher("==", (written,))
    if not isinstance(written, str) or not written.strip():
        raise NoMatcherError("write a value, a comparison such as '> 3', 'one of a, b', present or absent")
    text = written.strip()
    if text in {"present", "absent"}:
        return Matcher(text)
    if text.startswith(_ONE_OF):
        return Matcher("in", tuple(_plain(part) for part in text.removeprefix(_ONE_OF).split(",")))
    compared = _COMPARED.fullmatch(text)
    if compared is None:
        return Matcher("==", (_plain(text),))
    value = _plain(compared[2])
    if compared[1] != "!=" and not _is_number(value):
        raise NoMatcherError(f"{compared[1]} needs a number, not {compared[2]!r}")
    return Matcher(compared[1], (value,))


def unmet(expect: Mapping[str, Matcher], facts: Facts) -> list[str]:
    """What is not as expected, in words; a fact that nobody found out is not."""
    return [
        f"{name} is {_shown(facts.get(name))}, expected {matcher}"
        for name, matcher in expect.items()
        if not matcher.fits(facts.get(name))
    ]


def names(text: str) -> set[str]:
    """Every fact or label a text asks for."""
    return set(_NAME.findall(text))


def fill(text: str, facts: Facts) -> str:
    """The text with facts in it; `NoFactError` names the one that is not known."""

    def found(match: re.Match[str]) -> str:
        value = facts.get(match[1])
        if value is None:
            raise NoFactError(match[1])
        return _shown(value)

    return _NAME.sub(found, text)


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other or str(one) == str(other)


def _ordered(value: Value, op: str, bound: Value) -> bool:
    if not (_is_number(value) and _is_number(bound)):
        return False
    one, other = float(value or 0), float(bound or 0)
    return {">": one > other, ">=": one >= other, "<": one < other, "<=": one <= other}[op]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(text: str) -> Value:
    text = text.strip()
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _shown(value: Value) -> str:
    if value is None:
        return "not known"
    return str(value).lower() if isinstance(value, bool) else str(value)
