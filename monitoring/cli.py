"""`cubano monitor`: build what monitoring consists of, and look at it.

What is built from is loaded by the command that builds: the service's image has neither YAML nor dashboards in it.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from monitoring.alerts import ALERTS
from monitoring.render.cli import render

_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
_VALUE = re.compile(r"\{\{[^}]*\$value[^}]*\}\}")


@click.group()
def monitor() -> None:
    """Rules, alerts, routes and dashboards, built from the catalogue."""


monitor.add_command(render)


@monitor.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
def list_alerts(*, as_json: bool) -> None:
    """List all alerts: name, tier, owner, and the sentence they say."""
    if as_json:
        shown = ("name", "tier", "kind", "owner", "summary", "description", "wait", "keep", "expr")
        also = ("dashboard", "playbook")
        rows = [{name: str(getattr(each, name)) for name in (*shown, *also)} for each in ALERTS]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    click.echo(f"{'ALERT':30} {'TIER':8} {'OWNER':8} WHAT IT SAYS")
    for each in ALERTS:
        click.echo(f"{each.name:30} {each.tier:8} {each.owner:8} {_spoken(each.summary)}")


def _spoken(summary: str) -> str:
    """A summary as a person reads it in a list: a label by its name, the value left open."""
    return _VALUE.sub("…", _LABEL.sub(r"<\1>", summary))


@monitor.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are not as they are built.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write only what Prometheus and Alertmanager read, into this folder; with the options below.",
)
@click.option("--scale", type=click.IntRange(1, 600), default=1, help="60 makes an hour a minute, for drills.")
@click.option("--target", "targets", multiple=True, metavar="JOB=HOST:PORT", help="A target; several options, several.")
@click.option("--alertmanager", default="", metavar="HOST:PORT", help="Where alerts are sent; empty: nowhere.")
@click.option("--smtp", default="127.0.0.1:1025", show_default=True, metavar="HOST:PORT", help="The mail server.")
@click.option("--webhook", default="", metavar="URL", help="The responder, which hears of every critical and warning.")
@click.option("--watchdog", default="", metavar="URL", help="Who hears that alerting works, and misses it.")
@click.option("--token-file", default="", metavar="FILE", help="Holds the token that both are called with.")
def build(
    *,
    check: bool,
    out: Path | None,
    scale: int,
    targets: tuple[str, ...],
    **addresses: Any,  # strings; the fields of Wishes have these names
) -> None:
    """Write rules, configurations and dashboards; without --out those of this repository."""
    from monitoring import build as building  # noqa: PLC0415 - needs what only a developer's machine has

    if out is not None:
        wishes = building.Wishes(scale, _by_job(targets), **addresses)
        building.write(building.running(wishes), out)
        return
    files = building.files(scale)
    if not check:
        building.write(files)
    elif drifted := list(building.drifted(files)):
        for path in drifted:
            click.echo(f"{path} is not as it is built: run `cubano monitor build`", err=True)
        raise SystemExit(1)
    click.echo(f"{len(files)} files {'are as they are built' if check else 'written'}")


def _by_job(targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for target in targets:
        job, equals, address = target.partition("=")
        if not (job and equals and address):
            raise click.BadParameter(f"{target} is not JOB=HOST:PORT", param_hint="--target")
        found[job] = (*found.get(job, ()), address)
    return found
