"""How sure a figure is that was measured in rounds, and what may be said of it: never more than the rounds say.

The interval is the percentile bootstrap of the median (Efron 1979): medians of rounds drawn anew, with the middle 95 % of
them. It asks nothing of how the rounds are spread, which on a machine with neighbours is not evenly.
"""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SURE_FROM = 5  # rounds; the median of fewer is drawn from too few values
_DRAWS = 4_000
SURE = 0.95  # of the medians lie in the interval


class Verdict(StrEnum):
    HOLDS = "holds"
    MISSES = "misses"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def against(self, most: float) -> Verdict:
        """Of a figure that must not be above `most`."""
        if self.high <= most:
            return Verdict.HOLDS
        return Verdict.MISSES if self.low > most else Verdict.INCONCLUSIVE


def of_median(rounds: Sequence[float]) -> Interval:
    """Where the median lies; anywhere, when there are too few rounds to tell. The same rounds give the same answer."""
    if len(rounds) < SURE_FROM:
        return Interval(-math.inf, math.inf)
    dice = random.Random(0)  # noqa: S311 - which rounds are drawn is no secret
    medians = sorted(statistics.median(dice.choices(rounds, k=len(rounds))) for _ in range(_DRAWS))
    outside = round(_DRAWS * (1 - SURE) / 2)
    return Interval(medians[outside], medians[-1 - outside])


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Of all together: one that misses is enough, and one that nobody knows."""
    for each in (Verdict.MISSES, Verdict.INCONCLUSIVE):
        if each in verdicts:
            return each
    return Verdict.HOLDS
