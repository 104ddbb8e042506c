"""Several drills on as few systems as possible: one after the other, a new system where settings differ or one has broken."""

from collections.abc import Callable, Iterable
from pathlib import Path

from runbooks.drills.drill import Drill
from runbooks.drills.play import play
from runbooks.drills.report import Report
from runbooks.drills.scene import wait_for
from runbooks.drills.stack import NoStackError, Stack
from runbooks.drills.watch import Watch

CALM_S = 20  # what goes on longer than that of the drill before is left behind with its system


def run_drills(drills: Iterable[Drill], folder: Path, scale: int, say: Callable[[str], None]) -> list[Report]:
    """A report for each, in their order; a system that cannot be started is told in the report."""
    reports: list[Report] = []
    stack: Stack | None = None
    settings: dict[str, str] = {}
    try:
        for number, drill in enumerate(drills):
            wanted = {**drill.settings, **({"CUBANO_RESPOND_DIES_AT": drill.kill} if drill.kill else {})}
            if stack is None or wanted != settings or not reports[-1].is_green or not _calms_down(stack):
                if stack is not None:
                    stack.stop()
                settings = wanted
                stack = Stack(folder / f"system-{number}", scale)
                say(f"\n{drill.drill}: starting a system")
                stack.start(settings)
            say(f"\n{drill.drill}")
            reports.append(play(stack, drill, lambda said: say(f"  {said}")))
    except NoStackError as error:
        say(str(error))
        broken = Report(drill=drill.drill, playbook=drill.playbook, scale=scale, at="")
        broken.fault(str(error).splitlines()[0])
        reports.append(broken)
    finally:
        if stack is not None:
            stack.stop()
    return reports


def _calms_down(stack: Stack) -> bool:
    return bool(wait_for(Watch(stack).is_calm, CALM_S))
