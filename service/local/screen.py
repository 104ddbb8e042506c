"""What `cubano up` shows once everything is healthy: where things are, and what to do first."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_NARROWEST = 60
_WIDEST = 100


def welcome(found: Mapping[str, Any], state: Path, *, colour: bool) -> str:
    """The panel for a terminal of this width; plain text when `colour` is off."""
    width = min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    body = Group(_addresses(found), Text(), *_logins(found), _first_steps(found, state))
    title = "[bold green]A Lo Cubano is up[/]"
    console.print(Panel(body, title=title, title_align="left", border_style="green", box=box.ROUNDED, padding=(1, 2)))
    return "\n" + out.getvalue().rstrip("\n") + "\n"


def _addresses(found: Mapping[str, Any]) -> Table:
    rows = {
        "Store": found["api"],
        "API, readable": f"{found['api']}/docs",
        "Payment gateway": found["emulator"] and f"{found['emulator']}  [dim]stand-in, no real money[/]",
        "Mail": found["mail"] and f"{found['mail']}  [dim]every mail lands here[/]",
        "Metrics": "  ".join(f"{url} [dim]{name}[/]" for name, url in found["metrics"].items()),
        "Database": found["database_url"],
    }
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, address in rows.items():
        if address:
            table.add_row(name, address)
    return table


def _logins(found: Mapping[str, Any]) -> list[Table | Text]:
    if not found["staff"]:
        return []
    table = Table.grid(padding=(0, 3))
    for person in found["staff"]:
        table.add_row(f"[bold]{person['role']}[/]", person["email"], person["password"])
    return [table, Text()]


def _first_steps(found: Mapping[str, Any], state: Path) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold green", no_wrap=True)
    table.add_column()
    table.add_row(
        "Try it",
        f"open {found['api']}, choose a pass, pay with card [bold]4242 4242 4242 4242[/], any future date, any CVC",
    )
    table.add_row("", "4000 0000 0000 0002 is declined, 4000 0025 0000 3155 asks for 3-D Secure")
    table.add_row("Stop", f"Ctrl-C; everything is kept in {state}/ ([bold]--fresh[/] starts over)")
    return table
