"""`cubano controls`: the operational switches, by hand. Every change has a reason, a name and, best, a lease."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import click
from rich.table import Table

from service.audit.flow import note
from service.cli.common import (
    USAGE,
    as_json,
    by_option,
    console,
    fail,
    operator,
    print_json,
    settings_or_exit,
    with_database,
)
from service.controls import flow
from service.controls.flow import Wish
from service.controls.rules import Switch, switches
from service.controls.tables import Control
from service.kernel.db import Database, Session
from service.kernel.errors import Invalid

T = TypeVar("T")

why = click.option("--reason", required=True, help="Why; it stays in the history.")
dry = click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")


@click.group()
def controls() -> None:
    """Operational switches: who gets checkouts, breakers by hand, pause, maintenance."""


@controls.command()
@as_json
def ls(*, as_json: bool) -> None:
    """List all switches with their positions."""
    known = switches(settings_or_exit().providers)
    found = _in_transaction(flow.current)
    rows = [_row(each, found.get(each.name)) for each in known.values()]
    if as_json:
        print_json(rows)
        return
    table = Table("switch", "position", "normal", "until", "by", "reason", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(row[each] or "") for each in ("name", "position", "normal", "leasedUntil", "by", "reason")))
    console().print(table)


@controls.command(name="set")
@click.argument("name")
@click.argument("position")
@why
@by_option
@click.option("--lease", type=click.IntRange(min=1), help="Seconds after which it goes back by itself.")
@dry
@as_json
def set_(name: str, position: str, *, reason: str, by: str, lease: int | None, dry_run: bool, as_json: bool) -> None:
    """Put switch NAME into POSITION."""
    switch = _switch(name)
    wish = Wish(position, reason, by, timedelta(seconds=lease) if lease else None)

    async def work(session: Session) -> dict[str, object]:
        before = await flow.lock(session, name)
        control = await flow.put(session, switch, wish)
        action = "switch.put" if control else "switch.clear"
        note(session, operator(by), action, name, before=_facts(switch, before), after=_facts(switch, control, reason))
        return _row(switch, control) | {"dryRun": dry_run}

    row = _in_transaction(work, dry_run=dry_run)
    until = f" until {row['leasedUntil']}" if row["leasedUntil"] else ""
    _say(row, f"{name} {'would be' if dry_run else 'is'} {row['position']}{until}.", as_json=as_json)


@controls.command()
@click.argument("name")
@why
@by_option
@dry
@as_json
def clear(name: str, *, reason: str, by: str, dry_run: bool, as_json: bool) -> None:
    """Put switch NAME back into its normal position."""
    switch = _switch(name)

    async def work(session: Session) -> bool:
        before = await flow.lock(session, name)
        if changed := await flow.put_back(session, switch, reason=reason, by=by):
            told = _facts(switch, None, reason)
            note(session, operator(by), "switch.clear", name, before=_facts(switch, before), after=told)
        return changed

    changed = _in_transaction(work, dry_run=dry_run)
    row = _row(switch, None) | {"changed": changed, "dryRun": dry_run}
    was = "" if changed else " already"
    _say(row, f"{name} {'would be' if dry_run else 'is'}{was} {switch.normal}.", as_json=as_json)


@controls.command()
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
def history(name: str | None, limit: int, *, as_json: bool) -> None:
    """List what was changed, newest first; of switch NAME only, if one is named."""
    chosen = _switch(name).name if name else None

    async def work(session: Session) -> list[dict[str, object]]:
        return [
            {
                "at": _time(each.at),
                "name": each.name,
                "position": each.position,
                "reason": each.reason,
                "by": each.set_by,
                "leasedUntil": _time(each.leased_until),
            }
            for each in await flow.history(session, name=chosen, limit=limit)
        ]

    rows = _in_transaction(work)
    if as_json:
        print_json(rows)
        return
    table = Table("at", "switch", "position", "until", "by", "reason", box=None, pad_edge=False)
    for row in rows:
        cells = {**row, "position": row["position"] or "(normal)"}
        table.add_row(*(str(cells[each] or "") for each in ("at", "name", "position", "leasedUntil", "by", "reason")))
    console().print(table if rows else "Nothing was ever changed.")


def _switch(name: str) -> Switch:
    known = switches(settings_or_exit().providers)
    return known.get(name) or fail(f"No switch {name!r}; there is {', '.join(known)}.", code=USAGE)


def _in_transaction(work: Callable[[Session], Awaitable[T]], *, dry_run: bool = False) -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            result = await work(session)
            if dry_run:
                await session.rollback()
        return result

    try:
        return with_database(run)
    except Invalid as error:
        fail("\n".join(f"{each.field}: {each.message}" for each in error.fields), code=USAGE)


def _row(switch: Switch, control: Control | None) -> dict[str, object]:
    return {
        "name": switch.name,
        "position": control.position if control else switch.normal,
        "normal": switch.normal,
        "positions": switch.positions,
        "help": switch.help,
        "reason": control.reason if control else None,
        "by": control.set_by if control else None,
        "since": _time(control.set_at) if control else None,
        "leasedUntil": _time(control.leased_until) if control else None,
    }


def _facts(switch: Switch, control: Control | None, reason: str | None = None) -> dict[str, object]:
    """What of a switch stands in the audit trail."""
    row = _row(switch, control)
    return {"value": row["position"], "until": row["leasedUntil"]} | ({"reason": reason} if reason else {})


def _time(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else None


def _say(row: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(row)
    else:
        click.echo(sentence)
