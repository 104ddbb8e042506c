"""The form of a declaration: what a metric is called, what it counts, and which label values it may ever have.

A label is a closed `StrEnum`, or `Bounded`: an open set with a ceiling, above which values fold into "other". Nothing
else is possible, so the number of series of a process has an upper bound that can be computed from the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OTHER = "other"


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
    """`unit` is the base unit of the value: "seconds", "1" for a ratio or flag, otherwise the noun that is counted."""

    name: str
    help: str
    unit: str
    labels: Labels = field(default_factory=dict)


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
