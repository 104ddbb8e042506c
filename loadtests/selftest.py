"""Does the gate itself hold? Two systems of this very tree: the same beside the same passes, and one whose checkout is slowed
on purpose (`CUBANO_SLOWED_PERCENT`) fails. What the same differs from itself by is printed: it is the noise of this machine.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec

from loadtests.baseline import identity
from loadtests.compare import Difference, Figures, differences, noise, rows, suspects
from loadtests.configuration import configuration
from loadtests.findings import Findings, Rounds
from loadtests.machine import fingerprint
from loadtests.play import Say, commit
from loadtests.rounds import one, warm_up
from loadtests.stand import Stand
from loadtests.target import HERE, Target
from loadtests.verdict import Row, Verdict, overall

SLOWED = {"CUBANO_SLOWED_PERCENT": "30"}
SAME, SLOW = "the same beside the same", "slowed by 30 %"
GROUPS = 4
ROUND_S = 2.0


def prove(say: Say, systems: tuple[Target, Target] | None = None) -> Findings:
    """Play both comparisons in turns and judge them as the gate judges a release.

    On two systems that are started for it, unless there are some: the usual one and the slowed one. Raises `UnhealthyError`.
    """
    began_at, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    with ExitStack() as stack:
        if systems is None:
            stand = Stand(say)
            systems = stack.enter_context(stand.system()), stack.enter_context(stand.system(SLOWED))
        turns = _Turns(*systems, say)
        warm_up(systems, ROUND_S, say)
        first = turns.play()
        same, slow = differences(first["A"], first["a"]), differences(first["A"], first["B"])
        again: dict[str, list[Figures]] = {"A": [], "a": [], "B": []}
        if worse := f"{'a' if suspects(same) else ''}{'B' if suspects(slow) else ''}":
            again = turns.play(f"A{worse}")
    second = [differences(again["A"], again[who]) if again[who] else [] for who in "aB"]
    found = judged(same, slow, *second)
    return Findings(
        what="self-test",
        verdict=overall(found),
        began_at=began_at,
        seconds=time.monotonic() - began,
        commit=commit(HERE),
        dirty=identity()[1],
        machine=fingerprint(""),
        rows=found,
        rounds=Rounds([dict(each) for each in first["A"]], [dict(each) for each in first["B"]]),
        settings=configuration(HERE, {}),
        notes=[
            f"noise: the same looked different from itself by up to {most:.0f} % ({name})"
            for name, most in _worst(same)
        ],
    )


def judged(
    same: Sequence[Difference],
    slow: Sequence[Difference],
    same_again: Sequence[Difference] = (),
    slow_again: Sequence[Difference] = (),
) -> list[Row]:
    """What the gate says of the two comparisons, and whether that is what it ought to say."""
    of_same, of_slow = rows(same, same_again), rows(slow, slow_again)
    fair, sharp = overall(of_same), overall(of_slow)
    return [
        _row("the same passes", SAME, fair, Verdict.PASS, of_same),
        _row("slower fails", SLOW, sharp, Verdict.FAIL, of_slow),
        *(msgspec.structs.replace(each, scenario=SAME) for each in of_same),
        *(_turned(msgspec.structs.replace(each, scenario=SLOW)) for each in of_slow),
    ]


def _row(name: str, scenario: str, is_now: Verdict, ought: Verdict, of: Sequence[Row]) -> Row:
    right = is_now is ought
    verdict = Verdict.PASS if right else Verdict.INCONCLUSIVE if is_now is Verdict.INCONCLUSIVE else Verdict.FAIL
    reasons = "; ".join(each.why for each in of if each.verdict is is_now and each.why)
    why = "" if right else f"the gate says {is_now} where it ought to say {ought}. {reasons}"
    return Row(scenario=scenario, name=name, told=f"Judged {ought.value}, as it ought to be.", verdict=verdict, why=why)


def _turned(row: Row) -> Row:
    """Of the slowed one nothing is a fault of the gate: what fails is what was to be found."""
    why = f"seen: {row.why}" if row.verdict is Verdict.FAIL else row.why
    return msgspec.structs.replace(row, verdict=Verdict.PASS, why=why)


def _worst(same: Sequence[Difference]) -> list[tuple[str, float]]:
    return sorted(noise(same).items(), key=lambda each: -each[1])[:1]


class _Turns:
    """Groups of usual, usual, slowed, each beginning with another: A and a are the same system."""

    def __init__(self, usual: Target, slowed: Target, say: Say) -> None:
        self.systems = {"A": usual, "a": usual, "B": slowed}
        self.say, self.group = say, 0

    def play(self, who_plays: str = "AaB") -> dict[str, list[Figures]]:
        found: dict[str, list[Figures]] = {"A": [], "a": [], "B": []}
        for _ in range(GROUPS):
            self.group += 1
            for who in filter(who_plays.__contains__, ("AaB", "BaA", "aBA")[self.group % 3]):
                told = f"{self.group}, {SLOW if who == 'B' else 'as it is'}"
                own, both = self.systems[who], list(self.systems.values())
                found[who].append(one(own, self.group, seconds=ROUND_S, say=self.say, told=told, beside=both))
        return found
