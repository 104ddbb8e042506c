"""`cubano bench`: throughput and latency of the hot paths, measured against PostgreSQL alone in the same run."""

import click


@click.group()
def bench() -> None:
    """Measure the hot paths against PostgreSQL alone."""
