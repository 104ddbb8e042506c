"""Questions to Prometheus. An answer it calls partial is none; no series is no value, never zero.

A query is asked as it stands, but for its ranges and offsets, which a drill divides by its pace, as it does in the rules.
"""

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.actions.wire import Wire
from runbooks.engine.facts import Facts, Value
from runbooks.engine.registry import RefusedError, UnreachableError

MOST_SERIES = 10_000
LEAST_RANGE_S = 5  # a range holds at least four scrapes, and a drill scrapes every second
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_DURATION = r"(?:[0-9]+(?:ms|[smhdwy]))+"
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
# Strings and comments come first, so that nothing in them is taken for a range.
_PIECE = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*"""
    rf"|(?P<range>\[[^\]]*\])|\b(?P<offset>offset\s+-?\s*)(?P<by>{_DURATION})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sample:
    """One series now."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """`pace` is how many times faster than production its rules are."""

    def __init__(self, wire: Wire, *, pace: int = 1) -> None:
        self._wire = wire
        self.pace = pace

    async def query(self, text: str) -> Facts:
        """`value` (the greatest), `sum`, `count`, and the labels of the greatest as `label_…`; no series: only `count` 0.

        `RefusedError` for what is no query.
        """
        samples = await self.samples(text)
        if not samples:
            return {"count": 0}
        most = max(samples, key=lambda each: each.value)
        labels = {f"label_{name}": value for name, value in most.labels.items() if name != "__name__"}
        total = math.fsum(each.value for each in samples)
        return {"value": plain(most.value), "sum": plain(total), "count": len(samples), **labels}

    async def value(self, text: str) -> float | None:
        """The greatest value, or None."""
        return max((each.value for each in await self.samples(text)), default=None)

    async def by(self, label: str, text: str) -> dict[str, float]:
        """The values by one label."""
        return {each.labels.get(label, ""): each.value for each in await self.samples(text)}

    async def samples(self, text: str) -> list[Sample]:
        """Every series of an instant query that has a value; what is not a number is left out."""
        data = await self._ask("POST", "query", data={"query": at_pace(text, self.pace), "timeout": "3s"})
        kind, result = data.get("resultType"), data.get("result") or []
        if kind == "scalar":
            result = [{"metric": {}, "value": result}]
        elif kind != "vector":
            raise RefusedError(f"the query gives a {kind}, not a value: {text[:100]}")
        if len(result) > MOST_SERIES:
            raise RefusedError(f"the query gives {len(result)} series: {text[:100]}")
        found = [Sample(each["metric"], float(each["value"][1])) for each in result]
        return [each for each in found if not math.isnan(each.value)]

    async def alerts(self) -> list[dict[str, Any]]:
        """What is pending or firing, as Prometheus tells it."""
        return list((await self._ask("GET", "alerts"))["alerts"])

    async def targets(self) -> list[dict[str, Any]]:
        """Every target it reads."""
        return list((await self._ask("GET", "targets", params={"state": "active"}))["activeTargets"])

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule it has loaded."""
        groups = (await self._ask("GET", "rules"))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def _ask(self, method: str, question: str, **how: Any) -> dict[str, Any]:
        said = await self._wire.ask(method, f"/api/v1/{question}", **how)
        if not isinstance(said, dict) or said.get("status") != "success":
            raise UnreachableError("Prometheus did not answer as Prometheus does")
        if said.get("warnings"):
            raise UnreachableError(f"Prometheus knows only a part: {str(said['warnings'][0])[:200]}")
        data = said.get("data")
        return data if isinstance(data, dict) else {}


def at_pace(text: str, pace: int) -> str:
    """The query with its ranges, steps and offsets divided; label values and numbers stay as they are."""
    if pace == 1:
        return text

    def written(found: re.Match[str]) -> str:
        if found["range"]:
            span, colon, step = found["range"][1:-1].partition(":")
            return f"[{_divided(span, pace)}{colon}{_divided(step, pace, least_s=1)}]"
        if found["offset"]:
            return f"{found['offset']}{_divided(found['by'], pace)}"
        return found[0]

    return _PIECE.sub(written, text)


def _divided(text: str, pace: int, *, least_s: int = LEAST_RANGE_S) -> str:
    duration = text.strip()
    if not re.fullmatch(_DURATION, duration):
        return text
    whole_ms = sum(int(count) * _UNITS_MS[unit] for count, unit in _PART.findall(duration))
    return f"{max(whole_ms // 1000 // pace, least_s)}s"


def plain(value: float) -> Value:
    """As a fact: a whole number without its point; and JSON knows no infinity."""
    if math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else round(value, 6)  # noqa: PLR2004 - whole up to there
