"""What a gate or a run found, as it is written down, shown and kept: all formats of the report tell this and nothing else."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from loadtests.result import Line, Machine, Ran, Sent, lines
from loadtests.verdict import INTERRUPTED, Row, Verdict, overall, worst_of

SLOWEST = 10
WORST = 3


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario that was played; figures in milliseconds from when a request was due."""

    scenario: str
    what: str
    seed: int
    began_at: str
    seconds: float
    verdict: Verdict
    planned: int
    unsent: int
    lines: list[Line]


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """What the ramp says of capacity, as far as the first screen shows it."""

    knee: tuple[float, float, float]  # orders a second: value, low, high
    wanted: float  # orders a second that the next on-sale can bring: the gateway's rate
    first_saturated: str | None
    drains: str  # a sentence

    @property
    def headroom(self) -> float:
        """How often what is wanted fits below the knee."""
        return self.knee[0] / self.wanted if self.wanted else math.inf


class Rounds(msgspec.Struct, frozen=True):
    """The figures of each round, by name, so that another gate can compare itself with them."""

    old: list[dict[str, float]] = []
    new: list[dict[str, float]] = []


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the new one was measured beside."""

    name: str
    commit: str
    interleaved: bool = True


class Findings(msgspec.Struct, kw_only=True):
    """All of it. `verdict` is that of the rows, unless somebody ended it before its end."""

    what: str  # gate, run or self-test
    verdict: Verdict
    began_at: str
    seconds: float
    commit: str
    dirty: bool
    machine: Machine | None
    rows: list[Row]
    played: list[Played] = []
    headline: Headline | None = None
    capacity: dict[str, Any] | None = None
    baseline: Baseline | None = None
    rounds: Rounds = Rounds()
    settings: dict[str, str] = {}
    slowest: list[tuple[str, Sent]] = []
    notes: list[str] = []
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.interrupted else self.verdict.exit_code

    @property
    def title(self) -> str:
        """The one word: a gate that was ended has none."""
        return "interrupted" if self.interrupted else self.verdict.value


def found(
    what: str,
    runs: Sequence[tuple[Ran, str]],
    rows: Sequence[Row],
    *,
    began_at: str,
    seconds: float,
    dirty: bool = False,
    **more: Any,
) -> Findings:
    """Put together what was played (each with its sentence) and what is said of it."""
    first = runs[0][0] if runs else None
    return Findings(
        what=what,
        verdict=overall(rows),
        began_at=began_at,
        seconds=seconds,
        commit=first.commit if first else "",
        dirty=dirty,
        machine=first.machine if first else None,
        rows=list(rows),
        played=[_played(ran, told, rows) for ran, told in runs],
        settings=dict(first.settings) if first else {},
        slowest=slowest(ran for ran, _ in runs),
        **more,
    )


def slowest(runs: Iterable[Ran], count: int = SLOWEST) -> list[tuple[str, Sent]]:
    """The requests that waited longest, with their scenarios."""
    every = ((ran.scenario, each) for ran in runs for each in ran.generated.sent)
    return sorted(every, key=lambda each: -each[1].waited_ms)[:count]


def _played(ran: Ran, what: str, rows: Sequence[Row]) -> Played:
    return Played(
        scenario=ran.scenario,
        what=what,
        seed=ran.seed,
        began_at=ran.began_at,
        seconds=ran.seconds,
        verdict=worst_of(each.verdict for each in rows if each.scenario == ran.scenario),
        planned=ran.generated.planned,
        unsent=ran.generated.unsent,
        lines=[each for each in lines(ran) if each.count],
    )


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Settings that are not the same any more."""
    names = sorted({*before, *now})
    pairs = {name: (before.get(name, ""), now.get(name, "")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
