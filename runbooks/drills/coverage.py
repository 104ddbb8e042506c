"""How far it reaches: alerts that have a playbook, playbooks that change something, and those that a green drill has proved.

What counts as proved is the evidence kept beside the drills, green, of the playbook's own drill, for these very bytes of both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitoring.alerts import ALERTS
from runbooks.drills.drill import Drill, load_drills
from runbooks.drills.evidence import committed
from runbooks.drills.report import Report
from runbooks.engine.library import Library
from runbooks.engine.playbook import Playbook


@dataclass(frozen=True)
class Coverage:
    """Names, each list sorted. `executable` are playbooks; the others are parts of `alerts` or of `executable`."""

    alerts: tuple[str, ...]
    without_playbook: tuple[str, ...]
    executable: tuple[str, ...]
    without_drill: tuple[str, ...]  # no file of a drill is about it
    unproved: tuple[str, ...]  # no evidence of its drill is kept, or playbook or drill are others by now

    @property
    def with_playbook(self) -> int:
        return len(self.alerts) - len(self.without_playbook)

    @property
    def drilled(self) -> int:
        return len(self.executable) - len(self.unproved)

    @property
    def line(self) -> str:
        """All of it in one line."""
        return (
            f"{len(self.alerts)} alerts, {self.with_playbook} with a playbook ({share(self.with_playbook, len(self.alerts))}); "
            f"{len(self.executable)} playbooks executable, {self.drilled} drilled ({share(self.drilled, len(self.executable))})"
        )


def cover(
    library: Library, alerts: Iterable[str], drills: Mapping[str, Drill], proved: Mapping[str, Report]
) -> Coverage:
    """`alerts` are their names; `proved` are green reports by drill."""
    names = tuple(sorted(set(alerts)))
    acting = [each for each in library.all if each.is_executable]
    return Coverage(
        alerts=names,
        without_playbook=tuple(name for name in names if library.for_alert(name) is None),
        executable=tuple(each.name for each in acting),
        without_drill=tuple(each.name for each in acting if not _has_drill(each, drills)),
        unproved=tuple(each.name for each in acting if not is_proved(each, drills, proved)),
    )


def covered(library: Library) -> Coverage:
    """Of this repository: its alerts, its drills, and the evidence that is kept here."""
    return cover(library, (each.name for each in ALERTS), load_drills(), committed())


def is_proved(playbook: Playbook, drills: Mapping[str, Drill], proved: Mapping[str, Report]) -> bool:
    """Whether a green run of its own drill is kept, for playbook and drill as they stand."""
    found, drill = proved.get(playbook.drill), drills.get(playbook.drill)
    if found is None or drill is None:
        return False
    kept = (found.playbook, found.version, found.drill_version)
    return kept == (playbook.name, playbook.version, drill.version) and bool(drill.version)


def share(part: int, whole: int) -> str:
    """`73 %`, never rounded up to a hundred."""
    return f"{100 * part // whole if whole else 100} %"


def _has_drill(playbook: Playbook, drills: Mapping[str, Drill]) -> bool:
    found = drills.get(playbook.drill)
    return found is not None and found.playbook == playbook.name
