"""A playbook in plain words: what each fence asks, does and goes on to, for people who read it on a telephone or on paper. Pure.

Everything here is Markdown. What an entry of the registry promises is said where there is a registry.
"""

import re
from collections.abc import Mapping

from runbooks.engine.facts import Matcher
from runbooks.engine.fences import KINDS
from runbooks.engine.playbook import (
    Act,
    Args,
    Check,
    Choose,
    Continue,
    Evidence,
    Go,
    Human,
    Look,
    Next,
    Note,
    Notify,
    Playbook,
    Step,
    Stop,
    Verify,
)
from runbooks.engine.registry import Registry

_FENCE = re.compile(rf"^```(?:{'|'.join(KINDS)}) ([\w-]+)[^\n]*\n.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def page(playbook: Playbook, registry: Registry | None = None) -> str:
    """The whole playbook, its fences in words."""
    steps = {step.name: step for step in playbook.steps}

    def said(found: re.Match[str]) -> str:
        return say(steps[found[1]], registry) if found[1] in steps else found[0]

    parts = [f"# {playbook.name}", about(playbook)]
    parts += [f"## {heading}\n\n{_FENCE.sub(said, text)}" for heading, text in playbook.sections.items()]
    return "\n\n".join(parts) + "\n"


def about(playbook: Playbook) -> str:
    """What it is for and how far it goes, in a line."""
    does = f"acts ({playbook.autonomy})" if playbook.is_executable else "looks and guides"
    started = ", ".join((*playbook.alerts, *([playbook.schedule] if playbook.schedule else [])))
    drill = f" Drill: {playbook.drill}." if playbook.drill else ""
    return f"*Started by {started}. It {does}, domain {playbook.domain}, version {playbook.version}.{drill}*"


def say(step: Step, registry: Registry | None = None) -> str:
    """A step as a quotation: its kind and name, then what it is about, a line each."""
    lines = [f"**{type(step).__name__}** `{step.name}`", *_lines(step, registry)]
    return "\n".join(f"> {line}  " for text in lines for line in text.splitlines())


def _lines(step: Step, registry: Registry | None) -> list[str]:
    lines: list[str] = []
    match step:
        case Check():
            lines = [*_look(step.look, registry), _way(step.otherwise, "Otherwise")]
        case Choose():
            lines = [_way(each.then, f"When {conditions(each.when)}") for each in step.branches]
            lines.append(_way(step.otherwise, "Otherwise"))
        case Act():
            lines = _act(step, registry)
        case Verify():
            lines = _verify(step, registry)
        case Human():
            answers = [f"Answer: {', '.join(step.answers)}."] if step.answers else []
            lines = [*_only(step.when), step.do, *answers]
        case Notify():
            lines = [f"A draft of `{step.template}`{_with(step.args)} for {step.to}; a person sends it."]
        case Note():
            lines = [step.text]
        case Evidence():
            lines = [f"`{step.query}`"]
    return lines


def _act(step: Act, registry: Registry | None) -> list[str]:
    entry = registry.actions.get(step.do) if registry is not None else None
    promise = f": {entry.promise} Risk: {entry.risk}." if entry is not None else ""
    lines = [*_only(step.when), f"`{step.do}`{_with(step.args)}{promise}"]
    if step.lease_s:
        lines.append(f"It reverts by itself after {duration(step.lease_s)}.")
    if step.undo:
        lines.append("It is put back when it made things worse.")
    return [*lines, "Only with a person's approval."] if step.approve else lines


def _verify(step: Verify, registry: Registry | None) -> list[str]:
    lines = [f"Within {duration(step.within_s)} all of this at once:"]
    lines += [line for look in step.all for line in _look(look, registry)]
    if step.worse:
        then = "; then it is put back" if step.undo else ""
        lines += [
            f"Worse is any of this{then}:",
            *(line for look in step.worse for line in _look(look, registry, "When")),
        ]
    return lines


def _look(look: Look, registry: Registry | None, judged: str = "Expected:") -> list[str]:
    expected = f"{judged} {conditions(look.expect)}."
    if look.query:
        return [f"`{' '.join(look.query.split())}`", expected]
    entry = registry.reads.get(look.read) if registry is not None else None
    return [f"`{look.read}`{_with(look.args)}" + (f": {entry.promise}" if entry is not None else ""), expected]


def conditions(when: Mapping[str, Matcher]) -> str:
    """What facts have to be, in words."""
    return " and ".join(f"{name} {_is(matcher)}" for name, matcher in when.items())


def _is(matcher: Matcher) -> str:
    return f"is {matcher}" if matcher.op in {"==", "in", "present", "absent"} else str(matcher)


def duration(seconds: int) -> str:
    """Seconds in the largest units that fit."""
    said = []
    for length, unit in _SPANS:
        count, seconds = divmod(seconds, length)
        said += [f"{count} {unit}"] if count else []
    return " ".join(said) or "0 s"


def _only(when: Mapping[str, Matcher]) -> list[str]:
    return [f"Only when {conditions(when)}:"] if when else []


def _with(args: Args) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in args.items())})" if args else ""


def _way(way: Next, when: str) -> str:
    match way:
        case Go():
            return f"{when}: go on at `{way.step}`."
        case Stop():
            return f"{when}: stop. {way.reason}"
        case Continue():
            return f"{when}: go on all the same."
