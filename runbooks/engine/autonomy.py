"""How far a playbook may go by itself: what it asks for, cut down to what its drills have proved.

A green drill of this very version, younger than 35 days, lets `auto` be auto; a run that failed or made things worse after
that drill takes it back until the next green one. Evidence is read from JSON files that drills write:
`{"drill", "playbook", "version", "green", "at"}`, one object or a list of them in a file; other keys are passed by.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbooks.engine.desk import Desk
from runbooks.engine.plan import Plan
from runbooks.engine.playbook import Act, Autonomy, Playbook
from runbooks.engine.registry import Reversal, Risk

EVIDENCE = "evidence.json"
DAY_S = 86_400


@dataclass(frozen=True)
class Evidence:
    """What a drill has shown of one version of a playbook."""

    drill: str
    playbook: str
    version: str
    green: bool
    at: datetime


@dataclass(frozen=True)
class Standing:
    """How far it may go, and why not further."""

    level: Autonomy
    why: str


def read_evidence(places: Iterable[Path]) -> Iterator[Evidence]:
    """From files and folders; what cannot be read proves nothing and is passed by."""
    for place in places:
        for path in sorted(place.glob("*.json")) if place.is_dir() else [place]:
            try:
                found = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            yield from _of(found if isinstance(found, list) else [found])


def standing(desk: Desk, playbook: Playbook) -> Standing:
    """What the playbook asks for, or less."""
    if playbook.autonomy is not Autonomy.AUTO:
        return Standing(playbook.autonomy, f"the playbook says {playbook.autonomy}")
    if reason := _unfit(desk, playbook):
        return Standing(Autonomy.SUGGEST, reason)
    places = (*desk.settings.evidence, desk.record.journal.folder / EVIDENCE)
    mine = [
        each for each in read_evidence(places) if each.playbook == playbook.name and each.version == playbook.version
    ]
    latest = max(mine, key=lambda each: each.at, default=None)
    if latest is None:
        return Standing(Autonomy.SUGGEST, "no drill has proved this version")
    if reason := _faded(desk, latest):
        return Standing(Autonomy.SUGGEST, reason)
    return Standing(Autonomy.AUTO, f"its drill was green on {latest.at:%Y-%m-%d}")


def asks(desk: Desk, playbook: Playbook, plan: Plan, too_much: list[str]) -> list[str]:
    """Why a person has to approve this plan; nothing when it goes by itself."""
    found = list(too_much)
    stands = standing(desk, playbook)
    if stands.level is not Autonomy.AUTO:
        found.append(stands.why)
    found += [f"not known: {each}" for each in plan.unknown]
    found += [f"{each.step} is always approved by a person" for each in plan.doing if each.approve]
    return found


def _unfit(desk: Desk, playbook: Playbook) -> str:
    """Why this playbook can never go by itself."""
    for act in playbook.acts:
        action = desk.registry.actions.get(act.do)
        if action is None or action.risk is not Risk.LOW:
            return f"{act.name} can cost more than little"
        if not _goes_back(act, action.reversal):
            return f"{act.name} does not go back by itself"
    return ""


def _faded(desk: Desk, latest: Evidence) -> str:
    """Why the latest drill does not count any more."""
    if not latest.green:
        return f"its last drill failed ({latest.at:%Y-%m-%d})"
    if desk.since(latest.at).days >= desk.settings.evidence_days:
        return f"its last green drill is older than {desk.settings.evidence_days} days"
    failed = [run for run in desk.runs if run.playbook == latest.playbook and run.failed and run.since > latest.at]
    return f"run {failed[-1].id} ended as {failed[-1].state} since its last green drill" if failed else ""


def _goes_back(act: Act, reversal: Reversal) -> bool:
    return reversal is Reversal.HARMLESS or (reversal is Reversal.LEASE and act.lease_s > 0)


def _of(found: list[Any]) -> Iterator[Evidence]:
    for each in found:
        try:
            at = datetime.fromisoformat(str(each["at"]))
            evidence = Evidence(
                str(each["drill"]), str(each["playbook"]), str(each["version"]), each["green"] is True, at
            )
        except (KeyError, TypeError, ValueError):
            continue
        if at.utcoffset() is not None:
            yield evidence
