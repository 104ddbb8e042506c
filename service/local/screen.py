"""What `cubano up` shows once everything is healthy: where things are, and what to do first.

Addresses are never wrapped or framed, so that they can be copied and clicked.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

_COLUMN = 18  # width of the names
_EMAIL = 27  # and of an e-mail address


def welcome(found: Mapping[str, Any], state: Path, *, colour: bool) -> str:
    """The text for a terminal; plain when `colour` is off."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=colour, no_color=not colour, highlight=False, soft_wrap=True)
    console.print("\n[bold green]● A Lo Cubano is up[/]\n")
    for name, value in (*_addresses(found), *_logins(found), *_first_steps(found, state)):
        console.print(f"  [bold]{name:<{_COLUMN}}[/]{value}" if name or value else "")
    return out.getvalue()


def _addresses(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Store", f"[bold cyan]{found['api']}[/]"
    yield "API, readable", f"{found['api']}/docs"
    if found["emulator"]:
        yield "Payment gateway", f"{found['emulator']}  [dim]a stand-in; no real money moves[/]"
    if found["mail"]:
        yield "Mail", f"{found['mail']}  [dim]every mail lands here, none leaves this machine[/]"
    if found["prometheus"]:
        yield "Prometheus", f"{found['prometheus']}  [dim]our rules; alerts go to Mail[/]"
    if found["alertmanager"]:
        yield "Alertmanager", f"{found['alertmanager']}  [dim]amtool and API[/]"
    if found["responder"]:
        yield "On call", f"{found['responder']}  [dim]what fires, its plan, approve or refuse[/]"
    for number, (process, url) in enumerate(found["metrics"].items()):
        yield "" if number else "Metrics", f"{url}  [dim]{process}[/]"
    yield "Database", found["database_url"]
    yield "", ""


def _logins(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, person in enumerate(found["staff"]):
        login = f"{person['email']:<{_EMAIL}}  {person['password']}  {person['totpSecret']}"
        yield "" if number else "Logins", f"{login}  [dim]{person['role']}[/]"
    if found["staff"]:
        yield "", f"[dim]e-mail, password, and a secret for any authenticator; at[/] {found['api']}/staff"
    for number, (name, token) in enumerate(found["operators"].items() if found["responder"] else ()):
        yield "" if number else "On-call tokens", f"{token}  [dim]{name}[/]"
    for number, (role, key) in enumerate(found["api_keys"].items()):
        yield "" if number else "API keys", f"{key}  [dim]{role}[/]"
    if found["staff"] or found["api_keys"]:
        yield "", ""


def _first_steps(found: Mapping[str, Any], state: Path) -> Iterator[tuple[str, str]]:
    yield (
        "Try it",
        f"open {found['api']} and choose a pass; pay with [bold]4242 4242 4242 4242[/], any future date, any CVC",
    )
    yield "", "[dim]4000 0000 0000 0002 is declined · 4000 0027 6000 3184 asks for 3-D Secure[/]"
    yield "Stop", f"Ctrl-C; everything is kept in {state}/ [dim](--fresh starts over)[/]"
    yield "", ""
