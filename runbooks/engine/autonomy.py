"""How far a playbook may go by itself: what it asks for, cut down to what its drills have proved.

The last result of each drill of this very version counts: its own drill must be green and younger than 35 days, and none of
the others may have failed. A run that failed or made things worse since then takes it back until the next green one. The
results are what drills leave in `evidence.json`: `{playbook: {drill: {"version", "green", "at"}}}`.
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
    """From files, or folders with an `evidence.json`; what cannot be read proves nothing and is passed by."""
    for place in places:
        try:
            found = json.loads((place / EVIDENCE if place.is_dir() else place).read_text())
        except (OSError, ValueError):
            continue
        yield from _of(found)


def standing(desk: Desk, playbook: Playbook) -> Standing:
    """What the playbook asks for, or less."""
    if playbook.autonomy is not Autonomy.AUTO:
        return Standing(playbook.autonomy, f"the playbook says {playbook.autonomy}")
    if reason := _unfit(desk, playbook):
        return Standing(Autonomy.SUGGEST, reason)
    last = _last(desk, playbook)
    own = last.get(playbook.drill)
    if own is None:
        return Standing(Autonomy.SUGGEST, "no drill has proved this version")
    if reason := _faded(desk, own, last.values()):
        return Standing(Autonomy.SUGGEST, reason)
    return Standing(Autonomy.AUTO, f"its drill was green on {own.at:%Y-%m-%d}")


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


def _last(desk: Desk, playbook: Playbook) -> dict[str, Evidence]:
    """The last result of each drill of this version."""
    found: dict[str, Evidence] = {}
    for each in read_evidence((*desk.settings.evidence, desk.record.journal.folder)):
        mine = each.playbook == playbook.name and each.version == playbook.version
        if mine and (each.drill not in found or found[each.drill].at < each.at):
            found[each.drill] = each
    return found


def _faded(desk: Desk, own: Evidence, last: Iterable[Evidence]) -> str:
    """Why what was proved does not count any more."""
    for each in last:
        if not each.green:
            return f"its last drill {each.drill} failed ({each.at:%Y-%m-%d})"
    if desk.since(own.at).days >= desk.settings.evidence_days:
        return f"its last green drill is older than {desk.settings.evidence_days} days"
    failed = [run for run in desk.runs if run.playbook == own.playbook and run.failed and run.since > own.at]
    return f"run {failed[-1].id} ended as {failed[-1].state} since its last green drill" if failed else ""


def _goes_back(act: Act, reversal: Reversal) -> bool:
    return reversal is Reversal.HARMLESS or (reversal is Reversal.LEASE and act.lease_s > 0)


def _of(found: Any) -> Iterator[Evidence]:
    """Every result that is one; a time without its zone is none."""
    for playbook, drills in found.items() if isinstance(found, dict) else ():
        for drill, each in drills.items() if isinstance(drills, dict) else ():
            try:
                at = datetime.fromisoformat(str(each["at"]))
                evidence = Evidence(str(drill), str(playbook), str(each["version"]), each["green"] is True, at)
            except (KeyError, TypeError, ValueError):
                continue
            if at.utcoffset() is not None:
                yield evidence
