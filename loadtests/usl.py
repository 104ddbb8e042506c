"""The Universal Scalability Law, fitted to the levels of a step ramp: X(N) = rN / (1 + a(N-1) + bN(N-1)) (Gunther, 1993).

N are the requests under way, X those answered well in a second. r is what comes of one at a time, a what they wait for
each other, b what they cost each other. N/X is linear in 1/r, a/r and b/r, so a fit is one small system of equations,
with nothing below zero; each level weighs by its relative error. Intervals are a bootstrap over the windows of each level.
Beyond one and a half times the largest N that was measured nothing is said.
"""

import itertools
import math
import operator
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEAST_LEVELS = 6
ALONE = 1.5  # requests under way; the lowest level must lie below it, or r is a guess
FURTHEST = 1.5  # times the largest N that was measured
SURE = 0.95  # of the draws lie in the interval
_DRAWS = 400
_SINGULAR = 1e-12


class NotEnough(ValueError):  # the fact itself
    """These levels tell no law; the message says what is missing."""


class TooFar(ValueError):  # the fact itself
    """Somebody asked beyond what was measured."""


@dataclass(frozen=True)
class Level:
    """One step of the ramp: requests under way and answers a second, window by window, and what the slowest waited."""

    windows: tuple[tuple[float, float], ...]
    p99_ms: float = math.nan
    asked_per_second: float = 0

    @property
    def n(self) -> float:
        return statistics.fmean(n for n, _ in self.windows)

    @property
    def per_second(self) -> float:
        return statistics.fmean(x for _, x in self.windows)


@dataclass(frozen=True)
class Estimate:
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Law:
    """r, a and b."""

    rate_of_one: float
    waiting: float
    crosstalk: float

    def at(self, n: float) -> float:
        return self.rate_of_one * n / (1 + self.waiting * (n - 1) + self.crosstalk * n * (n - 1))

    @property
    def peak_n(self) -> float:
        """Where more of them answer fewer; infinite when there is no such place."""
        return math.sqrt(max(1 - self.waiting, 0) / self.crosstalk) if self.crosstalk else math.inf

    @property
    def knee_n(self) -> float:
        """Where X by what each waits is greatest (Kleinrock's power, X²/N): beyond it all gain is paid in waiting."""
        a, b = self.waiting - self.crosstalk, self.crosstalk
        if b:
            return max(1.0, (math.sqrt(a * a + 12 * b * max(1 - self.waiting, 0)) - a) / (6 * b))
        return max(1.0, (1 - self.waiting) / self.waiting) if self.waiting else math.inf


@dataclass(frozen=True)
class Fit:
    """The law of these levels, and those of the levels drawn anew."""

    law: Law
    levels: tuple[Level, ...]
    drawn: tuple[Law, ...]

    @property
    def furthest(self) -> float:
        return FURTHEST * max(each.n for each in self.levels)

    def at(self, n: float) -> Estimate:
        """Answers a second with so many under way. Raises `TooFar`."""
        if n > self.furthest:
            told = f"{n:.0f} under way are more than {FURTHEST} times the {self.furthest / FURTHEST:.0f} that were measured"
            raise TooFar(told)
        return self.of(lambda law: law.at(n))

    def of(self, figure: Callable[[Law], float]) -> Estimate:
        """A figure of the law with its interval."""
        found = sorted(figure(each) for each in self.drawn)
        outside = round(len(found) * (1 - SURE) / 2)
        return Estimate(figure(self.law), found[outside], found[-1 - outside])

    @property
    def peak_reached(self) -> bool:
        return self.law.peak_n <= self.furthest

    @property
    def peak(self) -> Estimate:
        """The most answers a second; where the ramp did not reach that, what its last level came to."""
        return self.of(lambda law: law.at(min(law.peak_n, self._last)))

    @property
    def knee(self) -> Estimate:
        """Answers a second at the knee, or at the last level where that lies beyond it."""
        return self.of(lambda law: law.at(self._within(law.knee_n)))

    @property
    def knee_n(self) -> float:
        return self._within(self.law.knee_n)

    @property
    def _last(self) -> float:
        return self.furthest if self.peak_reached else self.furthest / FURTHEST

    def _within(self, n: float) -> float:
        return min(n, self.furthest / FURTHEST)


