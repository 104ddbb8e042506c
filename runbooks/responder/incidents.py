"""The page a run leaves behind: its timeline, whom it touched, and the draft of a post-mortem that a person finishes.

All of it comes from the journal, so it can be read with everything else away; whom it touched is asked of the service, and
"not known" when that does not answer.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import yaml

from runbooks.engine.journal import Entry
from runbooks.engine.plan import amount
from runbooks.engine.playbook import Playbook
from runbooks.engine.registry import RefusedError, UnreachableError
from runbooks.engine.runs import Run
from runbooks.engine.states import State
from runbooks.responder.enrichment import shown
from runbooks.responder.views import SAID, sentence, stamp

QUIET = frozenset({"run.checked", "alarm.repeated", "step.played"})  # too many to read
COLUMNS = ("orderNumber", "status", "isPaid", "trouble", "provider", "minor", "currency", "createdAt", "orderId")
BEFORE = timedelta(minutes=10)  # an alert comes later than its fault
MOST_ORDERS = 1_000  # in one list
_FIGURES = (  # where in the service's answer, and how it is called here
    ("orders", "opened", "orders begun"),
    ("orders", "troubled", "in trouble"),
    ("orders", "paidLater", "of them paid later"),
    ("orders", "lost", "of them lost"),
    ("moneyAtRisk", "outcomeUnknown", "outcome not known"),
    ("moneyAtRisk", "paidWithoutSeat", "paid without a seat"),
    ("moneyAtRisk", "paidTwice", "paid twice"),
)


@dataclass(frozen=True)
class Impact:
    """What the service says was touched, in words; `note` says why there is nothing."""

    numbers: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""


async def impact(world: Any, since: datetime, until: datetime | None, provider: str = "") -> Impact:
    """Orders and money of that time, asked of the operators' API."""
    try:
        told = await world.ops.get("/impact", **_asked(since, until, provider))
    except (UnreachableError, RefusedError) as error:
        return Impact(note=f"Whom it touched is not known: {error}")
    return Impact([(words, _figure(told[part][name])) for part, name, words in _FIGURES if _counts(told[part][name])])


async def orders(world: Any, since: datetime, until: datetime | None, provider: str = "") -> list[Mapping[str, Any]]:
    """The orders behind those figures; raises `UnreachableError` or `RefusedError`."""
    told = await world.ops.get("/impact/orders", **_asked(since, until, provider), limit=MOST_ORDERS)
    return list(told["orders"])


async def impact_of(world: Any, run: Run) -> Impact:
    """Whom a run's fault touched: from a little before it began until it ended."""
    return await impact(
        world, run.started_at - BEFORE, None if run.is_open else run.since, run.labels.get("provider", "")
    )


async def orders_of(world: Any, run: Run) -> list[Mapping[str, Any]]:
    """The orders of that time; raises `UnreachableError` or `RefusedError`."""
    until = None if run.is_open else run.since
    return await orders(world, run.started_at - BEFORE, until, run.labels.get("provider", ""))


def _asked(since: datetime, until: datetime | None, provider: str) -> dict[str, str]:
    found = {"since": since.isoformat(), "until": "" if until is None else until.isoformat(), "provider": provider}
    return {name: value for name, value in found.items() if value}


def _counts(figure: Mapping[str, Any]) -> bool:
    return bool(figure["orders"])


def _figure(figure: Mapping[str, Any]) -> str:
    money = ", ".join(amount(each["minor"], each["currency"]) for each in figure["amounts"])
    return f"{figure['orders']}" + (f" ({money})" if money else "")


def orders_csv(found: Iterable[Mapping[str, Any]]) -> str:
    """One line an order, for support; no names and no addresses, which support looks up by the number."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for each in found:
        row = {**each, **each["total"]}
        writer.writerow([_safe(row.get(name, "")) for name in COLUMNS])
    return out.getvalue()


def _safe(value: object) -> str:
    """A spreadsheet takes a cell that begins so for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


def timeline(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """What happened, in order; repetitions are left out."""
    return [{"at": stamp(each.time), "says": sentence(each)} for each in entries if each.kind not in QUIET]


def _mended(run: Run) -> list[str]:
    ended = "" if run.is_open else stamp(run.since)
    by_itself = "by a person" if run.approvals else "by itself" if run.acted else "nothing was done"
    return [
        "## How it was found and mended",
        "",
        f"- Alert: {run.alarm or f'none, begun by {run.requester}'}, since {run.alarm_since or 'then'}; subject {run.subject}.",
        f"- Ended: {ended or 'not yet'}. Decided {by_itself}.",
        *(
            f"- Done: {each.do}, {each.outcome or 'under way'}{' and put back' if each.undone else ''}."
            for each in run.attempts.values()
        ),
        *(["- Nobody knows whether the last act took hold."] if run.state is State.UNKNOWN else []),
    ]


def spoken(section: str) -> str:
    """A section as a person reads it: of a step's fence, what it says or asks."""

    def said(fence: re.Match[str]) -> str:
        found = yaml.safe_load(fence[1])
        return str(found.get("text") or found.get("do") or "") if isinstance(found, dict) else fence[0]

    return re.sub(r"^```\w+ [\w-]+\n(.*?)^```$", said, section, flags=re.MULTILINE | re.DOTALL)


def post_mortem(run: Run, playbook: Playbook | None, entries: list[Entry], found: Impact) -> str:
    """Markdown to be finished by a person: what is known stands in it, what is not is asked."""
    evidence = next((each.data for each in entries if each.kind == "evidence.found"), {})
    afterwards = "" if playbook is None else playbook.sections.get("Afterwards", "")
    lines = [
        f"# {run.playbook}, {stamp(run.started_at)} UTC",
        "",
        f"{SAID[run.state]} {run.reason}".strip(),
        "",
        "## What customers felt",
        "",
        *(f"- {name}: {value}" for name, value in found.numbers),
        *([f"- {found.note}"] if found.note else []),
        "- What did they write to support?",
        "",
        "## Timeline (UTC)",
        "",
        *(f"- {each['at']} {each['says']}" for each in timeline(entries)),
        "",
        *_mended(run),
        "- Could it have been found earlier? By whom?",
        "",
        "## Evidence from the beginning",
        "",
        shown({name: facts for name, facts in evidence.items() if isinstance(facts, Mapping)}) or "None was kept.",
        "",
        "## What follows",
        "",
        spoken(afterwards) or "- ",
        "",
        "- [ ] Cause, in a sentence:",
        "- [ ] What makes it impossible, or cheaper, next time:",
    ]
    return "\n".join(lines) + "\n"
