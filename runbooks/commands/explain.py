"""`explain`: the one page for whoever is on call, with what Prometheus says now in place of every question.

Only Prometheus is asked. A read that needs more (the operators' API, the database) says so, and the page goes on.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.markdown import Markdown

from monitoring.alerts import ALERTS
from runbooks.actions.world import Places, World, open_world
from runbooks.commands.terminal import FOUND_WRONG, chosen, console, print_json, registry
from runbooks.engine import saying
from runbooks.engine.facts import Facts, NoFactError, fill, unmet
from runbooks.engine.library import Library
from runbooks.engine.playbook import Check, Evidence, Look, Playbook, Step, Verify
from runbooks.engine.registry import RefusedError, Registry, UnreachableError

MOST_SERIES = 6  # of one query; the rest is counted
_PARTS = ("Meaning", "Impact")
_REST = ("Mitigation", "Verify", "Customers", "Escalate", "Afterwards")


@dataclass
class Found:
    """What was found out: the labels of what fires, and an answer for each question, by step."""

    labels: dict[str, str] = field(default_factory=dict)
    fires: bool = False
    answers: dict[str, list[str]] = field(default_factory=dict)
    away: str = ""  # why Prometheus told nothing


def explain(folder: Path, name: str, *, prometheus: str, labels: Mapping[str, str], as_json: bool) -> None:
    playbook, entries = chosen(Library.load(folder), name), registry()
    found = asyncio.run(_ask(playbook, entries, prometheus, labels))
    if as_json:
        print_json({"playbook": playbook.name, **vars(found), "page": saying.page(playbook, entries)})
    else:
        console().print(Markdown(_page(playbook, entries, found), hyperlinks=False))
    if found.away:
        raise SystemExit(FOUND_WRONG)


async def _ask(playbook: Playbook, entries: Registry, prometheus: str, labels: Mapping[str, str]) -> Found:
    found = Found()
    async with open_world(Places(prometheus_url=prometheus)) as world:
        try:
            await _firing(world, playbook, found)
        except UnreachableError as error:
            found.away = str(error)
        brought = {name: value for name, value in playbook.needs.items() if value}
        found.labels = {**brought, **found.labels, **labels}
        for step in playbook.steps:
            found.answers[step.name] = await _answer(world, entries, step, found)
    return found


async def _firing(world: World, playbook: Playbook, found: Found) -> None:
    """The labels of the first of its alerts that fires."""
    for alert in await world.prometheus.alerts():
        if alert["labels"].get("alertname") in playbook.alerts and alert["state"] == "firing":
            found.labels = {name: value for name, value in alert["labels"].items() if name != "alertname"}
            found.fires = True
            return


async def _answer(world: World, entries: Registry, step: Step, found: Found) -> list[str]:
    try:
        match step:
            case Evidence():
                return await _series(world, fill(step.query, found.labels))
            case Check():
                return [await _looked(world, entries, step.look, found)]
            case Verify():
                return [await _looked(world, entries, look, found) for look in step.all]
    except NoFactError as error:
        return [f"{error.args[0]} is not known: add --label {error.args[0]}=…"]
    except (UnreachableError, RefusedError) as error:
        return [f"not known: {error}"]
    return []


async def _series(world: World, query: str) -> list[str]:
    samples = sorted(await world.prometheus.samples(query), key=lambda each: -each.value)
    told = [f"{_named(each.labels)} {each.value:.6g}" for each in samples[:MOST_SERIES]]
    more = len(samples) - len(told)
    return [*told, *([f"and {more} more"] if more else [])] or ["no series"]


def _named(labels: Mapping[str, str]) -> str:
    told = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
    return f"{told}:" if told else ""


async def _looked(world: World, entries: Registry, look: Look, found: Found) -> str:
    try:
        facts = await _facts(world, entries, look, found)
    except (UnreachableError, RefusedError) as error:
        return f"not known: {error}"
    wrong = unmet(look.expect, facts)
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    return f"not as expected: {'; '.join(wrong)}" if wrong else f"as expected: {told}"


async def _facts(world: World, entries: Registry, look: Look, found: Found) -> Facts:
    if look.query:
        return await world.prometheus.query(fill(look.query, found.labels))
    entry = entries.reads.get(look.read)
    if entry is None:
        raise RefusedError(f"there is no read {look.read}")
    return await entry.look(world, {name: fill(value, found.labels) for name, value in look.args.items()})


def _page(playbook: Playbook, entries: Registry, found: Found) -> str:
    parts = [f"# {playbook.name}", _headline(playbook, found)]
    parts += [f"## {heading}\n\n{playbook.sections[heading]}" for heading in _PARTS]
    parts.append("## Now")
    for step in playbook.steps:
        if found.answers.get(step.name):
            answers = "\n".join(f"> → {each}  " for each in found.answers[step.name])
            parts.append(f"{saying.say(step, entries)}\n{answers}")
    whole = saying.page(playbook, entries)
    parts += [f"## {heading}{_section(whole, heading)}" for heading in _REST]
    return "\n\n".join(parts)


def _headline(playbook: Playbook, found: Found) -> str:
    alerts = [alert for alert in ALERTS if alert.name in playbook.alerts]
    known = "; ".join(f"{alert.tier}, {alert.owner}: {alert.description}" for alert in alerts[:1])
    labels = ", ".join(f"{name}={value}" for name, value in sorted(found.labels.items()))
    now = (
        f"**{found.away}**" if found.away else f"**{'It fires' if found.fires else 'It does not fire'} now.** {labels}"
    )
    return f"{known}\n\n{now}"


def _section(whole: str, heading: str) -> str:
    _, _, after = whole.partition(f"\n## {heading}\n")
    return "\n" + after.partition("\n## ")[0]


def options(pairs: tuple[str, ...]) -> dict[str, str]:
    """`name=value` pairs; raises ValueError for what is none."""
    found = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    if wrong := [name for name, value in found.items() if not (name and value)]:
        raise ValueError(f"{wrong[0]} is not NAME=VALUE")
    return found
