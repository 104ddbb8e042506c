"""`cubano monitor`: build what monitoring consists of, and look at it."""

import click


@click.group()
def monitor() -> None:
    """Rules, alerts, routes and dashboards, built from the catalogue."""
