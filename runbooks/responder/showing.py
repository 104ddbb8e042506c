"""What a page shows, as plain data: gathered here, so that templates decide nothing."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from runbooks.engine.approvals import needed, standing
from runbooks.engine.doubts import doubts
from runbooks.engine.journal import Entry
from runbooks.engine.library import Library
from runbooks.engine.limits import rank_of
from runbooks.engine.runs import Run
from runbooks.engine.states import State
from runbooks.responder import incidents
from runbooks.responder.board import Firing, Side
from runbooks.responder.station import Station
from runbooks.responder.timetable import Overdue
from runbooks.responder.views import SAID, line_view, newest, run_view, stamp

ASKING = frozenset({State.AWAITING_APPROVAL, State.WAITING_HUMAN, State.UNKNOWN})
ACTIONS = {
    State.AWAITING_APPROVAL: "Read the plan",
    State.WAITING_HUMAN: "Your turn",
    State.UNKNOWN: "Look, and say so",
}
DAY = timedelta(days=1)
MOST_ENDED = 20
_HIDDEN_LABELS = frozenset({"severity", "owner", "kind", "instance", "job"})


def board_view(station: Station) -> dict[str, Any]:
    """Everything on the first page."""
    runs = newest(station.engine.runs())
    recent = [each for each in runs if not each.is_open and station.clock() - each.since < DAY]
    firing = [_firing(station, each) for each in station.board.all()]
    asking = [_line(station, each) for each in runs if _asks(each)]
    left = [each for each in firing if each["left"]] + [_overdue(each) for each in station.timetable.overdue()]
    return {
        "asking": asking,
        "left": left,
        "needs": len(asking) + len(left),
        "working": [_line(station, each) for each in runs if each.is_open and not _asks(each)],
        "ended": [line_view(each) for each in recent[:MOST_ENDED]],
        "firing": [each for each in firing if not each["left"]],
        "deaf": station.deaf(),
        "listening": [_heard(station, side) for side in Side],
    }


def _line(station: Station, run: Run) -> dict[str, Any]:
    more = {"summary": _summary(station, run), "action": ACTIONS.get(run.state, "")}
    if run.state is State.PLANNED and _asks(run):
        more |= {"why": f"{run.blocked}: decide about that one first.", "action": "See what it waits for"}
    return line_view(run) | more


def _asks(run: Run) -> bool:
    """Whether a person has to do something: also about what keeps the most urgent from even asking."""
    return run.state in ASKING or (run.state is State.PLANNED and bool(run.blocked) and not rank_of(run.tier))


def _firing(station: Station, found: Firing) -> dict[str, Any]:
    alarm = found.alarm
    playbook = station.library.for_alert(alarm.name)
    labels = {name: value for name, value in alarm.labels.items() if name not in _HIDDEN_LABELS}
    run = station.engine.run(found.run) if found.run else None
    sides = {Side.ALERTMANAGER: "heard from Alertmanager only", Side.PROMETHEUS: "heard from Prometheus only"}
    return {
        "name": alarm.name,
        "tier": found.tier,
        "since": alarm.starts_at[:19].replace("T", " "),
        "summary": alarm.annotations.get("summary", ""),
        "labels": ", ".join(f"{name} {value}" for name, value in labels.items()),
        "one_sided": sides[next(iter(found.told))] if len(found.told) == 1 else "",
        "run": found.run,
        "left": found.tier == "critical" and (run is None or not run.is_open),  # it fires, and no program works on it
        "says": "" if run is None else SAID[run.state],
        "why_none": found.why_none,
        "playbook": "" if playbook is None else playbook.name,
    }


def _overdue(found: Overdue) -> dict[str, Any]:
    """As an alert that no program works on."""
    return {
        "name": found.playbook,
        "tier": "scheduled",
        "since": stamp(found.due),
        "summary": f"It was due, and {found.why}. Begin it by hand.",
        "labels": "",
        "one_sided": "",
        "run": found.run,
        "says": "",
        "why_none": "",
        "playbook": found.playbook,
    }


def _heard(station: Station, side: Side) -> dict[str, str]:
    heard = station.board.heard.get(side)
    if heard is None:
        return {"look": "soft", "words": f"{side.title()}: not heard yet"}
    ago = int((station.clock() - heard).total_seconds())
    return {"look": "good", "words": f"{side.title()} heard {ago} s ago"}


async def run_page(station: Station, run: Run) -> dict[str, Any]:
    """A run with its timeline, evidence, drafts, and whom it touched."""
    playbook = station.library.get(run.playbook)
    entries = list(station.engine.journal.entries(run=run.id))
    found = await incidents.impact_of(station.world, run)
    valid = timedelta(seconds=station.engine.desk.settings.approval_s / station.settings.scale)
    plan = run.plan
    return {
        "run": run_view(run, playbook),
        "summary": _summary(station, run),
        "impact": found.numbers,
        "impact_note": found.note,
        "impact_words": "" if playbook is None else playbook.sections.get("Impact", ""),
        "needed": 1 if plan is None else needed(plan.risk),
        "ends": stamp(station.clock() + valid)[11:],
        "approved": 0 if plan is None else len(standing(run, station.clock(), valid)),
        "doubts": doubts(run) if run.state is State.UNKNOWN else {},
        "may_undo": (not run.is_open or run.state is State.UNKNOWN)
        and any(_may_undo(each) for each in run.attempts.values()),
        "evidence": _evidence(entries),
        "drafts": [draft_view(each) for each in run.drafts],
        "timeline": incidents.timeline(entries),
        "post_mortem": incidents.post_mortem(run, playbook, entries, found),
    }


def _may_undo(attempt: Any) -> bool:
    return attempt.outcome in {"done", "unknown"} and not attempt.undone and bool(attempt.undo or attempt.lease_s)


def _summary(station: Station, run: Run) -> str:
    for each in station.board.all():
        if each.run == run.id and each.alarm.annotations.get("summary"):
            return each.alarm.annotations["summary"]
    return " ".join(re.findall(r"[A-Z][a-z]*|[A-Z]+(?![a-z])|[0-9]+", run.playbook)).capitalize()


def _evidence(entries: list[Entry]) -> dict[str, dict[str, Any]]:
    found = next((each.data for each in entries if each.kind == "evidence.found"), {})
    return {name: dict(facts) for name, facts in found.items() if isinstance(facts, dict)}


def draft_view(draft: Mapping[str, Any]) -> dict[str, str]:
    """A draft as its run keeps it, its languages one below the other; a person copies it."""
    texts = draft["texts"]
    return {"to": draft["to"], "text": "\n\n".join(f"[{language}]\n{words}" for language, words in texts.items())}


def playbooks_view(library: Library) -> list[dict[str, str]]:
    """All playbooks with the first sentence of what they are about."""
    return [
        {
            "name": each.name,
            "kind": ("acts, " + str(each.autonomy)) if each.is_executable else "guides a person",
            "meaning": re.split(r"(?<=[.:])\s", each.sections.get("Meaning", ""), maxsplit=1)[0],
        }
        for each in library.all
    ]
