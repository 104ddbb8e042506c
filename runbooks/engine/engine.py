"""The engine: everything a responder, a terminal or a drill asks of it.

    journal = Journal.open(folder)                      # takes the folder; HeldError when another process has it
    engine = Engine(library, registry, world, journal, utc_now, pace=1, settings=EngineSettings())
    await engine.recover()                              # once, before anything else
    task = asyncio.create_task(engine.run_forever())    # or `await engine.advance()` whenever it suits

    run = await engine.take(Alarm(name, labels, starts_at))        # None: a resolved alarm without a run
    run = await engine.start(playbook, labels, person)             # by hand: always asks, unless it changes nothing
    run = await engine.begin(playbook, due)                        # its schedule says so: once for each time
    plan = await engine.plan(playbook, labels)                     # a dry run
    await engine.approve(run.id, plan.hash, person)                # also refuse, answer, abort, undo
    engine.pause(person, reason); engine.resume(person, reason)    # the kill switch
    async for entry in engine.changes(): ...                       # every line of the journal from now on

`Run` (runs.py) and `Plan` (plan.py) are read, never written to. What a person asks for and does not get raises a
`RefusalError` (approvals.py): WrongStateError, StalePlanError, NotAllowedError, NoPlaybookError, BadLabelsError, PassiveError, UnknownRunError.
`JournalError` means that nothing was done, because it could not be written down; `trouble` says so as long as it lasts.
`world` needs `prometheus.query(text) -> Facts` for queries; the registry's entries get it as it is. A resolved alarm closes
nothing; `verify` does. `checkpoint(name)` is called after every line and around every act, for tests that kill there.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from runbooks.engine.desk import Clock, Desk, Drafting, EngineSettings, Record, Shelf
from runbooks.engine.intake import Intake
from runbooks.engine.journal import Entry, Journal, JournalError
from runbooks.engine.people import People
from runbooks.engine.plan import Plan
from runbooks.engine.recovery import Recovery
from runbooks.engine.registry import Registry
from runbooks.engine.runner import Runner
from runbooks.engine.runs import Alarm, Person, Run
from runbooks.engine.turns import Turns


class Engine:
    """One engine has one state directory; see the module."""

    def __init__(  # noqa: PLR0913 - the parts it is put together from, by its root alone
        self,
        library: Shelf,
        registry: Registry,
        world: Any,
        journal: Journal,
        clock: Clock,
        *,
        pace: float = 1,
        settings: EngineSettings | None = None,
        notices: Drafting | None = None,
        checkpoint: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.journal = journal
        self._record = Record(journal, clock, checkpoint)
        self.desk = Desk(library, registry, world, self._record, clock, pace, settings or EngineSettings(), notices)
        self._runner = Runner(self.desk)
        self._intake = Intake(self.desk)
        self._people = People(self.desk, self._runner.judging)
        self._recovery = Recovery(self.desk, self._runner.acting)
        self._turns = Turns(self.desk, self._runner, self._recovery)

    # --- what comes in

    async def take(self, alarm: Alarm) -> Run | None:
        """The alarm's run: new, or the one it repeats. `NoPlaybookError` and `BadLabelsError` are journaled."""
        run = self._intake.alarm(alarm)
        self._turns.wake()
        return run

    async def start(self, name: str, labels: Mapping[str, str], person: Person) -> Run:
        """A run by hand; one for the same that goes on already is that run."""
        run = self._intake.order(name, labels, person)
        self._turns.wake()
        return run

    async def begin(self, name: str, due: datetime) -> Run:
        """The run of a playbook that is scheduled for this time, once; `NoPlaybookError` and `BadLabelsError`."""
        run = self._intake.due(name, due)
        self._turns.wake()
        return run

    async def plan(self, name: str, labels: Mapping[str, str], person: Person | None = None) -> Plan:
        """A dry run: real reads, predicted changes. It is journaled, and nothing follows from it."""
        playbook, labels, subject = self._intake.wanted(name, labels)
        plan = await self._runner.planner.make(playbook, subject, labels)
        who = person.known_as if person else ""
        shown = {"playbook": name, "subject": subject, "plan": plan.hash, "blast_radius": plan.blast_radius, "by": who}
        self._record.write("plan.made", shown)
        return plan

    async def approve(self, run_id: str, plan_hash: str, person: Person, *, token: str = "") -> Run:
        """Says yes to the plan of this hash; it begins when enough have. `token`: break-glass, in place of roles."""
        run = self._people.approve(run_id, plan_hash, person, token=token)
        self._turns.wake()
        return run

    async def refuse(self, run_id: str, person: Person, reason: str) -> Run:
        """Says no: the run ends, and nothing was done."""
        return self._people.refuse(run_id, person, reason)

    async def answer(self, run_id: str, step: str, text: str, person: Person) -> Run:
        """What a person did or saw: for a step of a person, or for what nobody knows of an act (`doubts`)."""
        run = self._people.answer(run_id, step, text, person)
        self._turns.wake()
        return run

    async def abort(self, run_id: str, person: Person, reason: str = "") -> Run:
        """Ends a run where it stands. An act in flight is still written down; leases run out by themselves."""
        return self._people.abort(run_id, person, reason)

    async def undo(self, run_id: str, person: Person) -> Run:
        """Puts back what an ended run did, the last first. `RefusalError` says what could not be put back."""
        async with self._turns.alone(self.run(run_id)):
            return await self._people.undo(run_id, person)

    def pause(self, person: Person, reason: str) -> None:
        """The kill switch: nothing is changed any more."""
        self._people.pause(person, reason)

    def resume(self, person: Person, reason: str) -> None:
        """Changes are allowed again; what `verify` and the mirror complain of is accepted with it."""
        self._people.resume(person, reason)
        self._turns.wake()

    def break_glass(self, person: Person) -> str:
        """A new single-use token, shown this once."""
        return self._people.break_glass(person)

    # --- what is so

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        return list(reversed(list(self.desk.runs)))

    def run(self, run_id: str) -> Run:
        """One run; `UnknownRunError`."""
        return self._people.found(run_id)

    def entries(self, run_id: str = "") -> Iterable[Entry]:
        """The journal's lines, of one run or all."""
        return self.journal.entries(run=run_id)

    def changes(self) -> AsyncIterator[Entry]:
        """Every line of the journal from now on."""
        return self._record.changes()

    @property
    def trouble(self) -> str:
        """Why nothing is done at the moment, for a person; empty when all is well."""
        return self._turns.trouble

    def passive(self) -> str:
        """Why the kill switch keeps everything from being changed; empty when it is off."""
        return self.desk.passive()

    # --- going on

    async def recover(self) -> list[Run]:
        """After a start: what was cut off is noted, a broken journal makes the engine passive, open intents are looked at."""
        faults, accepted = self.journal.faults, self.desk.runs.accepted
        self._record.write("engine.started", {"cut": self.journal.cut, "faults": faults})
        if broken := [each for each in faults if each not in accepted]:
            self.doubt(broken[0])
        return await self._recovery.all()

    def doubt(self, fault: str) -> None:
        """The memory is not what it was: nothing is changed until a person has looked."""
        if not self.desk.switch.exists():
            with suppress(JournalError):  # the switch is there before the line about it
                self.pause(Person("the engine"), f"the journal does not verify: {fault}")

    async def advance(self) -> None:
        """Every run as far as it goes now."""
        await self._turns.advance()

    async def run_forever(self) -> None:
        """Until it is cancelled; a slow run keeps no other waiting."""
        await self._turns.run_forever()
