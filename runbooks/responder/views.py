"""A run as people and programs see it: the plan in plain words, each step with how it came out, and what happens next.

One shape for the page, the JSON API, the commands and the drills. Times are seconds since 1970 for programs and
`2027-02-13 03:04:05` for people.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from runbooks.engine.journal import Entry
from runbooks.engine.plan import Plan, PlannedAct, amount
from runbooks.engine.playbook import Act, Check, Choose, Evidence, Human, Note, Notify, Playbook, Step, Verify
from runbooks.engine.runs import Run
from runbooks.engine.states import State

MARKS = {  # how a step came out, and how that looks
    **dict.fromkeys(("met", "done", "passed", "answered", "drafted", "written", "kept", "went"), "✓"),
    **dict.fromkeys(("unmet", "failed", "refused", "unknown", "not_done", "worse"), "✗"),
    **dict.fromkeys(("skipped", "unchanged"), "–"),  # noqa: RUF001 - a dash
}
SAID = {
    State.RECEIVED: "It has just come in.",
    State.PLANNED: "The plan is made; it waits for another run that changes the same.",
    State.AWAITING_APPROVAL: "It waits for you. Nothing has been changed.",
    State.RUNNING: "It is being done.",
    State.WAITING_HUMAN: "It waits for what you find out or do.",
    State.VERIFYING: "It is done; now it is looked whether that helped.",
    State.WORSE: "It became worse; what was done is being put back.",
    State.RECOVERED: "Recovered, and verified.",
    State.NO_EFFECT: "It has not recovered in time. A person has to look.",
    State.ROLLED_BACK: "What was done has been put back. A person has to look.",
    State.ABORTED: "Ended before it was through. A person has to look.",
    State.STOPPED: "It stopped by itself: this needs another playbook or a person.",
    State.OBSERVED: "Looked at; there is nothing here that a program should do.",
    State.REFUSED: "Somebody said no. Nothing was changed.",
    State.EXPIRED: "Nobody answered in time.",
    State.UNKNOWN: "Nobody knows whether the last act took hold. Look, and say so.",
}


def stamp(at: datetime | None) -> str:
    """For people, in UTC."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def run_view(run: Run, playbook: Playbook | None) -> dict[str, Any]:
    """Everything about a run, as plain data."""
    return {
        **line_view(run),
        "version": run.version,
        "labels": dict(run.labels),
        "requester": run.requester,
        "facts": dict(run.facts),
        "plan": None if run.plan is None else plan_view(run.plan),
        "approvals": [{"person": each.person, "hash": each.plan, "at": each.at.timestamp()} for each in run.approvals],
        "steps": [] if playbook is None else [_step_view(run, each) for each in playbook.steps],
        "waitsFor": run.cursor if run.state is State.WAITING_HUMAN else "",
        "drafts": list(run.drafts),
        "edited": playbook is None or playbook.version != run.version,
    }


def line_view(run: Run) -> dict[str, Any]:
    """A run in a list."""
    return {
        "id": run.id,
        "playbook": run.playbook,
        "subject": run.subject,
        "state": str(run.state),
        "says": SAID[run.state],
        "open": run.is_open,
        "why": run.reason,
        "blocked": run.blocked,
        "alarm": run.alarm,
        "resolved": run.resolved,
        "repeats": run.repeats,
        "began": run.started_at.timestamp(),
        "since": run.since.timestamp(),
        "shownBegan": stamp(run.started_at),
        "acts": [_attempt_view(each) for each in run.attempts.values()],
        "flaws": list(run.flaws),
        "summary": "",
        "action": "",
    }


def plan_view(plan: Plan) -> dict[str, Any]:
    """What it found and would do. `blastRadius` is a sentence."""
    return {
        "hash": plan.hash,
        "risk": str(plan.risk),
        "blastRadius": plan.blast_radius,
        "acts": [_act_view(each) for each in plan.acts],
        "found": [
            {
                "step": each.step,
                "kind": each.kind,
                "outcome": each.outcome,
                "words": each.words,
                "assumed": each.assumed,
            }
            for each in plan.found
        ],
        "unknown": list(plan.unknown),
        "ends": plan.ends,
        "waitsFor": plan.waits_for,
        "orders": plan.orders,
        "sessions": plan.sessions,
        "events": plan.events,
        "cents": plan.cents,
        "money": ", ".join(amount(minor, currency) for currency, minor in plan.cents.items()) or "none",
        "at": plan.at,
    }


