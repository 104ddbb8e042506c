"""`cubano books`: the journal as finance reads it."""

import click

from service.cli.closing import day, export, month, verify
from service.cli.reconcile import accept, reconcile


@click.group(commands=[day, month, export, verify, reconcile, accept])
def books() -> None:
    """What came in, where it is, whether the gateways agree, and the end of days and months."""
