"""The form of a declaration: what a metric is called, what it counts, and which label values it may ever have.

A label is a closed `StrEnum`, or `Bounded`: an open set with a ceiling, above which values fold into "other". Nothing
else is possible, so the number of series of a process has an upper bound that can be computed from the catalogue.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OTHER = "other"
SERIES_BUDGET = 30_000  # of one process in the worst case; a Prometheus of our size minds ten times that


@dataclass(frozen=True, eq=False, slots=True)
class Bounded:
    """Values that are not known when the catalogue is written (ticket types, route templates), at most `limit` of them.

    `known` are the ones that exist at zero from the start.
    """

    limit: int
    known: tuple[str, ...] = ()


Labels = Mapping[str, type[StrEnum] | Bounded]


@dataclass(frozen=True, eq=False, slots=True)
class Metric:
    """`unit` is the base unit of the value: "seconds", "1" for a ratio or flag, otherwise the noun that is counted.

    `most` is a ceiling for the combinations of its labels together, where their product is silly: above it every value of
    an open set that is not known from the start folds into "other". 0 means that the product is the ceiling.
    """

    name: str
    help: str
    unit: str
    labels: Labels = field(default_factory=dict)
    most: int = field(default=0, kw_only=True)


@dataclass(frozen=True, eq=False, slots=True)
class Counter(Metric):
    pass


@dataclass(frozen=True, eq=False, slots=True)
class Gauge(Metric):
    """`snapshot` gauges are measured by one process: they are absent until set, so a zero is always a measured zero."""

    snapshot: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Histogram(Metric):
    buckets: tuple[float, ...] = ()


def known_values(allowed: type[StrEnum] | Bounded) -> tuple[str, ...]:
    if isinstance(allowed, Bounded):
        return allowed.known
    return tuple(member.value for member in allowed)


def series_limit(metric: Metric) -> int:
    """How many series it can ever have in one process, whatever is thrown at it."""
    product = math.prod(map(_values_limit, metric.labels.values()))
    if metric.most:
        product = min(product, metric.most + math.prod(map(_folded_limit, metric.labels.values())))
    return product * (len(metric.buckets) + 3 if isinstance(metric, Histogram) else 1)  # +Inf, sum, count


def _values_limit(allowed: type[StrEnum] | Bounded) -> int:
    if isinstance(allowed, Bounded):
        return allowed.limit + len({*allowed.known, OTHER})
    return len({*known_values(allowed), OTHER})


def _folded_limit(allowed: type[StrEnum] | Bounded) -> int:
    return len({*known_values(allowed), OTHER})
