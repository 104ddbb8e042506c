"""What the commands share: a table that fits, JSON for programs, one playbook by its name or alert, and a clear end."""

import json
import sys
from typing import Any, NoReturn

import click
from rich.console import Console

from runbooks.engine.faults import meant
from runbooks.engine.library import Library
from runbooks.engine.playbook import Playbook
from runbooks.engine.registry import Registry

FOUND_WRONG = 1
USAGE = 2
_PIPED = 160  # columns where nobody looks


def console() -> Console:
    """Where tables and pages are printed: as wide as the terminal, plain when piped."""
    return Console(width=None if sys.stdout.isatty() else _PIPED, highlight=False)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def fail(message: str, *, code: int = FOUND_WRONG) -> NoReturn:
    """Say why on stderr and end."""
    click.echo(message, err=True)
    sys.exit(code)


def registry() -> Registry:
    """Every entry a playbook may name."""
    from runbooks.actions.registry import create_registry  # noqa: PLC0415 - its clients take a moment to load

    return create_registry()


def chosen(library: Library, name: str) -> Playbook:
    """The playbook of this name or alert; ends with exit code 2 and the nearest name when there is none."""
    found = library.get(name) or library.for_alert(name)
    if found is None:
        known = {each.name for each in library.all} | {alert for each in library.all for alert in each.alerts}
        mend = meant(name, known, "`cubano runbook ls` names them all")
        broken = [str(fault) for fault in library.faults if fault.path.endswith(f"/{name}.md")]
        fail("\n".join([f"There is no playbook {name}: {mend}", *broken]), code=USAGE)
    return found


def tell_broken(library: Library) -> None:
    """Ends with exit code 1 where a file could not be read, after all that could be done was done."""
    if library.faults:
        fail("\n".join(map(str, library.faults)))
