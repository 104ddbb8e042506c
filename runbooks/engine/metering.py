"""The engine's figures: counted from the lines of the journal as they are written, so a line and a count are one thing.

`Meter(telemetry, desk)` listens from then on; ages and numbers of what waits are measured when somebody asks for them.
"""

from collections.abc import Callable

from runbooks.engine.desk import Desk
from runbooks.engine.journal import Entry
from runbooks.engine.states import State
from service.telemetry.registry import Telemetry
from service.telemetry.repairs import (
    RUNBOOK_ACTS,
    RUNBOOK_AWAITING,
    RUNBOOK_AWAITING_OLDEST,
    RUNBOOK_JOURNAL_LAG,
    RUNBOOK_RUNS,
    ActOutcome,
    RunEnd,
)

WAITING = frozenset({State.AWAITING_APPROVAL, State.WAITING_HUMAN, State.UNKNOWN})


class Meter:
    """Counts for one engine. `lag`: how many lines the journal's mirror is behind, where there is one."""

    def __init__(self, telemetry: Telemetry, desk: Desk, lag: Callable[[], int] | None = None) -> None:
        self._telemetry = telemetry
        self._desk = desk
        self._lag = lag
        desk.record.listen(self._told)
        telemetry.at_scrape(self.measure)
        self.measure()

    def measure(self) -> None:
        """What waits for a person now, and how far the mirror is."""
        waits = [run for run in self._desk.runs if run.state in WAITING]
        oldest = max((self._desk.since(run.since).total_seconds() for run in waits), default=0)
        self._telemetry.set(RUNBOOK_AWAITING, len(waits))
        self._telemetry.set(RUNBOOK_AWAITING_OLDEST, oldest)
        if self._lag is not None:
            self._telemetry.set(RUNBOOK_JOURNAL_LAG, self._lag())

    def _told(self, entry: Entry) -> None:
        run = self._desk.runs.by_id.get(entry.run)
        if run is None:
            return
        if entry.kind == "run.moved" and entry.data["to"] in {*RunEnd}:
            self._telemetry.count(RUNBOOK_RUNS, playbook=run.playbook, state=RunEnd(entry.data["to"]))
        if entry.kind == "act.outcome":
            action = run.attempts[entry.data["step"]].do
            self._telemetry.count(RUNBOOK_ACTS, action=action, outcome=ActOutcome(entry.data["outcome"]))
