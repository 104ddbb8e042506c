"""What an expression may speak of: the metrics of the catalogue, their labels and values, and what is recorded from them.

Rules, dashboards, documents and playbooks are held to it. Only tests and checks load this, as they do `promql`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from monitoring import baselines, promql, recording
from monitoring.alert import Record
from monitoring.durations import Scale
from service.telemetry.catalogue import ALL
from service.telemetry.metric import Bounded, Histogram, Metric, known_values

# Told by Prometheus, Alertmanager and exporters themselves.
OTHERS = re.compile(r"(up|ALERTS|ALERTS_FOR_STATE|(prometheus|alertmanager|scrape|process|pg)_\w+)$")
PARTS = re.compile(r"_(bucket|count|sum)$")
_LABELS_OF_OTHERS = frozenset({"rule_group", "integration", "alertmanager", "severity"})


@lru_cache
def recorded() -> Mapping[str, Record]:
    """Recording rules by the name of what they record."""
    return {each.name: each for group in (recording.records() | baselines.records()).values() for each in group}


@lru_cache
def declared() -> Mapping[str, Metric]:
    """The catalogue by name."""
    return {metric.name: metric for metric in ALL}


def metric_of(name: str) -> Metric | None:
    """The declaration behind a name in an expression, None when there is none."""
    histogram = declared().get(PARTS.sub("", name))
    return histogram if isinstance(histogram, Histogram) else declared().get(name)


def complaints(where: str, expr: str) -> Iterator[str]:
    """What an expression names that is not declared; raises ValueError when it cannot be parsed."""
    for use in promql.uses(expr):
        if use.metric in recorded() or OTHERS.fullmatch(use.metric):
            continue
        metric = metric_of(use.metric)
        if metric is None:
            yield f"{where}: {use.metric or 'a metric without name'} is not declared"
            continue
        yield from (f"{where}: {text}" for text in _strange(metric, use))


def _strange(metric: Metric, use: promql.Use) -> Iterator[str]:
    for matcher in use.matchers:
        allowed = metric.labels.get(matcher.label)
        if matcher.label in promql.EVERYWHERE or (matcher.label == "le" and use.metric.endswith("_bucket")):
            continue
        if allowed is None:
            yield f"{metric.name} has no label {matcher.label}"
        elif not isinstance(allowed, Bounded) and "$" not in matcher.value:
            yield from _unknown_values(metric, matcher, set(known_values(allowed)))


def _unknown_values(metric: Metric, matcher: promql.Matcher, known: set[str]) -> Iterator[str]:
    plain = re.fullmatch(r"[\w|]*", matcher.value)
    if matcher.exact or plain:
        strange = set(matcher.value.split("|")) - known if not matcher.exact else {matcher.value} - known
        yield from (f"{metric.name}: {value!r} is no {matcher.label}" for value in sorted(strange))
    elif not any(re.fullmatch(matcher.value, value) for value in known):
        yield f"{metric.name}: no {matcher.label} fits {matcher.value!r}"


def labels_of(name: str) -> set[str]:
    """The labels that a series of this name may have."""
    if name in recorded():
        record = recorded()[name]
        made = {label for use in promql.groupings(Scale().apply(record.expr)) for label in use.labels}
        return made | set(record.labels) | {"provider"}
    metric = metric_of(name)
    return set(metric.labels) | {"le"} if metric is not None else set(_LABELS_OF_OTHERS)
