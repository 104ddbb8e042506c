"""PromQL from the catalogue's constants: no rule and no panel types the name of a metric of ours.

Durations stay marks (`{5m}`, see `monitoring.durations`). A matcher is a value, several values, a regular expression
(`Like`) or what it must not be (`Unlike`). A counter whose series are born with their first event is counted from that
event on: plain `increase()` sees a counter born at one as no increase at all.
"""

import math
from collections.abc import Mapping

from service.telemetry.catalogue import CHECKOUTS, PAYMENT_ATTEMPTS
from service.telemetry.labels import AttemptOutcome, CheckoutOutcome
from service.telemetry.metric import Histogram, Metric, known_values
from service.telemetry.objectives import Objective

STARTED = "process_start_time_seconds"  # prometheus_client's own
SERIES_AT_START = 256  # as in the registry: a product of label sets above this is created as it is used


class Like(str):
    """A regular expression that the whole value fits."""

    __slots__ = ()


class Unlike(str):
    """A regular expression that the value does not fit."""

    __slots__ = ()


Match = str | tuple[str, ...]


def select(metric: Metric, part: str = "", /, **match: Match) -> str:
    """A metric's series; `part` is `_count`, `_sum` or `_bucket` of a histogram."""
    inner = ",".join(_matcher(name, value) for name, value in match.items())
    return f"{metric.name}{part}{{{inner}}}" if inner else f"{metric.name}{part}"


def count_of(metric: Metric, window: str, by: str = "", /, **match: Match) -> str:
    """How many events of a counter, or observations of a histogram, in the window: `sum by (provider) (increase(…))`."""
    part = "_count" if isinstance(metric, Histogram) else ""
    return total(grown(metric, select(metric, part, **match), window), by)


def rate_of(metric: Metric, window: str, by: str = "", /, **match: Match) -> str:
    """Events a second."""
    part = "_count" if isinstance(metric, Histogram) else ""
    return total(f"rate({select(metric, part, **match)}[{{{window}}}])", by)


def grown(metric: Metric, selector: str, window: str) -> str:
    """By how much each series of a counter grew; one that is younger than the window from zero.

    After a gap in the reading an old series looks young: only those count whose target was read before the window, or
    whose process is younger than it, as that of a container with a new address.
    """
    plain = f"increase({selector}[{{{window}}}])"
    if not born_late(metric):
        return plain
    known = f"(up offset {{{window}}} == 1 or {STARTED} > time() - {{{window}:s}})"
    return f"(({selector} unless {selector} offset {{{window}}}) and on (job, instance) {known}) or {plain}"


def born_late(metric: Metric) -> bool:
    """Whether a series may exist only since its first event, because its labels cannot all be known before."""
    known = math.prod(len(known_values(allowed)) for allowed in metric.labels.values())
    return not 0 < known <= SERIES_AT_START


def total(expr: str, by: str = "") -> str:
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def most(metric: Metric, by: str = "", /, **match: Match) -> str:
    """The highest value among the processes that show a gauge."""
    return f"max by ({by}) ({select(metric, **match)})" if by else f"max({select(metric, **match)})"


def since(metric: Metric, by: str = "", /, **match: Match) -> str:
    """Seconds since the latest moment a gauge shows."""
    return f"time() - {most(metric, by, **match)}"


def quantile(q: str, metric: Histogram, window: str, by: str = "", /, **match: Match) -> str:
    """`q` of the observations were not above this."""
    over = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({over}) (rate({select(metric, '_bucket', **match)}[{{{window}}}])))"


def share(part: str, whole: str) -> str:
    """Of two expressions with the same labels; nothing where the whole is nothing."""
    return f"({part}) / ({whole} > 0)"


def renamed(expr: str, label: str, new: str) -> str:
    """The same with another label's name; `kind` is needed, because an alert has a kind of its own."""
    return f'label_replace({expr}, "{new}", "$1", "{label}", "(.+)")'


def checkouts(window: str, *outcomes: CheckoutOutcome) -> str:
    """Answers to requests for a checkout."""
    return count_of(CHECKOUTS, window, outcome=tuple(outcomes))


def attempts(window: str, *outcomes: AttemptOutcome, by: str = "") -> str:
    """Attempts to pay that ended so."""
    return count_of(PAYMENT_ATTEMPTS, window, by, outcome=tuple(outcomes))


def _matcher(name: str, value: Match) -> str:
    if isinstance(value, Unlike):
        return f'{name}!~"{value!s}"'
    if isinstance(value, Like):
        return f'{name}=~"{value!s}"'
    if isinstance(value, tuple):
        return f'{name}=~"{"|".join(value)}"' if len(value) > 1 else f'{name}="{value[0]!s}"'
    return f'{name}="{value!s}"'


def all_of(objective: Objective) -> dict[str, Match]:
    """The matchers of what an objective counts."""
    return _like(objective.matchers) | {name: Unlike(pattern) for name, pattern in objective.uncounted.items()}


def bad_of(objective: Objective) -> dict[str, Match]:
    """The matchers of the bad ones among them."""
    return all_of(objective) | _like(objective.bad)


def _like(patterns: Mapping[str, str]) -> dict[str, Match]:
    return {name: Like(pattern) for name, pattern in patterns.items()}
