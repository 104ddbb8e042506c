"""Old and new in turns on one machine: two fresh systems stand beside each other, and one of them at a time has visitors.

What looks worse is measured once more. The figures of all rounds are kept: another gate can compare itself with them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtests.compare import Difference, differences, order, rows, suspects
from loadtests.correct import correct
from loadtests.pace import play_round
from loadtests.play import Say
from loadtests.scenario import SCENARIOS
from loadtests.target import Target
from loadtests.verdict import Row, Verdict

NAME = "rounds"
_REST_S = 0.4  # what the last round left behind is done before the next one
_TRIES = 3  # of a round while others are busy
_SHOWN = ("cpu", "checkout p50")


@dataclass
class Played:
    """The figures of all rounds until now, neighbours at the same place; rounds under doubt have none."""

    old: list[dict[str, float]] = field(default_factory=list)
    new: list[dict[str, float]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    first: list[Difference] = field(default_factory=list)
    again: list[Difference] | None = None

    @property
    def rows(self) -> list[Row]:
        return rows(self.first, self.again)


def take_turns(old: Target, new: Target, seed: int, *, blocks: int, seconds: float, say: Say) -> Played:
    """So many blocks of old, new, new, old; and again as many when something looks worse."""
    told, systems, turns = Played(settings=new.settings), {"A": old, "B": new}, order(blocks)
    warm_up([old, new], seconds, say)
    told.old, told.new = _blocks(systems, seed, turns=turns, seconds=seconds, say=say)
    told.first = differences(told.old, told.new)
    if worse := suspects(told.first):
        say(f"looks worse, once more: {', '.join(worse)}")
        before, after = _blocks(systems, seed + 100, turns=turns, seconds=seconds, say=say)
        told.again = differences(before, after)
        told.old += before
        told.new += after
    return told


def alone(new: Target, seed: int, *, count: int, seconds: float, say: Say) -> list[dict[str, float]]:
    """The figures of rounds of one system, to be compared with those that were kept."""
    warm_up([new], seconds, say)
    told = [f"{number + 1} of {count}" for number in range(count)]
    return [one(new, seed + number, seconds=seconds, say=say, told=each) for number, each in enumerate(told)]


def warm_up(systems: Sequence[Target], seconds: float, say: Say) -> None:
    """Seats for everybody; and the first requests of a process, which load what all others find loaded and nobody counts."""
    say("warming up")
    for target in systems:
        target.check()
        target.stock(SCENARIOS["steady"])
        play_round(target, 0, seconds)


def one(
    target: Target, seed: int, *, seconds: float, say: Say, told: str, beside: Sequence[Target] = ()
) -> dict[str, float]:
    """The figures of one round; one that cannot be trusted is played again, and has none when that goes on."""
    for _ in range(_TRIES):
        spent = play_round(target, seed, seconds, beside)
        time.sleep(_REST_S)
        if found := spent.figures:
            say(f"round {told}: {', '.join(f'{name} {found[name]:.1f} ms' for name in _SHOWN if name in found)}")
            return found
        why = spent.failed[0] if spent.failed else f"others had {spent.others:.0%} of the machine"
        say(f"round {told} does not count: {why}")
    return {}


def _blocks(
    systems: Mapping[str, Target], seed: int, *, turns: str, seconds: float, say: Say
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {"A": [], "B": []}
    for number, who in enumerate(turns):
        told = f"{number + 1} of {len(turns)}: {'the baseline' if who == 'A' else 'this release'}"
        found[who].append(
            one(systems[who], seed + number // 2, seconds=seconds, say=say, told=told, beside=list(systems.values()))
        )
    return found["A"], found["B"]


def money(targets: Sequence[Target]) -> Row:
    """Whether all rounds together left money and seats right."""
    wrong = [wrong for target in targets if not (wrong := correct(target)).holds]
    why = "; ".join(f"{each.invariants or ''} {' '.join(each.differences[:3])}".strip() for each in wrong)
    verdict = Verdict.MONEY if wrong else Verdict.PASS
    return Row(scenario=NAME, name="money", told="Every promise about money and seats holds.", verdict=verdict, why=why)
