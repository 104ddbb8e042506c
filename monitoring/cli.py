"""`cubano monitor`: build what monitoring consists of, and look at it.

What is built from is loaded by the command that builds: the service's image has neither YAML nor dashboards in it.
"""

import json

import click

from monitoring.alerts import ALERTS


@click.group()
def monitor() -> None:
    """Rules, alerts, routes and dashboards, built from the catalogue."""


@monitor.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
def list_alerts(*, as_json: bool) -> None:
    """List all alerts: name, tier, owner, and the sentence they say."""
    if as_json:
        rows = [
            {
                **{"name": each.name, "tier": each.tier, "kind": each.kind, "owner": each.owner},
                **{"summary": each.summary, "description": each.description, "wait": each.wait, "expr": each.expr},
                **{"dashboard": each.dashboard, "playbook": each.playbook},
            }
            for each in ALERTS
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for each in ALERTS:
        click.echo(f"{each.name:26} {each.tier:9} {each.owner:9} {each.summary}")
