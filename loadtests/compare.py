"""Is the new one slower than the old one? Rounds of both on one machine, order by order in turns, and only what they say.

Each round (`pace.py`) gives the medians of both and what they used for a request; the ratios of the two have a bootstrap
interval of their median (Efron 1979). A figure is worse when its whole interval lies above one and the middle above what
anybody would mind: a tenth, and 5 ms. What looks worse is measured once more, and only what is worse again fails. It is the
same when the interval ends below twice that; everything else could be either, and is inconclusive.
"""

import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtests.verdict import Row, Verdict

Figures = Mapping[str, float]  # of one round, by name

LEAST_ROUNDS = 5  # of fewer an interval is a guess
LEAST_REQUESTS = 5  # of one name in a round, for its median
SHARE = 0.10  # of the old figure: less is nobody's worry
LEAST_MS = 5.0
LEAST_CPU_MS = 0.5
BLIND = 2.0  # times the least effect: an interval that reaches there could hide what anybody would mind
SURE = 0.95
_DRAWS = 2_000
SCENARIO = "beside the baseline"


class Look(StrEnum):
    """What the rounds say of one figure."""

    SAME = "same"
    WORSE = "worse"
    BLIND = "blind"  # it could be either


@dataclass(frozen=True)
class Kind:
    told: str
    unit: str
    least: float  # in its unit: an effect below it is none
    decides: bool = False  # missing, or too wide to see anything, makes all of it inconclusive


CPU, WORKER, DATABASE, STATEMENTS = "cpu", "worker", "database", "statements"
QUICK = "p25"  # what goes on beside it only adds to a wait, so the quick quarter tells most of what was changed
_KINDS = {
    CPU: Kind("Processor time for a request", "ms", 0.2, decides=True),
    WORKER: Kind("Processor time of the worker for a request", "ms", 1.0),
    DATABASE: Kind("Processor time of PostgreSQL for a request", "ms", 1.0),
    STATEMENTS: Kind("Statements for a request", "statements", 0.2, decides=True),
}


def kind_of(name: str) -> Kind:
    """What is known of a figure: those of requests are called by their name and percentile."""
    if name in _KINDS:
        return _KINDS[name]
    request, _, part = name.rpartition(" ")
    if part == CPU:
        return Kind(f"Processor time of a {request}", "ms", LEAST_CPU_MS, decides=request == "checkout")
    return Kind(f"{request.capitalize()}, {part}", "ms", LEAST_MS, decides=(request, part) == ("checkout", QUICK))


@dataclass(frozen=True)
class Difference:
    """New less old in the unit of the figure, for a round like most: the middle, and its interval."""

    name: str
    old: float
    value: float
    low: float
    high: float
    rounds: int

    @property
    def least(self) -> float:
        """What anybody would mind, in the unit of the figure."""
        return max(SHARE * self.old, kind_of(self.name).least)

    @property
    def look(self) -> Look:
        if self.low > 0 and self.value > self.least:
            return Look.WORSE
        return Look.BLIND if self.rounds < LEAST_ROUNDS or self.high > BLIND * self.least else Look.SAME

    def share(self, value: float) -> float:
        """A difference in per cent of the old figure."""
        return value / self.old * 100 if self.old else 0.0


def differences(old: Sequence[Figures], new: Sequence[Figures], *, paired: bool = True) -> list[Difference]:
    """Of each figure that enough rounds have on both sides; `paired` are those that ran as neighbours."""
    names = sorted({name for each in (*old, *new) for name in each})
    return [each for name in names if (each := _difference(name, old, new, paired=paired))]


def _difference(name: str, old: Sequence[Figures], new: Sequence[Figures], *, paired: bool) -> Difference | None:
    if paired:
        pairs = [(a[name], b[name]) for a, b in zip(old, new, strict=True) if a.get(name) and name in b]
        before, times = [a for a, _ in pairs], [b / a for a, b in pairs]
        drawn = list(_medians(times))
        middle = statistics.median(times) if times else 1.0
    else:
        before, after = ([each[name] for each in side if each.get(name)] for side in (old, new))
        drawn = [b / a for a, b in zip(_medians(before, 0), _medians(after, 1), strict=True)]
        middle = statistics.median(after) / statistics.median(before) if drawn else 1.0
    if not drawn:
        return None
    drawn.sort()
    outside = round(len(drawn) * (1 - SURE) / 2)
    usual, rounds = statistics.median(before), len(before) if paired else min(len(before), len(after))
    value, low, high = ((times - 1) * usual for times in (middle, drawn[outside], drawn[-1 - outside]))
    return Difference(name, usual, value, low, high, rounds)


def _medians(values: Sequence[float], seed: int = 0) -> Iterator[float]:
    dice = random.Random(seed)
    return (statistics.median(dice.choices(values, k=len(values))) for _ in range(_DRAWS if values else 0))


def suspects(found: Sequence[Difference]) -> list[str]:
    """The figures that look worse and want a second look."""
    return [each.name for each in found if each.look is Look.WORSE]


def rows(first: Sequence[Difference], again: Sequence[Difference] | None = None) -> list[Row]:
    """A row for each figure. What looked worse counts by its second look alone; without one it is inconclusive."""
    second = {each.name: each for each in again or ()}
    told = [_row(each, second.get(each.name)) for each in first]
    here = {each.name for each in first}
    missing = [name for name in (CPU, STATEMENTS) if name not in here] if first else [""]
    return [*told, *(_missing(name) for name in missing)]


def _row(first: Difference, again: Difference | None) -> Row:
    shown = again if first.look is Look.WORSE and again else first
    verdict, why = _judged(first, again)
    kind = kind_of(first.name)
    return Row(
        scenario=SCENARIO,
        name=first.name,
        told=f"{kind.told}.",
        verdict=verdict,
        found=shown.share(shown.value),
        limit=shown.share(shown.least),
        unit="% more",
        low=shown.share(shown.low),
        high=shown.share(shown.high),
        why=why,
    )


def _judged(first: Difference, again: Difference | None) -> tuple[Verdict, str]:
    told, kind = kind_of(first.name).told, kind_of(first.name)
    if first.look is Look.SAME:
        return Verdict.PASS, ""
    if first.look is Look.BLIND:
        why = f"{told}: the rounds differ too much to see {first.share(first.least):.0f} %"
        return (Verdict.INCONCLUSIVE if kind.decides else Verdict.PASS), why
    if again is None:
        return Verdict.INCONCLUSIVE, f"{told}: it looks worse, and nobody looked again"
    if again.look is Look.WORSE:
        grown = f"{again.share(again.value):+.0f} % ({again.share(again.low):+.0f} to {again.share(again.high):+.0f} %)"
        return (
            Verdict.FAIL,
            f"{told}: {again.old:,.3g} {kind.unit} became {again.old + again.value:,.3g}, {grown}; twice",
        )
    if again.high <= max(again.least, 0):
        return Verdict.PASS, f"{told}: it looked worse once, and not again"
    return Verdict.INCONCLUSIVE, f"{told}: it looked worse once, and the second look says nothing"


def _missing(name: str) -> Row:
    told = kind_of(name).told if name else "The rounds"
    why = f"{told}: too few rounds can be used" if name else "no round can be used"
    return Row(
        scenario=SCENARIO,
        name=name or "rounds",
        told=f"{told}.",
        verdict=Verdict.INCONCLUSIVE,
        why=why,
    )


def noise(found: Sequence[Difference]) -> dict[str, float]:
    """Of two that are the same: how far from each other they look, in per cent of the old figure, by figure."""
    return {each.name: max(abs(each.share(each.low)), abs(each.share(each.high))) for each in found}
