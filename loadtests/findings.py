"""What a gate or a run found, as it is written down, shown and kept: all formats of the report tell this and nothing else."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from loadtests.result import Line, Machine, Ran, Sent, Span, lines
from loadtests.verdict import INTERRUPTED, Row, Verdict, overall, worst_of

SLOWEST, EXEMPLARS = 10, 5
OF_ONE = 3  # scenario where there are many; otherwise all of them are of the one with the worst trouble
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


class Exemplar(msgspec.Struct, frozen=True):
    """A slow request and what its time went to."""

    scenario: str
    sent: Sent
    spans: list[Span]

    @property
    def whole_ms(self) -> float:
        """From the beginning of its trace to its end, which is later than the answer's where others went on with it."""
        return max((each.at_ms + each.took_ms for each in self.spans), default=0) or 1.0

    @property
    def parts(self) -> list[tuple[str, float]]:
        """What the request itself waited for, the longest first; the rest of its time is its own."""
        root = self.spans[0]
        waited = [each for each in self.spans if each.depth == 1 and each.at_ms < root.took_ms]
        own = root.took_ms - sum(min(each.took_ms, root.took_ms - each.at_ms) for each in waited)
        named = [(each.name, each.took_ms) for each in waited]
        return sorted([*named, (root.process, max(0.0, own))], key=lambda each: -each[1])


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
    settings: dict[str, str] = {}  # all of them
    changed: dict[str, tuple[str, str]] = {}  # those that the baseline has otherwise: there, here
    slowest: list[tuple[str, Sent]] = []
    exemplars: list[Exemplar] = []  # the slowest of which a trace was kept
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
    tree: tuple[str, bool] = ("", False),
    **more: Any,
) -> Findings:
    """Put together what was played (each with its sentence) and what is said of it; `tree` is its commit, and whether it was
    changed since.
    """
    first = runs[0][0] if runs else None
    return Findings(
        what=what,
        verdict=overall(rows),
        began_at=began_at,
        seconds=seconds,
        commit=first.commit if first else tree[0],
        dirty=tree[1],
        machine=first.machine if first else None,
        rows=list(rows),
        played=[_played(ran, told, rows) for ran, told in runs],
        slowest=slowest([ran for ran, _ in runs]),
        exemplars=exemplars([ran for ran, _ in runs]),
        **more,
    )


def slowest(runs: Sequence[Ran], count: int = SLOWEST) -> list[tuple[str, Sent]]:
    """The requests that waited longest, with their scenarios: of each some, and of those the worst."""
    of_one = max(OF_ONE, math.ceil(count / len(runs))) if runs else 0
    every = [(ran.scenario, each) for ran in runs for each in ran.slowest(of_one)]
    return sorted(every, key=lambda each: -each[1].waited_ms)[:count]


def exemplars(runs: Sequence[Ran], count: int = EXEMPLARS) -> list[Exemplar]:
    """The slowest requests of which a trace was kept: of each scenario the slowest one, and of those the worst."""
    found = []
    for ran in runs:
        slow = sorted(
            (each for each in ran.generated.sent if each.trace in ran.traces), key=lambda each: -each.waited_ms
        )
        found += [
            Exemplar(ran.scenario, each, ran.traces[each.trace]) for each in slow[: count if len(runs) == 1 else 1]
        ]
    return sorted(found, key=lambda each: -each.sent.waited_ms)[:count]


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
