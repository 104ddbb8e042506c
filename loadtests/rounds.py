"""Old and new in turns on one machine: two fresh systems stand beside each other, and a visitor goes from one to the other.

What looks worse is measured once more. The figures of all rounds are kept: another gate can compare itself with them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loadtests.compare import Difference, differences, rows, suspects
from loadtests.correct import correct
from loadtests.pace import MOST_BUSY, play_round
from loadtests.play import Say
from loadtests.scenario import SCENARIOS
from loadtests.target import Target
from loadtests.verdict import Row, Verdict

NAME = "rounds"
_REST_S = 0.4  # what the last round left behind is done before the next one
_TRIES = 3  # of a round while others are busy
_SHOWN = ("checkout cpu", "checkout p25")


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


def take_turns(old: Target, new: Target, seed: int, *, count: int, seconds: float, say: Say) -> Played:
    """So many rounds of both; and again as many when something looks worse."""
    told, systems = Played(settings=new.settings), (old, new)
    warm_up(systems, seconds, say)
    told.old, told.new = play_rounds(systems, seed, count=count, seconds=seconds, say=say)
    told.first = differences(told.old, told.new)
    if worse := suspects(told.first):
        say(f"looks worse, once more: {', '.join(worse)}")
        before, after = play_rounds(systems, seed + 100, count=count, seconds=seconds, say=say)
        told.again = differences(before, after)
        told.old += before
        told.new += after
    return told


def alone(new: Target, seed: int, *, count: int, seconds: float, say: Say) -> list[dict[str, float]]:
    """The figures of rounds of one system, to be compared with those that were kept."""
    warm_up([new], seconds, say)
    return play_rounds([new], seed, count=count, seconds=seconds, say=say)[0]


def warm_up(systems: Sequence[Target], seconds: float, say: Say) -> None:
    """Seats for everybody; and the first requests of a process, which load what all others find loaded and nobody counts."""
    say("warming up")
    for target in systems:
        target.check()
        target.stock(SCENARIOS["steady"])
    play_round(systems, 0, len(systems) * seconds)


def play_rounds(
    systems: Sequence[Target], seed: int, *, count: int, seconds: float, say: Say
) -> list[list[dict[str, float]]]:
    """The figures of so many rounds, by system in their order, neighbours at the same place."""
    found = [_one(systems, seed + number, seconds, f"{number + 1} of {count}", say) for number in range(count)]
    return [list(each) for each in zip(*found, strict=True)]


def _one(systems: Sequence[Target], seed: int, seconds: float, told: str, say: Say) -> list[dict[str, float]]:
    """The figures of one round; one that cannot be trusted is played again, and has none when that goes on."""
    for _ in range(_TRIES):
        spent = play_round(systems, seed, seconds)
        time.sleep(_REST_S)
        failed = [why for each in spent for why in each.failed]
        if not failed and spent[0].others <= MOST_BUSY:
            found = [each.figures for each in spent]
            say(f"round {told}: {', '.join(_shown(found))}")
            return found
        why = failed[0] if failed else f"others had {spent[0].others:.0%} of the machine"
        say(f"round {told} does not count: {why}")
    return [{} for _ in systems]


def _shown(found: Sequence[Mapping[str, float]]) -> Iterator[str]:
    for name in _SHOWN:
        values = [f"{each[name]:.1f}" for each in found if name in each]
        if values:
            yield f"{name} {' and '.join(values)} ms"


def money(targets: Sequence[Target]) -> Row:
    """Whether all rounds together left money and seats right."""
    wrong = [wrong for target in targets if not (wrong := correct(target)).holds]
    why = "; ".join(f"{each.invariants or ''} {' '.join(each.differences[:3])}".strip() for each in wrong)
    verdict = Verdict.MONEY if wrong else Verdict.PASS
    return Row(scenario=NAME, name="money", told="Every promise about money and seats holds.", verdict=verdict, why=why)
