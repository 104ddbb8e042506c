"""What one run used, and how much of it a scenario lets it have: processor and statements a request, waiting for a
connection, growth of memory. A figure that is missing is inconclusive; `LIMITS` has a row for each kind of ceiling.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtests.result import Ran, Watched
from loadtests.stages import Scenario
from loadtests.verdict import Row, Verdict

OURS = ("serve", "work", "postgres")  # the stand-ins and those who look cost nobody anything in production
LEAST_GROWTH_S = 45  # shorter, and what is loaded at the first request looks like a leak
_WARM = 0.2  # of a run at its start says nothing about growth
_MB = 1_000_000


@dataclass(frozen=True)
class Ceiling:
    told: str
    unit: str
    found: Callable[[Watched], float | None]  # None: not measured
    least_s: float = 0  # a run that is shorter says nothing about it


def cpu_ms_per_request(watched: Watched) -> float | None:
    """Processor time of serve, worker and database by requests that were answered."""
    if not (grown := _grown(watched)):
        return None
    first, last, requests = grown
    known = [name for name in OURS if name in first and name in last]
    return sum(last[name] - first[name] for name in known) * 1000 / requests if known else None


def statements_per_request(watched: Watched) -> float | None:
    """What serve and worker asked of the database by requests that were answered."""
    if not (grown := _grown(watched)):
        return None
    asked = watched.samples[-1].statements - watched.samples[0].statements
    return asked / grown[2] if asked > 0 else None


def pool_wait_p99_s(watched: Watched) -> float | None:
    """Within which bucket the slowest one in a hundred got its connection."""
    bounds = sorted((math.inf if le == "+Inf" else float(le), count) for le, count in watched.pool_wait.items())
    if not bounds or not bounds[-1][1]:
        return None
    return next(bound for bound, count in bounds if count >= 0.99 * bounds[-1][1])


def rss_mb_per_minute(watched: Watched) -> float | None:
    """Growth of the process that grew fastest, as a line through all looks after the first ones has it."""
    samples = watched.samples[int(len(watched.samples) * _WARM) :]
    names = [name for name in OURS if samples and all(name in each.rss for each in samples)]
    times = [each.at_s / 60 for each in samples]
    slopes = [_slope(times, [each.rss[name] / _MB for each in samples]) for name in names]
    return max(slopes, default=None)


LIMITS: Mapping[str, Ceiling] = {
    "cpu_ms_per_request": Ceiling("Processor time for a request.", "ms of CPU", cpu_ms_per_request),
    "statements_per_request": Ceiling("Statements for a request.", "statements", statements_per_request),
    "pool_wait_p99_s": Ceiling("Waiting for a connection, the slowest in a hundred.", "s", pool_wait_p99_s),
    "rss_mb_per_minute": Ceiling("Growth of memory.", "MB/min", rss_mb_per_minute, LEAST_GROWTH_S),
}


def ceilings(ran: Ran, scenario: Scenario) -> Iterator[Row]:
    """A row for each ceiling of the scenario that a run of this length can say anything about."""
    for name, limit in scenario.ceilings.items():
        ceiling = LIMITS[name]
        if ran.seconds < ceiling.least_s:
            continue
        found = ceiling.found(ran.watched)
        yield Row(
            scenario=ran.scenario,
            name=name,
            told=ceiling.told,
            verdict=_verdict(found, limit),
            found=found,
            limit=limit,
            unit=ceiling.unit,
            why=_why(ceiling, found, limit),
        )


def _verdict(found: float | None, limit: float) -> Verdict:
    if found is None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if found <= limit else Verdict.FAIL


def _why(ceiling: Ceiling, found: float | None, limit: float) -> str:
    if found is None:
        return f"{ceiling.told} It was not measured."
    return "" if found <= limit else f"{ceiling.told} Found {found:,.3g} {ceiling.unit}, at most {limit:g}."


def _grown(watched: Watched) -> tuple[dict[str, float], dict[str, float], float] | None:
    """Processor time at the first look and at the last, and the requests between them; None when there were none."""
    if len(watched.samples) < 2:  # noqa: PLR2004 - a growth has two ends
        return None
    first, last = watched.samples[0], watched.samples[-1]
    requests = last.requests - first.requests
    return (first.cpu_s, last.cpu_s, requests) if requests > 0 else None


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    return statistics.linear_regression(times, values).slope if len(set(times)) > 1 else 0.0
