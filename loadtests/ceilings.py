"""What one run used, and how much of it a scenario lets it have: processor and statements a request, waiting for a
connection, growth of memory. A figure that is missing is inconclusive; `LIMITS` has a row for each kind of ceiling.
"""

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtests.result import Ran, Sample, Watched
from loadtests.stages import Scenario
from loadtests.verdict import Row, Verdict

OURS = ("serve", "work", "postgres")  # the stand-ins and those who look cost nobody anything in production
LEAST_GROWTH_S = 45  # shorter, and what is loaded at the first request looks like a leak
_WARM = 0.2  # of a run at its start says nothing about growth
_MB = 1_000_000
_LEAST_PARTS = 4
_DRAWS, _OUTSIDE = 1_000, 25  # on either side of the 95 % that an interval holds


@dataclass(frozen=True)
class Ceiling:
    told: str
    unit: str
    found: Callable[[Watched], float | None]  # None: not measured
    spent: Callable[[Sample], float] | None = None  # where it is so much for a request: what is spent
    least_s: float = 0  # a run that is shorter says nothing about it


def cpu_ms(sample: Sample) -> float:
    """Processor time of serve, worker and database until then."""
    return sum(sample.cpu_s.get(name, 0) for name in OURS) * 1000


def statements(sample: Sample) -> float:
    """What serve and worker asked of the database until then."""
    return sample.statements


def cpu_ms_per_request(watched: Watched) -> float | None:
    """By requests that were answered."""
    return _by_requests(watched.samples, cpu_ms)


def statements_per_request(watched: Watched) -> float | None:
    """By requests that were answered."""
    return _by_requests(watched.samples, statements)


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
    "cpu_ms_per_request": Ceiling("Processor time for a request.", "ms", cpu_ms_per_request, cpu_ms),
    "statements_per_request": Ceiling("Statements for a request.", "statements", statements_per_request, statements),
    "pool_wait_p99_s": Ceiling("Waiting for a connection, the slowest in a hundred.", "s", pool_wait_p99_s),
    "rss_mb_per_minute": Ceiling("Growth of memory.", "MB/min", rss_mb_per_minute, least_s=LEAST_GROWTH_S),
}


def ceilings(ran: Ran, scenario: Scenario) -> Iterator[Row]:
    """A row for each ceiling of the scenario that a run of this length can say anything about."""
    for name, limit in scenario.ceilings.items():
        ceiling = LIMITS[name]
        if ran.seconds < ceiling.least_s:
            continue
        found = ceiling.found(ran.watched)
        low, high = spread(ran.watched, ceiling.spent) if ceiling.spent and found is not None else (None, None)
        yield Row(
            scenario=ran.scenario,
            name=name,
            told=ceiling.told,
            verdict=_verdict(found, limit),
            found=found,
            limit=limit,
            unit=ceiling.unit,
            low=low,
            high=high,
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


def spread(watched: Watched, spent: Callable[[Sample], float]) -> tuple[float | None, float | None]:
    """The interval of 95 % of what is spent for a request: the parts of the run between two readings, drawn anew."""
    read = [after for before, after in itertools.pairwise(watched.samples) if after.requests > before.requests]
    parts = [
        (spent(after) - spent(before), after.requests - before.requests)
        for before, after in itertools.pairwise([*watched.samples[:1], *read])
    ]
    if len(parts) < _LEAST_PARTS:
        return None, None
    dice = random.Random(0)
    drawn = []
    for _ in range(_DRAWS):
        some = dice.choices(parts, k=len(parts))
        drawn.append(sum(used for used, _ in some) / sum(requests for _, requests in some))
    drawn.sort()
    return drawn[_OUTSIDE], drawn[-1 - _OUTSIDE]


def _by_requests(samples: Sequence[Sample], spent: Callable[[Sample], float]) -> float | None:
    """What was spent between the first look and the last for each request that was answered; None: not measured."""
    requests = samples[-1].requests - samples[0].requests if samples else 0
    used = spent(samples[-1]) - spent(samples[0]) if requests > 0 else 0
    return used / requests if used > 0 else None


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    return statistics.linear_regression(times, values).slope if len(set(times)) > 1 else 0.0
