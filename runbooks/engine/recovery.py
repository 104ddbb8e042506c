"""After a kill: what stands in the journal without an outcome is looked at, never done again unseen.

Each run goes on from its last line: an act that took hold is noted as done, one that certainly did not may be tried again by
the runner within its limits, and one nobody can tell of waits for a person.
"""

from runbooks.engine.acting import UNKNOWN, Acting
from runbooks.engine.desk import Desk
from runbooks.engine.runs import Run
from runbooks.engine.states import Event, State


class Recovery:
    """Recovers the runs of one desk."""

    def __init__(self, desk: Desk, acting: Acting) -> None:
        self._desk = desk
        self._record = desk.record
        self._acting = acting

    async def all(self) -> list[Run]:
        """Every run that was in the middle of something."""
        found = [run for run in self._desk.runs if run.pending is not None]
        for run in found:
            await self.one(run)
        return found

    async def one(self, run: Run) -> None:
        """Finds out what came of its last intent, and parks the run when that cannot be told."""
        pending = run.pending
        if pending is None:
            return
        self._record.write("run.found", {"step": pending.step, "why": "an intent without an outcome"}, run.id)
        if pending.do not in self._desk.registry.actions:
            self._record.move(run, run.state, Event.LOSE, f"nobody can look whether {pending.step} was done")
            return
        await self._acting.settle(run)
        attempt = run.attempts[pending.step]
        if attempt.outcome == UNKNOWN and run.state in {State.RUNNING, State.ABORTED}:
            why = f"nobody knows whether {attempt.step} was done: look, then say"
            self._record.move(run, run.state, Event.LOSE, why)
        elif attempt.tries >= self._desk.settings.attempts and attempt.outcome == "not_done":
            self._record.move(
                run, State.RUNNING, Event.ABORT, f"{attempt.step} was not done: {attempt.tries} times tried"
            )
