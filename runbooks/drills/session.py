"""Several drills on as few systems as possible: one after the other, a new system where settings differ or one has broken.

With more than one seat they are played side by side, each seat on systems of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runbooks.drills.drill import Drill
from runbooks.drills.play import play
from runbooks.drills.report import Report
from runbooks.drills.scene import wait_for
from runbooks.drills.seats import at_seats
from runbooks.drills.stack import NoStackError, Stack
from runbooks.drills.watch import Watch

CALM_S = 20  # what goes on longer than that of the drill before is left behind with its system

Say = Callable[[str], None]


class Seat:
    """Plays one drill after the other; the system of the last one is kept for the next as long as that may be."""

    def __init__(self, folder: Path, scale: int, say: Say) -> None:
        self._folder, self._scale, self._say = folder, scale, say
        self._stack: Stack | None = None
        self._settings: dict[str, str] = {}
        self._is_good = False

    def play(self, drill: Drill) -> Report:
        """Its report; a system that cannot be started is told there."""
        try:
            report = play(self._system(drill), drill, lambda said: self._say(f"  {said}"))
        except NoStackError as error:
            self._say(str(error))
            report = Report(drill=drill.drill, playbook=drill.playbook, scale=self._scale, at="")
            report.fault(str(error).splitlines()[0])
        self._is_good = report.is_green
        return report

    def leave(self) -> None:
        """Its system is ended."""
        if self._stack is not None:
            self._stack.stop()
            self._stack = None

    def _system(self, drill: Drill) -> Stack:
        wanted = {**drill.settings, **({"CUBANO_RESPOND_DIES_AT": drill.kill} if drill.kill else {})}
        stack = self._stack
        if stack is None or wanted != self._settings or not self._is_good or not _calms_down(stack):
            self.leave()
            self._settings = wanted
            self._stack = stack = Stack(self._folder / f"system-{drill.drill}", self._scale)
            self._say(f"\n{drill.drill}: starting a system")
            stack.start(wanted)
        self._say(f"\n{drill.drill}")
        return stack


def run_drills(
    drills: Iterable[Drill],
    folder: Path,
    scale: int,
    say: Say,
    *,
    jobs: int = 1,
    ended: Callable[[Report], None] = lambda _: None,
) -> list[Report]:
    """A report for each, in their order; `ended` hears of each as soon as it is there."""

    @contextmanager
    def seat() -> Iterator[Callable[[Drill], Report]]:
        taken = Seat(folder, scale, say)
        try:
            yield taken.play
        finally:
            taken.leave()

    return at_seats(drills, jobs, seat, ended)


def _calms_down(stack: Stack) -> bool:
    return bool(wait_for(Watch(stack).is_calm, CALM_S))
