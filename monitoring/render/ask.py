"""Questions to Prometheus' HTTP API, and the windows that Grafana would fill in.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from monitoring.render.errors import NoAnswer, NotAnswered

TIMEOUT_S = 30
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_INTERVAL = re.compile(r"scrape_interval: *(\S+)")
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)


def seconds(text: str) -> float:
    """Of "90s", "1h30m"; ValueError for what is no duration."""
    parts = re.findall(r"(\d+)(ms|[smhdw])", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration; 15m, 1h, 1d are")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


@dataclass(frozen=True)
class Series:
    """One line: its labels and its points, oldest first. An answer about now has one point."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Span:
    """What is shown: from, to and the distance of two points, in seconds."""

    start: float
    end: float
    step: float

    @classmethod
    def of(cls, end: float, length_s: float, *, points: int, least_s: float) -> "Span":
        """With steps that a clock shows, at most `points` of them, none shorter than a scrape."""
        wanted = max(length_s / points, least_s)
        step = next((step for step in _STEPS_S if step >= wanted), math.ceil(wanted / 86_400) * 86_400)
        end = math.floor(end / step) * step
        return cls(end - math.ceil(length_s / step) * step, end, step)


@dataclass
class Prometheus:
    """`chosen` are the reader's variables; those that are not there mean everything."""

    url: str
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT_S)
        self._scrape_s: float | None = None

    def close(self) -> None:
        self._http.close()

    def scrape_s(self) -> float:
        """How often Prometheus looks, by its own configuration."""
        if self._scrape_s is None:
            found = _INTERVAL.search(self._get("/api/v1/status/config", {}, "")["yaml"])
            self._scrape_s = seconds(found[1]) if found else 15
        return self._scrape_s

    def over(self, expr: str, span: Span) -> list[Series]:
        """The answers over time."""
        text = self.filled(expr, span)
        asked = {"query": text, "start": span.start, "end": span.end, "step": span.step}
        return [_series(each, each["values"]) for each in self._get("/api/v1/query_range", asked, text)["result"]]

    def now(self, expr: str, span: Span) -> list[Series]:
        """The answers at the end of what is shown, in the order of the expression."""
        text = self.filled(expr, span)
        found = self._get("/api/v1/query", {"query": text, "time": span.end}, text)
        if found["resultType"] == "scalar":
            return [Series({}, ((found["result"][0], float(found["result"][1])),))]
        return [_series(each, [each["value"]]) for each in found["result"]]

    def exemplars(self, expr: str, span: Span) -> list[tuple[float, float]]:
        """Moments and values that lead to traces."""
        text = self.filled(expr, span)
        found = self._get("/api/v1/query_exemplars", {"query": text, "start": span.start, "end": span.end}, text)
        return [(each["timestamp"], float(each["value"])) for series in found for each in series["exemplars"]]

    def filled(self, expr: str, span: Span) -> str:
        """An expression with Grafana's windows and the reader's choices in it."""
        rate_s = max(span.step + self.scrape_s(), 4 * self.scrape_s())
        windows = {"__rate_interval": rate_s, "__interval": span.step, "__range": span.end - span.start}
        expr = expr.replace("$__range_s", str(math.ceil(windows["__range"])))
        for name, length_s in windows.items():
            expr = expr.replace(f"${name}", f"{math.ceil(length_s)}s")
        return re.sub(r"\$([a-z_]+)", lambda name: self.chosen.get(name[1], ".*"), expr)

    def _get(self, path: str, asked: Mapping[str, Any], expr: str) -> Any:
        try:
            answer = self._http.get(path, params=dict(asked))
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NoAnswer(self.url, type(error).__name__) from error
        if not isinstance(found, dict) or found.get("status") != "success":
            why = found.get("error", answer.status_code) if isinstance(found, dict) else answer.status_code
            raise NotAnswered(expr, str(why))
        return found["data"]


def _series(found: Mapping[str, Any], values: list[Any]) -> Series:
    points = ((at, float(value)) for at, value in values)
    return Series(found["metric"], tuple((at, value) for at, value in points if math.isfinite(value)))
