"""What somebody would look up first, gathered at the beginning of a run and kept in its journal as evidence.

Numbers of the objectives, the commonest errors, what was changed lately, traces to open, and how earlier runs of the same
kind ended. What does not answer in time is left out and named: evidence never holds up a repair.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from monitoring import recording
from runbooks.engine.facts import Facts
from runbooks.engine.looking import UNKNOWN, Looker
from runbooks.engine.playbook import Look
from runbooks.engine.runs import Run
from runbooks.responder.views import newest, stamp
from service.telemetry.objectives import OBJECTIVES

WITHIN_S = 8
MOST_SIMILAR = 5
READS = ("errors.top", "changes.recent", "gateway.errors", "traces.recent")  # those the registry has
WINDOW = "5m"


async def gather(looker: Looker, run: Run, others: Iterable[Run]) -> dict[str, dict[str, Any]]:
    """Evidence by its name; what did not answer stands in `not known`."""
    looks = {each: Look(read=each) for each in READS if each in looker.registry.reads}
    asked = {**{name: _read(looker, look, run) for name, look in looks.items()}, "objectives": _objectives(looker)}
    answers = await asyncio.gather(*(_timely(each) for each in asked.values()))
    found: dict[str, dict[str, Any]] = {name: dict(facts) for name, facts in zip(asked, answers, strict=True) if facts}
    silent = [name for name, facts in zip(asked, answers, strict=True) if facts is None]
    if silent:
        found["not known"] = dict.fromkeys(silent, "no answer")
    before = similar(run, others)
    if before:
        found["earlier runs"] = before
    return found


def similar(run: Run, others: Iterable[Run]) -> dict[str, str]:
    """How the last runs of this playbook ended, and what they did: of the same subject first."""
    known = [
        each for each in newest(others) if each.playbook == run.playbook and each.id != run.id and not each.is_open
    ]
    known.sort(key=lambda each: each.subject != run.subject)
    return {
        f"{stamp(each.started_at)} {each.subject}": f"{each.state}: {', '.join(each.attempts) or 'nothing was done'}"
        for each in known[:MOST_SIMILAR]
    }


async def _read(looker: Looker, look: Look, run: Run) -> Facts | None:
    seen = await looker.look(look, {**run.labels, **run.facts})
    return None if seen.outcome == UNKNOWN else seen.facts


async def _objectives(looker: Looker) -> Facts | None:
    """The share of bad events of each objective just now, in percent; those without events are left out."""
    found: dict[str, str] = {}
    for each in OBJECTIVES:
        seen = await looker.look(Look(query=recording.ratio(each, WINDOW)), {})
        if seen.outcome == UNKNOWN:
            return None
        value = seen.facts.get("value")
        if isinstance(value, int | float):
            found[each.name] = f"{100 * value:.2f} % bad in {WINDOW}"
    return found


async def _timely(asking: Any) -> Facts | None:
    try:
        async with asyncio.timeout(WITHIN_S):
            found: Facts | None = await asking
            return found
    except TimeoutError:
        return None


def shown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """As lines of Markdown."""
    return "\n".join(
        f"- **{name}**: " + "; ".join(f"{key} {value}" for key, value in facts.items()) for name, facts in found.items()
    )