def entry_view(entry: Entry) -> dict[str, Any]:
    """A line of the journal, with a sentence."""
    return {"seq": entry.seq, "at": stamp(entry.time), "kind": entry.kind, "says": sentence(entry), "data": entry.data}


def sentence(entry: Entry) -> str:
    """What an entry says, for a person."""
    said = _SENTENCES.get(entry.kind)
    if said is not None:
        return said(entry.data)
    return entry.kind.replace(".", ": ") + (f": {entry.data['why']}" if entry.data.get("why") else "")


def _of_move(data: Mapping[str, Any]) -> str:
    return f"{data.get('from', '')} → {data['to']}".strip() + (f": {data['why']}" if data.get("why") else "")


def _of_outcome(data: Mapping[str, Any]) -> str:
    return f"{data['step']}: {data['outcome']}"


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "run.moved": _of_move,
    "run.approved": lambda data: f"{data['person']} approved plan {str(data['plan'])[:8]}",
    "act.intent": lambda data: f"about to do {data['do']} {_args(data.get('args', {}))}",
    "act.outcome": _of_outcome,
    "undo.outcome": lambda data: f"put back, {_of_outcome(data)}",
    "lease.outcome": lambda data: f"lease renewed, {_of_outcome(data)}",
    "step.played": _of_outcome,
    "evidence.found": lambda data: f"evidence kept: {', '.join(sorted(data))}",
}


def _act_view(act: PlannedAct) -> dict[str, Any]:
    return {
        "step": act.step,
        "do": act.do,
        "args": act.args,
        "risk": str(act.risk),
        "says": act.summary,
        "lease": act.lease_s,
        "shownLease": minutes(act.lease_s),
        "changes": act.changes,
        "known": act.known,
        "before": act.before,
        "after": act.after,
        "orders": act.orders,
        "sessions": act.sessions,
    }


def _attempt_view(attempt: Any) -> dict[str, Any]:
    return {
        "step": attempt.step,
        "do": attempt.do,
        "args": attempt.args,
        "outcome": attempt.outcome or "under way",
        "at": attempt.at.timestamp(),
        "undone": attempt.undone,
        "lease": attempt.lease_s,
    }


def _step_view(run: Run, step: Step) -> dict[str, Any]:
    outcome = run.steps.get(step.name, "")
    found = {name.partition(".")[2]: value for name, value in run.facts.items() if name.startswith(f"{step.name}.")}
    return {
        "name": step.name,
        "kind": type(step).__name__.lower(),
        "says": step_words(step),
        "outcome": outcome,
        "mark": MARKS.get(outcome, "✓" if outcome else "·"),
        "facts": found,
        "now": run.is_open and run.cursor == step.name,
        "answers": list(step.answers) if isinstance(step, Human) else [],
    }


def step_words(step: Step) -> str:
    """A step in a line."""
    words = _WORDS.get(type(step))
    return step.name if words is None else words(step)


def _of_check(step: Check) -> str:
    expected = ", ".join(f"{name} {matcher}" for name, matcher in step.look.expect.items())
    return f"look at {step.look.read or step.look.query}, expect {expected or 'an answer'}"


def _of_act(step: Act) -> str:
    words = f"do {step.do} {_args(step.args)}".strip()
    return f"{words}, for {minutes(step.lease_s)}" if step.lease_s else words


_WORDS: Mapping[type[Step], Callable[[Any], str]] = {
    Check: _of_check,
    Act: _of_act,
    Verify: lambda step: f"verify within {minutes(step.within_s)}: {len(step.all)} signs",
    Human: lambda step: step.do,
    Choose: lambda _: "choose what comes next",
    Notify: lambda step: f"draft for {step.to}: {step.template}",
    Note: lambda step: step.text,
    Evidence: lambda step: f"keep {step.query}",
}


def minutes(seconds: int) -> str:
    """A duration for a person."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {word}{'s' if count != 1 else ''}"
    return f"{seconds} seconds"


def _args(args: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in args.items())


def newest(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda each: each.started_at, reverse=True)
