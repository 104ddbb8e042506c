"""Where the gate plays: scenarios on systems of their own, one after the other, and what came of it until now.

What goes wrong before anybody came is a target that is not well; a system that is gone after its load has failed; a
generator that broke says nothing. Each of it is a row, so that the report is whole whatever happens, Ctrl-C included.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from loadtests.faults import NoFaultError
from loadtests.play import Say, play
from loadtests.result import Ran
from loadtests.stages import Scenario
from loadtests.swarm import GeneratorError
from loadtests.target import HERE, Target, UnhealthyError, started
from loadtests.verdict import Row, Verdict

DISK = Path("/var/tmp")  # noqa: S108 - a fresh folder is made in it; /tmp is memory on many machines, where a flush costs nothing


@dataclass
class Stand:
    """`runs` and `rows` grow while it plays; `settings` go to every system that is started here."""

    say: Say
    seed: int = 1
    generators: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    runs: list[tuple[Ran, Scenario]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def play_all(self, scenarios: Sequence[Scenario], target: Target | None = None) -> None:
        """Each of them; neighbours that need the same system share it, unless there is one already."""
        for (settings, watched), group in groupby(scenarios, key=_needs):
            some = list(group)
            if target is not None:
                self._play_on(target, some)
                continue
            try:
                with self.system(dict(settings), watched=watched) as own:
                    self._play_on(own, some)
            except UnhealthyError as error:
                self.rows.append(unhealthy(some[0].name, error))

    def _play_on(self, target: Target, scenarios: Sequence[Scenario]) -> None:
        for number, scenario in enumerate(scenarios):
            try:
                target.check()
            except UnhealthyError as error:
                gone = _lost(
                    scenario.name, Verdict.FAIL, f"the system was gone after {scenarios[number - 1].name}: {error}"
                )
                self.rows.append(gone if number else unhealthy(scenario.name, error))
                return
            try:
                ran = play(scenario, target, self.seed, generators=self.generators, say=self.say)
            except UnhealthyError as error:
                self.rows.append(_lost(scenario.name, Verdict.FAIL, f"the system was gone after it: {error}"))
                return
            except (GeneratorError, NoFaultError) as error:
                self.rows.append(_lost(scenario.name, Verdict.INCONCLUSIVE, str(error)))
            else:
                self.runs.append((ran, scenario))

    @contextmanager
    def system(
        self, settings: Mapping[str, str] | None = None, *, tree: Path = HERE, watched: bool = False
    ) -> Iterator[Target]:
        """A system of this tree or another for the length of the block; another has settings of its own alone.

        Raises `UnhealthyError`.
        """
        with ExitStack() as stack:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="cubano-load-", dir=DISK if DISK.is_dir() else None)
            )
            self.say("starting a system" if tree == HERE else "starting the baseline")
            given = {**(self.settings if tree == HERE else {}), **(settings or {})}
            target = stack.enter_context(started(Path(folder), tree=tree, settings=given, watched=watched))
            if watched and not target.alerting:
                self.say("alerts are not watched: Prometheus or Alertmanager is missing (`make monitoring`)")
            yield target


def unhealthy(scenario: str, error: Exception) -> Row:
    """The system was not well before anybody came."""
    return _lost(scenario, Verdict.UNHEALTHY, str(error))


def _needs(scenario: Scenario) -> tuple[tuple[tuple[str, str], ...], bool]:
    return tuple(sorted(scenario.settings.items())), scenario.watched


def _lost(scenario: str, verdict: Verdict, why: str) -> Row:
    told = "The system was well." if verdict is Verdict.UNHEALTHY else "It was played to its end."
    return Row(scenario=scenario, name="system", told=told, verdict=verdict, why=why)
