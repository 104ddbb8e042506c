"""The gate, whole: scenarios, the ramp, rounds beside a baseline; one verdict, within ten minutes, and kept when it is ended.

What is played stands in `STANDARD` and `SHORT`. The baseline is another tree of this repository, or the report of an earlier
gate of this machine; without either only limits, money and alerts are judged.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loadtests import compare
from loadtests.baseline import Tree, identity
from loadtests.capacity import Capacity, Wish, capacity, steps_of
from loadtests.configuration import changed, configuration
from loadtests.findings import Baseline, Findings, Headline, Rounds, found
from loadtests.planning import record, sentences
from loadtests.promises import unseen
from loadtests.report.words import deaf
from loadtests.rounds import Played, alone, money, take_turns
from loadtests.scenario import SCENARIOS
from loadtests.stages import Scenario
from loadtests.stand import Stand, unhealthy
from loadtests.swarm import GeneratorError
from loadtests.target import HERE, UnhealthyError
from loadtests.thresholds import judge_all, unwatched
from loadtests.usl import NotEnough
from loadtests.verdict import Row, Verdict

RAMP = "ramp"


@dataclass(frozen=True)
class Part:
    """A scenario of the plan, with its rates and its length in small."""

    name: str
    scale: float = 1.0
    seconds: float = 1.0

    @property
    def scenario(self) -> Scenario:
        return SCENARIOS[self.name].scaled(self.scale, seconds=self.seconds)


@dataclass(frozen=True)
class Plan:
    """What is played, in this order, and how many blocks of old, new, new, old follow."""

    parts: tuple[Part, ...]
    blocks: int
    round_s: float
    complete: bool = True  # whether it has to have seen enough for every promise

    @property
    def seconds(self) -> float:
        """Of load; starting, draining and looking at the money comes on top."""
        return sum(each.scenario.seconds for each in self.parts) + self.blocks * 4 * self.round_s


STANDARD = Plan(
    (
        Part("smoke"),
        Part("steady"),
        Part("on-sale-burst"),
        Part("webhook-storm"),
        Part("database-hiccup"),
        Part(RAMP, seconds=0.75),
        Part("card-testing"),
        Part("gateway-down"),
    ),
    blocks=3,
    round_s=5,
)
SHORT = Plan((Part("smoke"), Part("on-sale-burst")), blocks=2, round_s=4, complete=False)


@dataclass
class Gate:
    """What the gate has until now."""

    stand: Stand
    plan: Plan
    against: Tree | Findings | None
    wish: Wish = field(default_factory=Wish)
    rounds: Played | None = None
    capacity: Capacity | None = None
    rows: list[Row] = field(default_factory=list)  # of the rounds and the ramp
    began: float = field(default_factory=time.monotonic)
    began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def run(self) -> bool:
        """Play all of it; False when somebody ended it before its end."""
        try:
            self.stand.play_all([each.scenario for each in self.plan.parts])
            self._read_ramp()
            if not self._is_lost:
                self._compare()
        except KeyboardInterrupt:
            return False
        return True

    @property
    def _is_lost(self) -> bool:
        return any(each.verdict is Verdict.UNHEALTHY for each in self.stand.rows)

    def _read_ramp(self) -> None:
        for ran, scenario in self.stand.runs:
            if scenario.name == RAMP:
                try:
                    self.capacity = capacity(ran, steps_of(scenario), self.wish)
                except NotEnough as error:
                    self.rows.append(_row(RAMP, "knee", "The ramp shows the knee.", str(error)))

    def _compare(self) -> None:
        try:
            if isinstance(self.against, Tree):
                self._beside(self.against)
            elif isinstance(self.against, Findings):
                self._after(self.against)
        except UnhealthyError as error:
            self.rows.append(unhealthy(compare.SCENARIO, error))
        except GeneratorError as error:
            self.rows.append(_row(compare.SCENARIO, "rounds", "The rounds were played.", str(error)))

    def _beside(self, tree: Tree) -> None:
        stand, plan = self.stand, self.plan
        with ExitStack() as stack:
            try:
                old = stack.enter_context(stand.system(tree=tree.path))
            except UnhealthyError as error:
                self.rows.append(_row(compare.SCENARIO, "rounds", "The baseline runs.", f"{tree.name}: {error}"))
                return
            new = stack.enter_context(stand.system())
            self.rounds = take_turns(old, new, stand.seed, blocks=plan.blocks, seconds=plan.round_s, say=stand.say)
            self.rows += [*self.rounds.rows, money([new])]

    def _after(self, before: Findings) -> None:
        stand, plan = self.stand, self.plan
        with stand.system() as new:
            after = alone(new, stand.seed, count=2 * plan.blocks, seconds=plan.round_s, say=stand.say)
            self.rounds = Played(list(before.rounds.new), after, new.settings)
            self.rounds.first = compare.differences(before.rounds.new, after, paired=False)
            self.rows += [*self.rounds.rows, money([new])]

    def findings(self, *, whole: bool) -> Findings:
        """Everything that may be said now."""
        stand, rows = self.stand, judge_all(self.stand.runs)
        missed = list(unseen(stand.runs, rows))
        judged = [*stand.rows, *rows, *(missed if whole and self.plan.complete else ()), *self.rows]
        told, settings = self.rounds or Played(), configuration(HERE, stand.settings)
        return found(
            "gate",
            [(ran, scenario.what) for ran, scenario in stand.runs],
            judged,
            began_at=self.began_at,
            seconds=time.monotonic() - self.began,
            tree=identity(),
            headline=headline(self.capacity) if self.capacity else None,
            capacity=record(self.capacity) if self.capacity else None,
            baseline=_baseline(self.against),
            settings=settings,
            changed=changed(_configured(self.against) or settings, settings),
            rounds=Rounds(told.old, told.new),
            interrupted=not whole,
            notes=list(self._notes([each.name for each in missed])),
        )

    def _notes(self, missed: list[str]) -> Iterator[str]:
        yield from deaf(unwatched(self.stand.runs))
        if not self.against:
            yield "Nothing was compared: `--alone`."
        if missed and not self.plan.complete:
            yield f"In small: too few requests for {', '.join(missed)}. Before a release play all of it."


def headline(found: Capacity) -> Headline:
    """What the first screen shows of it."""
    knee = found.fit.knee
    return Headline(
        knee=(knee.value, knee.low, knee.high),
        wanted=found.wish.gateway_per_second,
        first_saturated=found.first_saturated,
        drains=next(iter(sentences(found))),
    )


def _baseline(against: Tree | Findings | None) -> Baseline | None:
    if isinstance(against, Tree):
        return Baseline(name=against.name, commit=against.commit)
    if isinstance(against, Findings):
        name = f"{against.commit[:8]} as measured {against.began_at[:16].replace('T', ' ')}"
        return Baseline(name=name, commit=against.commit, interleaved=False)
    return None


def _configured(against: Tree | Findings | None) -> dict[str, str]:
    """What the baseline is set to; nothing where nobody knows."""
    return configuration(against.path, {}) if isinstance(against, Tree) else against.settings if against else {}


def _row(scenario: str, name: str, told: str, why: str) -> Row:
    return Row(scenario=scenario, name=name, told=told, verdict=Verdict.INCONCLUSIVE, why=why)
