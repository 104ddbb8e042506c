"""A dashboard's JSON, and the answers its panels ask for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.render.ask import Prometheus, Series, Span
from monitoring.render.errors import NoDashboard
from monitoring.render.units import Reading

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Named:
    """A line with what its legend calls it."""

    name: str
    series: Series

    @property
    def last(self) -> float:
        return self.series.points[-1][1]


@dataclass(frozen=True)
class Mark:
    """A moment, or a stretch of time, that the charts show."""

    start: float
    end: float
    words: str
    colour: str


def load(name: str) -> dict[str, Any]:
    """By uid, or the path of a file; `NoDashboard` says which there are."""
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not path.is_file():
        raise NoDashboard(name, sorted(each.stem for each in FOLDER.glob("*.json")))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def answers(panel: Mapping[str, Any], prometheus: Prometheus, span: Span) -> list[Named]:
    """What the panel's queries say, each line by its legend's name."""
    found = []
    for target in panel["targets"]:
        ask = prometheus.now if target.get("instant") else prometheus.over
        lines = (Named(_name(target, each, panel), each) for each in ask(target["expr"], span) if each.points)
        found += list(lines) if target.get("instant") else sorted(lines, key=lambda line: line.name)
    return found


def exemplars(panel: Mapping[str, Any], prometheus: Prometheus, span: Span) -> list[tuple[float, float]]:
    """Of the queries that ask for them."""
    asked = (target["expr"] for target in panel["targets"] if target.get("exemplar"))
    return [each for expr in asked for each in prometheus.exemplars(expr, span)]


def marks(dashboard: Mapping[str, Any], prometheus: Prometheus, span: Span) -> list[Mark]:
    """Starts of processes and switches that were moved, inside the time shown."""
    found = [
        mark
        for each in dashboard["annotations"]["list"]
        for mark in _marks(each, prometheus.over(each["expr"], span), span)
    ]
    inside = (mark for mark in found if mark.end >= span.start and mark.start <= span.end)
    return sorted(set(inside), key=lambda mark: mark.start)


def _marks(annotation: Mapping[str, Any], lines: list[Series], span: Span) -> Iterator[Mark]:
    for each in lines:
        words = _worded(annotation["textFormat"], each)
        if annotation.get("useValueForTime"):
            yield from (
                Mark(at_ms / 1000, at_ms / 1000, words, annotation["iconColor"])
                for at_ms in {v for _, v in each.points}
            )
        elif each.points:
            yield Mark(each.points[0][0], each.points[-1][0] + span.step, words, annotation["iconColor"])


def table(panel: Mapping[str, Any], prometheus: Prometheus, span: Span) -> tuple[list[str], list[list[Any]]]:
    """Headings and rows, with the panel's `merge` and `organize` applied as Grafana does."""
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    several = len(panel["targets"]) > 1
    for target in panel["targets"]:
        for each in prometheus.now(target["expr"], span):
            labels = {name: value for name, value in each.labels.items() if name != "__name__"}
            row = rows.setdefault(tuple(sorted(labels.items())), dict(labels))
            row[f"Value #{target['refId']}" if several else "Value"] = each.points[-1][1] if each.points else None
    order = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
    columns = sorted(order["includeByName"], key=lambda name: order["indexByName"][name])
    headings = [order["renameByName"][name] for name in columns]
    return headings, [[row.get(name) for name in columns] for row in rows.values()]


def readings(panel: Mapping[str, Any], headings: list[str]) -> list[Reading]:
    """How each column of a table is written, by its overrides."""
    found = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"].get("overrides", ())}
    defaults = {"unit": panel["fieldConfig"]["defaults"]["unit"]}
    return [Reading({**defaults, **{each["id"]: each["value"] for each in found.get(name, ())}}) for name in headings]


def _name(target: Mapping[str, Any], line: Series, panel: Mapping[str, Any]) -> str:
    if template := target.get("legendFormat"):
        return _worded(template, line)
    return ", ".join(value for name, value in line.labels.items() if name != "__name__") or str(panel["title"])


def _worded(template: str, line: Series) -> str:
    return " ".join(_LABEL.sub(lambda label: line.labels.get(label[1], ""), template).split())
