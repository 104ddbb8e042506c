"""Runs as the journal tells them: every field of a `Run` is folded from entries, so a restart knows what was known.

`Runs.fold` is the only place where a run changes. What an alarm is and who a person is stand here too, because the journal
names them. A run's key is made of the playbook's version, the subject and when the alert began: repeats are one run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from runbooks.engine.facts import Value
from runbooks.engine.journal import Entry, digest
from runbooks.engine.plan import Plan
from runbooks.engine.playbook import Playbook
from runbooks.engine.states import FAILED, OPEN, Event, State
from service.telemetry.redaction import redact_text

FIRING, RESOLVED = "firing", "resolved"
SCHEDULE = "its schedule"  # the requester of a run that nobody asked for and no alert
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Alarm:
    """What Alertmanager or Prometheus told. `starts_at` is the alert's own beginning, as it was written."""

    name: str
    labels: Mapping[str, str]
    starts_at: str
    status: str = FIRING
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def tier(self) -> str:
        return self.labels.get("severity", "critical")  # what has no tier is no reason to sleep


@dataclass(frozen=True)
class Person:
    """Who asks or approves. `via` says how he was known: page, terminal, break-glass."""

    name: str
    roles: frozenset[str] = frozenset()
    via: str = ""

    @property
    def known_as(self) -> str:
        """The name as the journal has it, and as two people are told apart."""
        return redact_text(self.name)


@dataclass(frozen=True)
class Approval:
    """A person's yes to the plan of this hash. `full`: a break-glass token, which is worth all that are needed."""

    person: str
    plan: str
    at: datetime
    full: bool = False


@dataclass
class Attempt:
    """An act that was begun: its intent, and what came of it ("" while that is not written)."""

    step: str
    do: str
    args: dict[str, str]
    key: str
    at: datetime
    lease_s: int = 0
    undo: bool = False  # it is put back when it made things worse
    tries: int = 1
    outcome: str = ""  # done, refused, not_done, unknown
    undoing: bool = False  # an intent to put it back stands open
    undone: bool = False
    renewing: bool = False
    renewals: int = 0
    renewed_at: datetime | None = None
    lapsed: str = ""  # why its lease is not renewed any more
    before: dict[str, Any] = field(default_factory=dict)  # as it was planned, and approved
    after: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """One handling of one fault. `facts` are all that its steps found, as `step.fact`, beside its labels."""

    id: str
    key: str
    playbook: str
    version: str
    subject: str
    domain: str
    labels: dict[str, str]
    requester: str
    started_at: datetime
    alarm: str = ""
    alarm_since: str = ""
    tier: str = ""  # the alert's, the highest of those it stands for
    state: State = State.RECEIVED
    since: datetime = datetime.min  # noqa: DTZ901 - set by the entry that opens it
    reason: str = ""
    given_up: bool = False  # a person or a limit ended it: nothing more of it is done
    plan: Plan | None = None
    approvals: list[Approval] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)  # played steps in their order, and how they came out
    cursor: str = ""  # the step that is next; "" for the first one, END behind the last
    asked: str = ""  # the step of a person that was asked last
    attempts: dict[str, Attempt] = field(default_factory=dict)
    begun_at: datetime | None = None
    waited_s: float = 0  # for people, since it began
    checked: bool = False  # the plan was compared with the world since it last began, or a person answered
    replans: int = 0
    replanned: str = ""  # why, the last time
    verified: bool = False
    verifier: str = ""  # the verify step that was played last
    drafts: list[dict[str, Any]] = field(default_factory=list)
    stale: bool = False  # its plan has to be made anew
    blocked: str = ""
    lines: int = 0  # of the journal about it
    repeated: list[str] = field(default_factory=list)  # when the alerts began that it stands for, each once
    resolved: bool = False  # the alert says so; it proves nothing
    flaws: list[str] = field(default_factory=list)

    @property
    def known(self) -> dict[str, Value]:
        """Its labels and all that its steps found: what a text may ask for."""
        return {**self.labels, **self.facts}

    @property
    def repeats(self) -> int:
        """How many times its fault was told again, as an alert with another beginning or the same."""
        return len(self.repeated)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def failed(self) -> bool:
        return self.state in FAILED

    @property
    def acted(self) -> bool:
        """It has begun to change something, whatever came of it."""
        return bool(self.attempts)

    @property
    def pending(self) -> Attempt | None:
        """An act of which only the intent is known."""
        return next(
            (each for each in self.attempts.values() if not each.outcome or each.undoing or each.renewing), None
        )


END = "(end)"


def run_key(playbook: Playbook, subject: str, since: str) -> str:
    """The same for repeats, retries and double clicks."""
    return digest([playbook.name, playbook.version, subject, since])


