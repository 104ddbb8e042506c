"""`cubano bench`: throughput and latency of the hot paths, measured against PostgreSQL alone in the same run.

Exit codes: 0 measured, 1 something was refused, lost, too dear or could not be started, 2 usage, 3 inconclusive.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from service.bench import overhead
from service.bench.chaos.play import Report, play
from service.bench.chaos.report import print_report
from service.bench.chaos.report import record as chaos_record
from service.bench.drive import LoadFailed
from service.bench.interval import Verdict
from service.bench.machine import Machine, fingerprint
from service.bench.report import print_machine, print_outcome, record, remember
from service.bench.scale import FEW, MANY, NAME, compare, print_compared
from service.bench.scale import SECONDS as SCALE_S
from service.bench.scale import record as scale_record
from service.bench.suite import BENCHMARKS, Benchmark, Outcome, measure
from service.bench.system import System, running
from service.cli.common import FOUND_WRONG, as_json, console, fail, print_json
from service.kernel.clock import utc_now
from service.local.postgres import PostgresError
from service.local.processes import NotReady
from service.telemetry.logs import configure_logs

CONNECTIONS = (16, 64)
SECONDS = 10
CHAOS = "chaos"  # no measurement: it holds or it does not
CHAOS_S = 120
INCONCLUSIVE = 3


@click.group()
def bench() -> None:
    """Measure the hot paths against PostgreSQL alone."""


@bench.command()
def ls() -> None:
    """List what can be measured."""
    table = Table("benchmark", "what", "measured beside", box=None, pad_edge=False)
    for each in BENCHMARKS.values():
        table.add_row(each.name, each.what, ", ".join(list(each.measures)[1:]))
    told = "An order looked up and a first page of the history, with a hundred times as many orders."
    table.add_row(NAME, told, "itself with few orders")
    table.add_row(overhead.NAME, "The whole telemetry on checkout and webhook intake; in trouble, too.", "none at all")
    table.add_row(CHAOS, "Steady checkouts while everything is killed and every fault strikes; then every cent.", "")
    console().print(table)


@bench.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME…", type=click.Choice([*BENCHMARKS, NAME, overhead.NAME, CHAOS])
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    help=f"Time for one benchmark at one number of connections, references included; {SECONDS} by default, "
    f"{CHAOS_S} of trouble for chaos, {SCALE_S} for {NAME}, {overhead.SECONDS} for {overhead.NAME}.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 128),
    multiple=True,
    default=CONNECTIONS,
    show_default=True,
    help="Connections that are kept busy; repeatable.",
)
@click.option(
    "--orders",
    type=click.IntRange(100, 10_000_000),
    nargs=2,
    default=(FEW, MANY),
    show_default=True,
    help=f"Of {NAME}: how many with few, and how many with many.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of chaos: the same seed is the same trouble.")
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
    records = []
    for name in dict.fromkeys(names):
        if name == CHAOS:
            report = _chaos(seed, seconds or CHAOS_S, quiet=as_json)
            found = [chaos_record(report, at=utc_now())]
        elif name == NAME:
            found = [_scale(orders, seconds or SCALE_S, quiet=as_json)]
        elif name == overhead.NAME:
            found = [_overhead(seconds or overhead.SECONDS, quiet=as_json)]
        else:
            outcomes, machine = _outcomes(BENCHMARKS[name], seconds or SECONDS, concurrency)
            found = [record(each, machine, at=utc_now()) for each in outcomes]
            if not as_json:
                print_machine(console(), machine)
                for each in outcomes:
                    print_outcome(console(), each, machine)
        remember(found)
        if output:
            remember(found, output)
        records += found
    if as_json:
        print_json(records)
    sys.exit(_exit_code(records))


def _exit_code(records: list[dict[str, Any]]) -> int:
    """One that is wrong is worse than one that nobody knows."""
    failed = [each for each in records if not each["holds"]]
    if any(each.get("verdict") != Verdict.INCONCLUSIVE for each in failed):
        return FOUND_WRONG
    return INCONCLUSIVE if failed else 0


def _outcomes(benchmark: Benchmark, seconds: int, concurrency: Sequence[int]) -> tuple[list[Outcome], Machine]:
    async def work() -> tuple[list[Outcome], Machine]:
        async with running(emulator=benchmark.emulator) as system:
            machine = fingerprint(_postgres(system), system.folder)
            return [await measure(benchmark, system, each, seconds) for each in concurrency], machine

    try:
        return asyncio.run(work())
    except (NotReady, PostgresError, LoadFailed, OSError) as error:
        fail(f"cubano bench: {error}")


def _chaos(seed: int, seconds: int, *, quiet: bool) -> Report:
    def say(line: str) -> None:
        click.echo(line, err=True)

    try:
        report = asyncio.run(play(seed, seconds, say))
    except (NotReady, PostgresError, OSError) as error:
        fail(f"cubano bench: {error}")
    if not quiet:
        print_report(console(), report)
    return report


def _scale(orders: tuple[int, int], seconds: int, *, quiet: bool) -> dict[str, Any]:
    configure_logs("bench", "console", "WARNING")
    try:
        compared = asyncio.run(compare(*orders, seconds, lambda line: click.echo(line, err=True)))
    except (NotReady, PostgresError, LoadFailed, OSError) as error:
        fail(f"cubano bench: {error}")
    told = scale_record(compared, orders, at=utc_now())
    if not quiet:
        print_compared(console(), told)
    return told


def _overhead(seconds: int, *, quiet: bool) -> dict[str, Any]:
    configure_logs("bench", "console", "WARNING")
    try:
        found = asyncio.run(overhead.compare(seconds, lambda line: click.echo(line, err=True)))
    except (NotReady, PostgresError, LoadFailed, OSError) as error:
        fail(f"cubano bench: {error}")
    told = overhead.record(found, at=utc_now())
    if not quiet:
        overhead.print_overhead(console(), told)
    return told


def _postgres(system: System) -> str:
    return str(system.ask("SHOW server_version")[0][0])
