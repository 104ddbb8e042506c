"""`cubano bench`: throughput and latency of the hot paths, measured against PostgreSQL alone in the same run.

Exit codes: 0 measured, 1 something was refused, lost, too dear or could not be started, 2 usage, 3 inconclusive.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from service.bench.drive import LoadFailed
from service.bench.entries import CHAOS, CONNECTIONS, ENTRIES, SECONDS, Ask
from service.bench.history import print_history, print_targets, read
from service.bench.interval import Verdict
from service.bench.report import HISTORY, remember
from service.bench.scale import FEW, MANY
from service.bench.scale import NAME as SCALE
from service.cli.common import FOUND_WRONG, as_json, console, fail, print_json
from service.local.postgres import PostgresError
from service.local.processes import NotReady

INCONCLUSIVE = 3


@click.group()
def bench() -> None:
    """Measure the hot paths against PostgreSQL alone."""


@bench.command()
def ls() -> None:
    """List what can be measured."""
    table = Table("benchmark", "what", "measured beside", box=None, pad_edge=False)
    for each in ENTRIES.values():
        table.add_row(each.name, each.what, each.beside)
    console().print(table)


@bench.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…", type=click.Choice(list(ENTRIES)))
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    help="Time for one benchmark at one number of connections, references included. By default "
    + ", ".join(f"{each.seconds} for {each.name}" for each in ENTRIES.values() if each.seconds != SECONDS)
    + f", {SECONDS} for the others.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 128),
    multiple=True,
    default=CONNECTIONS,
    show_default=True,
    help="Connections that are kept busy; repeatable. Some benchmarks have their own.",
)
@click.option(
    "--orders",
    type=click.IntRange(100, 10_000_000),
    nargs=2,
    default=(FEW, MANY),
    show_default=True,
    help=f"Of {SCALE}: how many with few, and how many with many.",
)
@click.option("--seed", type=int, default=1, show_default=True, help=f"Of {CHAOS}: the same seed is the same trouble.")
@as_json
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Add the lines of JSON to this file as well."
)
def run(
    names: tuple[str, ...],
    seconds: int | None,
    concurrency: tuple[int, ...],
    *,
    orders: tuple[int, int],
    seed: int,
    as_json: bool,
    output: Path | None,
) -> None:
    """Measure NAME…, each on a system of its own that is started for it and ended after it.

    The database is durable: every commit is flushed. References run in turns with our load, so that both see the same
    machine; let it be a quiet one. Each result is added to .cubano/bench/history.jsonl.
    """
    # Being told to end is Ctrl-C: everything that was started is ended on the way out.
    # Said outright, because a shell that starts us in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    records: list[dict[str, Any]] = []
    for name in dict.fromkeys(names):
        terminal = None if as_json else console()
        ask = Ask(seconds or ENTRIES[name].seconds, concurrency, orders, seed, _say, terminal)
        try:
            found = ENTRIES[name].run(ask)
        except (NotReady, PostgresError, LoadFailed, OSError) as error:
            fail(f"cubano bench: {error}")
        remember(found)
        if output:
            remember(found, output)
        records += found
    if as_json:
        print_json(records)
    sys.exit(_exit_code(records))


@bench.command()
@click.argument("names", nargs=-1, metavar="[NAME…]", type=click.Choice(list(ENTRIES)))
@click.option("--targets", is_flag=True, help="How fast it ought to be, each with the figure measured last.")
@click.option("--most", type=click.IntRange(1), default=40, show_default=True, help="Lines.")
def history(names: tuple[str, ...], *, targets: bool, most: int) -> None:
    """What was measured here before, over the commits, each figure with its change."""
    try:
        records = [each for each in read(HISTORY) if not names or each["benchmark"] in names]
    except ValueError as error:
        fail(f"cubano bench: {HISTORY} is no history: {error}")
    if targets:
        print_targets(console(), records)
    elif records:
        print_history(console(), records, most=most)
    else:
        console().print(f"nothing was measured yet: {HISTORY} comes with the first `cubano bench run`", highlight=False)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _exit_code(records: list[dict[str, Any]]) -> int:
    """One that is wrong is worse than one that nobody knows."""
    failed = [each for each in records if not each["holds"]]
    if any(each.get("verdict") != Verdict.INCONCLUSIVE for each in failed):
        return FOUND_WRONG
    return INCONCLUSIVE if failed else 0
