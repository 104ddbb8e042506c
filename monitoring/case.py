"""A case of an alert: series as they might be, and what the alert says of them at a moment, or that it is silent.

`cubano monitor build` writes them as unit tests for promtool, which runs the very rules that are released. Each alert has
a case that fires and one just below that does not; where the alert is about a share, one with so few events that the
share proves nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.alert import Alert, Tier

_LINE = re.compile(r"^\s*(?P<series>[\w:]+(?:\{.*?\})?)\s+(?P<values>\S.*?)\s*$", re.MULTILINE)
PLACE = "#"  # in a template: here stands the number that makes the difference


@dataclass(frozen=True)
class Said:
    """One firing: its tier, its sentence, and the labels that the series brought with them."""

    tier: Tier
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`series` holds lines of a series and its values in promtool's notation, a value a minute unless `every` says otherwise."""

    alert: str
    why: str
    series: str
    at: str
    said: tuple[Said, ...] = ()
    every: str = "1m"


@dataclass(frozen=True)
class Reading:
    """What expressions come to: of recorded series, or of all alerts together."""

    why: str
    series: str
    at: str
    values: Mapping[str, str]
    every: str = "15s"


AnyCase = Case | Reading


def critical(summary: str, **labels: str) -> Said:
    return Said(Tier.CRITICAL, summary, labels)


def warning(summary: str, **labels: str) -> Said:
    return Said(Tier.WARNING, summary, labels)


def info(summary: str, **labels: str) -> Said:
    return Said(Tier.INFO, summary, labels)


def limit(
    alert: str, series: str, at: str, *said: Said, fires: object, silent: object, few: object = None
) -> tuple[Case, ...]:
    """The cases on both sides of a limit, and with few events; several numbers fill several places of the template."""
    cases = [
        Case(alert, f"{alert} fires", filled(series, fires), at, said),
        Case(alert, f"{alert} is silent just below", filled(series, silent), at),
    ]
    if few is not None:
        cases.append(Case(alert, f"{alert} is silent when little happens", filled(series, few), at))
    return tuple(cases)


def filled(series: str, numbers: object) -> str:
    """The template with its places filled from left to right."""
    rest = list(numbers) if isinstance(numbers, tuple) else [numbers]
    first, *parts = series.split(PLACE)
    if len(parts) != len(rest):
        raise ValueError(f"{len(rest)} numbers for {len(parts)} places: {series}")
    return first + "".join(f"{number}{part}" for number, part in zip(rest, parts, strict=True))


def tests(cases: Iterable[AnyCase], rule_files: Iterable[str], alerts: Iterable[Alert], every: str) -> dict[str, Any]:
    """A file of tests for promtool; `every` is the time between two evaluations.

    Cases that do not touch each other share a test: none shows a metric that the alert of another reads.
    """
    known = {(each.name, each.tier): each for each in alerts}
    reads: dict[str, str] = {}
    for (name, _), alert in known.items():
        reads[name] = reads.get(name, "") + alert.expr
    return {
        "rule_files": list(rule_files),
        "evaluation_interval": every,
        "tests": [_test(group, known) for group in _groups(cases, reads)],
    }


def _groups(cases: Iterable[AnyCase], reads: Mapping[str, str]) -> list[list[AnyCase]]:
    groups: list[list[AnyCase]] = []
    for case in cases:
        for group in groups:
            if all(_apart(case, other, reads) for other in group):
                group.append(case)
                break
        else:
            groups.append([case])
    return groups


def _apart(one: AnyCase, other: AnyCase, reads: Mapping[str, str]) -> bool:
    if one.every != other.every:
        return False
    if isinstance(one, Reading) or isinstance(other, Reading):
        return one.series == other.series
    shown, also = _names(one), _names(other)
    return not (
        shown & also
        or any(name in reads[other.alert] for name in shown)
        or any(name in reads[one.alert] for name in also)
    )


def _names(case: AnyCase) -> set[str]:
    names = {each["series"].partition("{")[0] for each in _series(case.series)}
    return {re.sub(r"_(count|sum|bucket)$", "", name) for name in names}


def _test(group: Iterable[AnyCase], known: Mapping[tuple[str, Tier], Alert]) -> dict[str, Any]:
    cases = list(group)
    series = {each["series"]: each for case in cases for each in _series(case.series)}
    test: dict[str, Any] = {
        "name": "; ".join(case.why for case in cases),
        "interval": cases[0].every,
        "input_series": list(series.values()),
    }
    said = [_said(case, known) for case in cases if isinstance(case, Case)]
    read = [each for case in cases if isinstance(case, Reading) for each in _read(case)]
    return {**test, **({"alert_rule_test": said} if said else {}), **({"promql_expr_test": read} if read else {})}


def _said(case: Case, known: Mapping[tuple[str, Tier], Alert]) -> dict[str, Any]:
    said = [_expected(known[case.alert, each.tier], each) for each in case.said]
    return {"eval_time": case.at, "alertname": case.alert, "exp_alerts": said}


def _read(case: Reading) -> Iterator[dict[str, Any]]:
    for expr, value in case.values.items():
        samples = [{"value": float(value)}] if value else []
        yield {"expr": expr, "eval_time": case.at, "exp_samples": samples}


def _series(text: str) -> Iterator[dict[str, str]]:
    for found in _LINE.finditer(text):
        yield {"series": found["series"], "values": found["values"]}


def _expected(alert: Alert, said: Said) -> dict[str, Any]:
    return {
        "exp_labels": {**alert.shown_labels, **said.labels},
        "exp_annotations": {**alert.annotations, "summary": said.summary},
    }
