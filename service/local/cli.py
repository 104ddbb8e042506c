"""`cubano up`: the whole system on this machine, one command, until Ctrl-C.

Exit codes: 0 it was told to end and did, 1 something failed and the last lines say what, 2 usage.
"""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from service.local.console import Console
from service.local.monitoring import missing
from service.local.ports import PortBusy, automatic_ports, default_ports
from service.local.postgres import EmbeddedPostgres, PostgresError
from service.local.processes import NotReady
from service.local.screen import welcome
from service.local.state import State, StateBusy
from service.local.system import OPTIONAL, System, addresses
from service.local.up import run


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[str]:
    names = frozenset(part.strip() for part in value.split(",") if part.strip())
    unknown = sorted(names - set(OPTIONAL))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)} is not one of {', '.join(OPTIONAL)}")
    return names


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on stdout when all is healthy; logs on stderr.")
@click.option(
    "--ports",
    type=click.Choice(["default", "auto"]),
    default="default",
    show_default=True,
    help="auto picks free ones, for systems side by side.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".cubano"),
    show_default=True,
    help="Where this system keeps its data.",
)
@click.option("--fresh", is_flag=True, help="Remove the data of earlier starts first.")
@click.option(
    "--without", callback=_names, default="", metavar="NAME,…", help=f"Leave parts out: {', '.join(OPTIONAL)}."
)
@click.option(
    "--scale",
    type=click.IntRange(1, 600),
    default=1,
    show_default=True,
    help="How many times faster the rules, leases and waits of alerts and playbooks are; drills use 40.",
)
def up(*, as_json: bool, ports: str, state: Path, fresh: bool, without: frozenset[str], scale: int) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Embedded PostgreSQL (or the server CUBANO_DATABASE_URL names), the store and API, the worker, a stand-in for the
    payment gateway, a mail sink, Prometheus and Alertmanager with our rules, the responder that hears of them; everything on loopback,
    everything ended when this ends.
    """
    console = Console(sys.stderr if as_json else sys.stdout)
    absent = frozenset(missing()) - without
    if absent:
        console.notice("up", f"without {', '.join(sorted(absent))}: not on this machine; make monitoring says more")
    try:
        with State.open(state, fresh=fresh) as opened:
            system = replace(_described(opened, ports, without | absent), scale=scale)

            def announce(pids: dict[str, int]) -> None:
                found = addresses(system, pids)
                if as_json:
                    click.echo(json.dumps(found))
                else:
                    console.block(welcome(found, state, colour=sys.stdout.isatty()))

            asyncio.run(run(system, console, announce))
    except (NotReady, PortBusy, PostgresError, StateBusy, OSError) as error:
        console.close()
        click.echo(f"cubano up: {error}", err=True)
        sys.exit(1)
    finally:
        console.close()


def _described(state: State, ports: str, without: frozenset[str]) -> System:
    if ports == "auto":
        chosen = automatic_ports(state.record.ports)
        state.remember_ports(chosen)
    else:
        chosen = default_ports(without)
    given = os.environ.get("CUBANO_DATABASE_URL", "")
    database = None if given else EmbeddedPostgres(state.directory / "postgres")
    return System(state, chosen, without, database, given)
