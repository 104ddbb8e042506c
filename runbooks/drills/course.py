"""A drill while it is played: the system, the report, who comes and who looks, and what has to be taken away again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runbooks.drills.drill import Drill
from runbooks.drills.faults import Heal
from runbooks.drills.load import Crowd
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene
from runbooks.drills.stack import Stack
from runbooks.drills.watch import Watch

Say = Callable[[str], None]


@dataclass
class Play:
    """One drill on one system."""

    stack: Stack
    drill: Drill
    say: Say
    report: Report
    scene: Scene
    crowd: Crowd | None = None
    watch: Watch | None = None
    began: float = 0.0
    heals: list[Heal] = field(default_factory=list)
    waited: bool = False  # its run, and others with it, waited for somebody of the drill

    @property
    def since(self) -> float:
        """Seconds since the fault."""
        return time.time() - self.began

    def heal(self) -> None:
        """Take away what is broken, the last first; nothing the second time."""
        for heal in reversed(self.heals):
            heal()
        if self.heals:
            self.report.moment(self.since, "the fault is taken away", "fault")
        self.heals.clear()


def words(args: Any) -> str:
    """What was counted or handed over, as `name=value`."""
    return " ".join(f"{name}={value}" for name, value in args.items())
