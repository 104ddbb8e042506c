"""What everybody in the engine works with: the record, the clock and its pace, the settings, and the kill switch.

The kill switch is a file, `passive` in the state directory: while it is there nothing is changed by anybody's order, also
when only `touch` is left to put it there.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from runbooks.engine.facts import Facts
from runbooks.engine.journal import Entry, Journal
from runbooks.engine.playbook import Playbook
from runbooks.engine.registry import Registry
from runbooks.engine.runs import Run, Runs
from runbooks.engine.states import Event, State, advance

PASSIVE = "passive"
_UNREAD = 1000  # entries a slow reader may lag behind before it loses the oldest
Clock = Callable[[], datetime]


class Shelf(Protocol):
    """Where playbooks are found; `library.Library` is one."""

    def get(self, name: str) -> Playbook | None: ...

    def for_alert(self, name: str) -> Playbook | None: ...


class Drafting(Protocol):
    """Makes a notice: its text by language."""

    def __call__(self, template: str, facts: Facts) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class EngineSettings:
    """Times are seconds at the pace of production. `evidence`: folders and files in which drills left what they proved."""

    approval_s: int = 300  # within this an approved plan has begun, and the second of two people has approved
    acting_s: int = 1800  # for so long an approval carries later acts, behind a verify that took its time
    awaiting_s: int = 1800  # a plan nobody approves is let go: until then nothing else may change the same
    blocked_s: int = 3600  # how long a run waits for another one that changes the same
    waiting_s: int = 14_400  # how long a person may take for a step
    poll_s: float = 5  # between two looks at whether it has recovered
    acts_per_hour: int = 12  # of all runs together
    loop_runs: int = 3  # the third run that acts on one subject within a day needs a person
    replans: int = 3  # a world that changes faster than it is planned is no place for an engine
    attempts: int = 2  # an act that certainly was not done is tried once more
    looks: int = 3  # at whether an act was done, before nobody knows
    look_again_s: float = 2  # between them
    keep_s: int = 21_600  # for how long a lease is renewed
    roles: frozenset[str] = frozenset({"on_call", "admin"})  # who may approve
    least_s: float = 0  # real seconds that what was done has for taking effect, at whatever pace
    evidence: tuple[Path, ...] = ()
    evidence_days: int = 35


class Record:
    """The one way to write: an entry goes to the disk, is folded into the runs, and is told to whoever listens."""

    def __init__(self, journal: Journal, clock: Clock, checkpoint: Callable[[str], None]) -> None:
        self.journal = journal
        self.runs = Runs(journal.entries())
        self._clock = clock
        self._checkpoint = checkpoint
        self._listeners: set[asyncio.Queue[Entry]] = set()
        self._told: list[Callable[[Entry], None]] = []

    def write(self, kind: str, data: Mapping[str, Any], run: str = "") -> Entry:
        """`JournalError` when it could not be written; then it did not happen."""
        entry = self.journal.append(kind, data, at=self._clock(), run=run)
        self.runs.fold(entry)
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(entry)
        for tell in self._told:
            tell(entry)
        self._checkpoint(kind)
        return entry

    def listen(self, tell: Callable[[Entry], None]) -> None:
        """`tell` hears of every entry from now on, before the next one is written; it must not fail."""
        self._told.append(tell)

    def move(self, run: Run, expected: State, event: Event, why: str = "") -> bool:
        """Compare and swap: false when the run is not where it was thought to be, or the event does not happen there."""
        to = advance(run.state, event)
        if run.state is not expected or to is None:
            return False
        self.write("run.moved", {"from": run.state, "to": to, "event": event, "why": why}, run.id)
        return True

    def passed(self, name: str) -> None:
        """A point between two writes where nothing is written; tests kill here."""
        self._checkpoint(name)

    async def changes(self) -> AsyncIterator[Entry]:
        """Every entry from now on; one that reads too slowly loses the oldest."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(_UNREAD)
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)


@dataclass
class Desk:
    """Handed to every part of the engine."""

    library: Shelf
    registry: Registry
    world: Any
    record: Record
    clock: Clock
    pace: float = 1
    settings: EngineSettings = field(default_factory=EngineSettings)
    notices: Drafting | None = None
    seen: Callable[[], Iterable[str]] = tuple  # what others know to be wrong with the journal (`mirror.py`)
    elsewhere: Callable[[], str] = lambda: ""  # why another engine is the one that works (`only.py`)

    @property
    def runs(self) -> Runs:
        return self.record.runs

    def span(self, seconds: float) -> timedelta:
        """A duration of production at this pace."""
        return timedelta(seconds=seconds / self.pace)

    def patience(self, seconds: float) -> timedelta:
        """The same for what waits for the world, which runs no faster in a drill: never less than a fast drill leaves it."""
        return max(self.span(seconds), timedelta(seconds=min(seconds, self.settings.least_s)))

    def since(self, at: datetime) -> timedelta:
        return self.clock() - at

    def playbook_of(self, run: Run) -> Playbook | None:
        """Its playbook; None when it is gone or another version than the run began with."""
        found = self.library.get(run.playbook)
        return found if found is not None and found.version == run.version else None

    @property
    def switch(self) -> Path:
        return self.record.journal.folder / PASSIVE

    def passive(self) -> str:
        """Why nothing may be changed; empty when it may."""
        if elsewhere := self.elsewhere():
            return elsewhere
        try:
            text = self.switch.read_text()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeError):
            return "the kill switch cannot be read"
        with suppress(ValueError):
            found = json.loads(text)
            if isinstance(found, dict) and found.get("reason"):
                return f"the kill switch is on: {found['reason']}"
        return "the kill switch is on"