class Runs:
    """All runs of a journal, newest last, and what belongs to none of them."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.by_id: dict[str, Run] = {}
        self.used_tokens: set[str] = set()
        self.accepted: set[str] = set()  # what `verify` complains of, and a person has looked at
        for entry in entries:
            self.fold(entry)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.by_id.values())

    def by_key(self, key: str) -> Run | None:
        return next((run for run in self if run.key == key), None)

    def of(self, playbook: str, subject: str) -> list[Run]:
        return [run for run in self if run.playbook == playbook and run.subject == subject]

    def fold(self, entry: Entry) -> None:
        """What the entry says happens to its run; kinds that say nothing of a run's state are passed by."""
        data = entry.data
        if entry.kind == "run.opened":
            self.by_id[entry.run] = _opened(entry)
        elif entry.kind == "breakglass.used":
            self.used_tokens.add(data["mark"])
        elif entry.kind == "engine.resumed":
            self.accepted |= set(data["faults"])
        run = self.by_id.get(entry.run)
        if run is not None:
            run.lines += 1
        change = _CHANGES.get(entry.kind)
        if run is not None and change is not None:
            change(run, data, entry.time)


def _opened(entry: Entry) -> Run:
    data = dict(entry.data)
    return Run(id=entry.run, started_at=entry.time, since=entry.time, **data)


def _moved(run: Run, data: Mapping[str, Any], at: datetime) -> None:
    waited = run.state in {State.WAITING_HUMAN, State.AWAITING_APPROVAL, State.PLANNED, State.UNKNOWN}
    if run.begun_at is not None and waited:
        run.waited_s += (at - run.since).total_seconds()
    run.state, run.since = State(data["to"]), at
    run.reason = data["why"] or run.reason
    run.given_up = run.given_up or data["event"] == Event.ABORT
    if run.state is State.RUNNING:
        run.begun_at = run.begun_at or at
    run.checked = run.checked and run.state is not State.PLANNED and data["event"] != Event.ANSWER
    if run.state is State.PLANNED:
        run.stale = data["event"] == "replan"
        run.replans += run.stale and data["from"] == State.RUNNING  # not when it gives way
        run.replanned = data["why"] if run.stale else run.replanned


def _planned(run: Run, data: Mapping[str, Any], _at: datetime) -> None:
    run.plan, run.blocked = msgspec.convert(data["plan"], Plan), ""
    run.approvals, run.stale = [], False


def _played(run: Run, data: Mapping[str, Any], _at: datetime) -> None:
    step = data["step"]
    run.steps[step], run.cursor = data["outcome"], data["next"]
    run.facts |= {f"{step}.{name}": value for name, value in data["facts"].items()}


def _intended(run: Run, data: Mapping[str, Any], at: datetime) -> None:
    before = run.attempts.get(data["step"])
    tries = before.tries + 1 if before is not None else 1
    names = ("step", "do", "args", "key", "lease_s", "undo", "before", "after")
    run.attempts[data["step"]] = Attempt(**{name: data[name] for name in names}, at=at, tries=tries)


def _came_out(run: Run, data: Mapping[str, Any], _at: datetime) -> None:
    step = data["step"]
    run.attempts[step].outcome = data["outcome"]
    run.facts |= {f"{step}.{name}": value for name, value in data["facts"].items()}


def _undone(run: Run, data: Mapping[str, Any], _at: datetime) -> None:
    attempt = run.attempts[data["step"]]
    attempt.undoing, attempt.undone = False, data["outcome"] == "done"


def _renewed(run: Run, data: Mapping[str, Any], at: datetime) -> None:
    attempt = run.attempts[data["step"]]
    attempt.renewing, attempt.renewals = False, attempt.renewals + 1
    attempt.renewed_at = at if data["outcome"] == "done" else attempt.renewed_at


def _approved(run: Run, data: Mapping[str, Any], at: datetime) -> None:
    run.approvals.append(Approval(data["person"], data["plan"], at, full=data["full"]))


def _set(name: str, found: Callable[[Mapping[str, Any]], Any]) -> Callable[[Run, Mapping[str, Any], datetime], None]:
    return lambda run, data, _at: setattr(run, name, found(data))


def _mark(name: str, found: Callable[[Mapping[str, Any]], Any]) -> Callable[[Run, Mapping[str, Any], datetime], None]:
    return lambda run, data, _at: setattr(run.attempts[data["step"]], name, found(data))


def _repeated(run: Run, data: Mapping[str, Any], _at: datetime) -> None:
    run.repeated.append(data["since"])
    run.tier = data.get("tier", run.tier)


_CHANGES: Mapping[str, Callable[[Run, Mapping[str, Any], datetime], None]] = {
    "run.moved": _moved,
    "run.planned": _planned,
    "run.approved": _approved,
    "run.checked": _set("checked", lambda _: True),
    "run.blocked": _set("blocked", lambda data: data["why"]),
    "step.played": _played,
    "human.asked": lambda run, data, _at: vars(run).update(cursor=data["step"], asked=data["step"]),
    "act.intent": _intended,
    "act.outcome": _came_out,
    "undo.intent": _mark("undoing", lambda _: True),
    "undo.outcome": _undone,
    "lease.intent": _mark("renewing", lambda _: True),
    "lease.outcome": _renewed,
    "lease.lapsed": _mark("lapsed", lambda data: data["why"]),
    "verify.begun": _set("verifier", lambda data: data["step"]),
    "verify.passed": _set("verified", lambda _: True),
    "notice.drafted": lambda run, data, _at: run.drafts.append(dict(data)),
    "alarm.repeated": _repeated,
    "alarm.resolved": _set("resolved", lambda _: True),
    "alarm.firing": _set("resolved", lambda _: False),
    "run.flawed": lambda run, data, _at: run.flaws.append(data["why"]),
}
