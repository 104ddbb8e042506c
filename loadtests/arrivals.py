"""Who comes when: the turns of a scenario, drawn once from a seed, so that two releases meet the very same crowd.

Arrivals are Poisson: the rate of a stage says how many are to be expected, chance says when. A generator that shares the
work takes `slots(scenario, seed)[index::count]`.
"""

import math
import random
from collections.abc import Iterator, Mapping

import msgspec

from loadtests.stages import Scenario, Stage


class Slot(msgspec.Struct, frozen=True):
    """One turn; `number` is its own in the whole scenario. With `until_s` it is taken again and again until then."""

    at_s: float
    user: str
    number: int
    until_s: float = 0


def slots(scenario: Scenario, seed: int) -> list[Slot]:
    """All turns in the order they are due; the same seed gives the same list, on any machine."""
    dice = random.Random(f"{scenario.name}:{seed}")
    began, found = 0.0, list[Slot]()
    for stage in scenario.stages:
        draw = _closed if stage.users else _open
        for at_s, until_s in draw(stage, dice):
            found.append(Slot(began + at_s, chosen(stage.mix, dice), len(found), began + until_s if until_s else 0))
        began += stage.seconds
    return found


def chosen(mix: Mapping[str, float], dice: random.Random) -> str:
    """One of the kinds, by weight."""
    return dice.choices(list(mix), list(mix.values()))[0]


def _open(stage: Stage, dice: random.Random) -> Iterator[tuple[float, float]]:
    """Times within the stage. With each step of an exponential draw one arrival more was to be expected."""
    start, slope = stage.per_second_from, (stage.per_second_to - stage.per_second_from) / stage.seconds
    expected = 0.0
    while True:
        expected += dice.expovariate(1)
        at_s = _reached(expected, start, slope)
        if at_s >= stage.seconds:
            return
        yield at_s, 0


def _closed(stage: Stage, _: random.Random) -> Iterator[tuple[float, float]]:
    yield from ((0, stage.seconds) for _ in range(stage.users))


def _reached(expected: float, start: float, slope: float) -> float:
    """When so many were to be expected at a rate that begins at `start` and changes by `slope`; infinity: never."""
    if math.isclose(slope, 0, abs_tol=1e-12):
        return expected / start if start else math.inf
    square = start * start + 2 * slope * expected
    return (math.sqrt(square) - start) / slope if square >= 0 else math.inf
