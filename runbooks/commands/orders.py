"""What `cubano runbook plan|run|approve|…` do and print: the plan in plain words first, then what comes of it, line by line."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import click
import httpx
from rich.table import Table

from runbooks.commands.offices import Office, open_office, settings_of
from runbooks.commands.terminal import FOUND_WRONG, console, fail, print_json
from runbooks.engine.approvals import RefusalError
from runbooks.engine.journal import JournalError, read, verify
from runbooks.responder.views import entry_view

FAILED = frozenset({"no_effect", "worse", "rolled_back", "aborted", "unknown", "expired", "refused"})
WAITING = frozenset({"awaiting_approval", "waiting_human"})
Order = Callable[[Office], Coroutine[Any, Any, int]]


def carry_out(environment: Mapping[str, str], folder: Path, order: Order) -> int:
    """The exit code; what is refused is said on stderr."""

    async def going() -> int:
        async with open_office(environment, folder) as office:
            return await order(office)

    try:
        return asyncio.run(going())
    except RefusalError as error:
        fail(str(error))
    except JournalError as error:
        fail(f"{error}. Nothing was done.")
    except httpx.HTTPError as error:
        fail(f"The responder did not answer: {type(error).__name__}. What was begun goes on there.")
    except KeyboardInterrupt:
        fail("Left. What was begun goes on with the responder, or with the next command.")


async def plan(office: Office, name: str, labels: Mapping[str, str], *, as_json: bool) -> int:
    """A dry run."""
    found = await office.plan(name, labels)
    if as_json:
        print_json(found)
    else:
        show_plan(found)
    return 0


async def run(office: Office, name: str, labels: Mapping[str, str], *, approved: bool, as_json: bool) -> int:
    """By hand: planned, approved when that was said, and watched until it ends or waits for somebody."""
    begun = await office.start(name, labels)
    found = await _watched(office, begun["id"], quiet=as_json)
    if approved and found["state"] == "awaiting_approval":
        return await approve(office, found["id"], found["plan"]["hash"], as_json=as_json)
    return _ended(found, as_json=as_json)


async def approve(office: Office, run_id: str, plan_hash: str, *, token: str = "", as_json: bool) -> int:
    """Of the hash that was read; without one, of the plan that is shown now."""
    found = await office.run(run_id)
    if not as_json and found["plan"]:
        show_plan(found["plan"])
    said = plan_hash or (found["plan"] or {}).get("hash", "")
    if found["plan"] and said and found["plan"]["hash"].startswith(said):
        said = found["plan"]["hash"]
    await office.decide(run_id, "approve", hash=said, token=token)
    return _ended(await _watched(office, run_id, quiet=as_json), as_json=as_json)


async def decide(office: Office, run_id: str, verb: str, *, follow: bool = False, **said: str) -> int:
    """Refuse, answer, abort or undo; `follow`: and watch what comes of it."""
    found = await office.decide(run_id, verb, **said)
    if follow:
        return _ended(await _watched(office, run_id, quiet=False), as_json=False)
    click.echo(f"{found['id']} {found['state'].replace('_', ' ')}: {found['why']}")
    return 0


async def runs(office: Office, run_id: str, *, as_json: bool) -> int:
    """All of them, or one."""
    if run_id:
        return _ended(await office.run(run_id), as_json=as_json, look=True)
    found = await office.runs()
    if as_json:
        print_json(found)
        return 0
    table = Table("run", "playbook", "subject", "state", "began", "why", box=None)
    for each in found:
        state = each["state"].replace("_", " ")
        table.add_row(each["id"], each["playbook"], each["subject"], state, each["shownBegan"], each["why"][:80])
    console().print(table)
    return 0


async def passive(office: Office, *, on: bool, reason: str) -> int:
    """The kill switch."""
    now = await office.passive(on=on, reason=reason)
    click.echo(now[:1].upper() + now[1:] if now else "The kill switch is off.")
    return 0


def verify_journal(environment: Mapping[str, str]) -> None:
    """Read where it lies, also while the responder writes it."""
    folder = settings_of(environment).state
    if faults := verify(folder):
        fail("\n".join(faults))
    click.echo(f"{sum(1 for _ in read(folder))} entries, and every one follows from the one before.")


def tail_journal(environment: Mapping[str, str], run_id: str, lines: int, *, as_json: bool) -> None:
    """The last lines."""
    found = [each for each in read(settings_of(environment).state) if not run_id or each.run == run_id][-lines:]
    if as_json:
        print_json([entry_view(each) for each in found])
        return
    for each in found:
        shown = entry_view(each)
        click.echo(f"{shown['seq']:>6} {shown['at']} {each.run or '-':12} {shown['says']}")


async def break_glass(office: Office) -> int:
    """That it was made, and for whom, is journaled; without that it is worth nothing."""
    click.echo(await office.break_glass())
    click.echo("Shown this once, good for one plan within a year: cubano runbook approve RUN --token …", err=True)
    return 0


def show_plan(plan: Mapping[str, Any]) -> None:
    """What was found, what would be changed, and whom that touches."""
    for each in plan["found"]:
        assumed = " (assumed)" if each["assumed"] else ""
        click.echo(f"  {each['kind']:9} {each['step']:24} {each['outcome']}{assumed} {each['words']}".rstrip())
    click.echo(plan["blastRadius"])
    for each in plan["unknown"]:
        click.echo(f"Not known: {each}")
    if plan["ends"]:
        click.echo(f"It would end there: {plan['ends']}")
    click.echo(f"Risk {plan['risk']}, plan {plan['hash'][:12]}")


async def _watched(office: Office, run_id: str, *, quiet: bool) -> dict[str, Any]:
    """Until it has ended or waits for a person; each new line of its journal is printed."""
    after = 0
    while True:
        await office.wait()
        entries, found = await office.entries(after, run_id), await office.run(run_id)
        for each in entries:
            after = each["seq"]
            if not quiet and not each["kind"].startswith(("run.planned", "run.checked")):
                click.echo(f"{each['at']}  {each['says']}")
        if not found["open"] or found["state"] in WAITING or found["state"] == "unknown" or found["blocked"]:
            return found


def _ended(found: Mapping[str, Any], *, as_json: bool, look: bool = False) -> int:
    """Says how it stands, and the exit code of that."""
    if as_json:
        print_json(found)
    else:
        if found["plan"] and (look or found["state"] == "awaiting_approval"):
            show_plan(found["plan"])
        click.echo(f"{found['id']} {found['playbook']} {found['subject']}: {found['says']} {found['why']}".rstrip())
        if found["state"] == "awaiting_approval":
            click.echo(f"To approve: cubano runbook approve {found['id']} --hash {found['plan']['hash'][:12]}")
        if found["state"] == "waiting_human":
            click.echo(f"To go on: cubano runbook answer {found['id']} {found['waitsFor'] or 'STEP'} ANSWER")
    return FOUND_WRONG if found["state"] in FAILED and not look else 0