def fit(levels: Sequence[Level], *, draws: int = _DRAWS) -> Fit:
    """The law these levels follow; the same levels give the same law and intervals. Raises `NotEnough`."""
    told = sorted((each for each in levels if each.windows and each.per_second > 0), key=lambda each: each.n)
    if len(told) < LEAST_LEVELS:
        raise NotEnough(f"{len(told)} levels answered anything; a fit needs {LEAST_LEVELS}")
    if told[0].n > ALONE:
        raise NotEnough(f"the lowest level had {told[0].n:.1f} requests under way; one must be near a single one")
    dice = random.Random(0)
    drawn = (_solve([_mean(dice.choices(each.windows, k=len(each.windows))) for each in told]) for _ in range(draws))
    return Fit(_solve([_mean(each.windows) for each in told]), tuple(told), tuple(drawn))


def _mean(windows: Sequence[tuple[float, float]]) -> tuple[float, float]:
    n, x = (statistics.fmean(each) for each in zip(*windows, strict=True))
    # With less than one under way on average each was alone: that is one at a time, and its rate while it was there.
    return (n, x) if n >= 1 else (1.0, x / n if n else 0.0)


def _solve(points: Sequence[tuple[float, float]]) -> Law:
    """Least squares of the relative errors over 1/r, a/r and b/r; the best of those with nothing below zero."""
    rows = [(x / n, (n - 1) * x / n, (n - 1) * x) for n, x in points if x > 0]
    found = []
    for free in ((0, 1, 2), (0, 1), (0, 2), (0,)):
        solved = _least_squares([[row[i] for i in free] for row in rows])
        if solved and all(each >= 0 for each in solved) and solved[0] > 0:
            whole = [dict(zip(free, solved, strict=True)).get(i, 0.0) for i in range(3)]
            found.append((sum((1 - sum(map(operator.mul, row, whole))) ** 2 for row in rows), whole))
    if not found:
        raise NotEnough("nothing was answered")
    one, waiting, crosstalk = min(found)[1]
    return Law(1 / one, waiting / one, crosstalk / one)


def _least_squares(rows: Sequence[Sequence[float]]) -> list[float] | None:
    """Coefficients that bring each row nearest to 1, by the normal equations; None where the rows do not tell."""
    size, scales = len(rows[0]), [math.hypot(*column) for column in zip(*rows, strict=True)]
    if not all(scales):
        return None
    even = [[value / scale for value, scale in zip(row, scales, strict=True)] for row in rows]
    table = [
        [sum(row[i] * row[j] for row in even) for j in range(size)] + [sum(row[i] for row in even)] for i in range(size)
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda j: abs(table[j][i]))
        table[i], table[pivot] = table[pivot], table[i]
        if abs(table[i][i]) < _SINGULAR:
            return None
        for j in range(size):
            if j != i:
                share = table[j][i] / table[i][i]
                table[j] = [a - share * b for a, b in zip(table[j], table[i], strict=True)]
    return [table[i][size] / table[i][i] / scales[i] for i in range(size)]


def p99_at(levels: Sequence[Level], per_second: float) -> float:
    """What the slowest waited at this rate, in milliseconds, between the levels beside it; NaN above all.

    Below all it is the lowest one's: there is one request under way at a time, and fewer wait no less.
    """
    known = sorted((each.per_second, each.p99_ms) for each in levels if not math.isnan(each.p99_ms))
    if known and per_second < known[0][0]:
        return known[0][1]
    for (low, before), (high, after) in itertools.pairwise(known):
        if low <= per_second <= high:
            return before + (after - before) * ((per_second - low) / (high - low) if high > low else 1)
    return math.nan
