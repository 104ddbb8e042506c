"""Turns: every open run goes on at once, each in a task of its own, so that a slow one keeps no other waiting.

A run that fails in a way nobody foresaw is looked at and ends; a journal that cannot be written stops everything until it
can be, and then what was in the middle is looked at as after a kill.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from runbooks.engine.desk import Desk
from runbooks.engine.journal import JournalError
from runbooks.engine.recovery import Recovery
from runbooks.engine.runner import Runner
from runbooks.engine.runs import Run
from runbooks.engine.states import Event, State

_TICK_S = 0.5


class Turns:
    """Gives the runs of one desk their turns. `trouble`: why nothing is done at the moment, for a person."""

    def __init__(self, desk: Desk, runner: Runner, recovery: Recovery) -> None:
        self._desk = desk
        self._record = desk.record
        self._runner = runner
        self._recovery = recovery
        self._turning: dict[str, asyncio.Future[None]] = {}
        self._awake = asyncio.Event()
        self._troubled: set[str] = set()
        self.trouble = ""
        self._log = structlog.get_logger("cubano.runbooks")

    def wake(self) -> None:
        """Something has come in: the next turn is now."""
        self._awake.set()

    @asynccontextmanager
    async def alone(self, run: Run) -> AsyncIterator[None]:
        """Waits for the run's turn to end, and lets it have none meanwhile."""
        while (turning := self._turning.get(run.id)) is not None:
            await asyncio.wait([turning])
        busy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turning[run.id] = busy
        try:
            yield
        finally:
            self._turning.pop(run.id, None)
            busy.set_result(None)

    async def advance(self) -> None:
        """Every run as far as it goes now."""
        if tasks := self._spawn():
            await asyncio.wait(tasks)

    async def run_forever(self) -> None:
        """Until it is cancelled; a slow run keeps no other waiting."""
        tick = min(_TICK_S, self._desk.span(self._desk.settings.poll_s).total_seconds() / 2)
        while True:
            self._awake.clear()
            self._spawn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), tick)

    def _spawn(self) -> list[asyncio.Future[None]]:
        for run in self._desk.runs:
            if run.id not in self._turning and (run.is_open or self._runner.judging.keeps(run)):
                task = asyncio.create_task(self._turn(run), name=f"run {run.id}")
                self._turning[run.id] = task
                task.add_done_callback(lambda _task, run_id=run.id: self._turning.pop(run_id, None))  # type: ignore[misc]
        return list(self._turning.values())

    async def _turn(self, run: Run) -> None:
        """One run's turn. An entry of the registry may fail in any way: then it is looked at, or the run ends."""
        try:
            if run.id in self._troubled:
                await self._recovery.one(run)  # an outcome could not be written: it is looked at, as after a kill
                self._troubled.discard(run.id)
            await self._runner.turn(run)
            self.trouble = ""
        except JournalError as error:
            self._troubled.add(run.id)
            self._say(error)
        except Exception as error:  # noqa: BLE001 - the edge of one run; journaled, and the run ends or waits for a person
            await self._stumbled(run, error)

    async def _stumbled(self, run: Run, error: Exception) -> None:
        try:
            why = f"{type(error).__name__}: {error}"
            self._log.error("runbook run failed", run=run.id, playbook=run.playbook, reason=why)
            self._record.write("run.flawed", {"why": why}, run.id)
            if run.pending is not None:
                await self._recovery.one(run)
            if run.state is State.WORSE:
                self._record.move(run, State.WORSE, Event.LOSE, why)
            if run.state is not State.UNKNOWN:  # that is a person's business, and must not look like an end
                self._record.move(run, run.state, Event.ABORT, f"the engine could not go on: {why}")
        except JournalError as trouble:
            self._troubled.add(run.id)
            self._say(trouble)

    def _say(self, error: JournalError) -> None:
        if not self.trouble:
            self._log.error("runbook journal cannot be written", reason=str(error))
        self.trouble = f"{error}: nothing is done"
