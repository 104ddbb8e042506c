"""Everything that `cubano bench run` can measure, as one table. To add one: a function from `Ask` to records, and its row.

A record is one line of the history: `benchmark`, `holds`, and figures that `targets.figures` finds. What has a reference by
rounds of load is an entry of `suite.BENCHMARKS`, and gets its row by itself.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console

from service.bench import click, overhead, scale, start
from service.bench.chaos.play import play
from service.bench.chaos.report import print_report
from service.bench.chaos.report import record as chaos_record
from service.bench.machine import Machine, fingerprint
from service.bench.report import print_machine, print_outcome, record
from service.bench.suite import BENCHMARKS, Benchmark, Outcome, measure
from service.bench.system import System, running
from service.bench.targets import sentences
from service.kernel.clock import utc_now
from service.telemetry.logs import configure_logs

CONNECTIONS = (16, 64)
SECONDS = 10
CHAOS = "chaos"  # no measurement: it holds or it does not
CHAOS_S = 120
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Ask:
    """What was asked for; `terminal` is None when only programs read."""

    seconds: int
    connections: Sequence[int]
    orders: tuple[int, int]
    seed: int
    say: Callable[[str], None]
    terminal: Console | None = None


@dataclass(frozen=True)
class Entry:
    """One row: what it is, what stands beside it, how long it takes when nobody says, and how it is done."""

    name: str
    what: str
    beside: str
    seconds: int
    run: Callable[[Ask], Records]


def _suite(benchmark: Benchmark, ask: Ask) -> Records:
    async def work() -> tuple[list[Outcome], Machine]:
        async with running(emulator=benchmark.emulator) as system:
            machine = fingerprint(_postgres(system), system.folder)
            numbers = benchmark.connections or ask.connections
            return [await measure(benchmark, system, each, ask.seconds) for each in numbers], machine

    outcomes, machine = asyncio.run(work())
    if ask.terminal:
        print_machine(ask.terminal, machine)
        for each in outcomes:
            print_outcome(ask.terminal, each, machine)
    return [record(each, machine, at=utc_now()) for each in outcomes]


def _chaos(ask: Ask) -> Records:
    report = asyncio.run(play(ask.seed, ask.seconds, ask.say))
    if ask.terminal:
        print_report(ask.terminal, report)
    return [chaos_record(report, at=utc_now())]


def _scale(ask: Ask) -> Records:
    configure_logs("bench", "console", "WARNING")
    told = scale.record(asyncio.run(scale.compare(*ask.orders, ask.seconds, ask.say)), ask.orders, at=utc_now())
    if ask.terminal:
        scale.print_compared(ask.terminal, told)
    return [told]


def _overhead(ask: Ask) -> Records:
    configure_logs("bench", "console", "WARNING")
    told = overhead.record(asyncio.run(overhead.compare(ask.seconds, ask.say)), at=utc_now())
    if ask.terminal:
        overhead.print_overhead(ask.terminal, told)
        for each in sentences(told):
            ask.terminal.print(f"  {each}", highlight=False)
    return [told]


def _click(ask: Ask) -> Records:
    told = click.record(asyncio.run(click.measure(ask.seconds)), at=utc_now())
    return _shown(ask, told, click.sentences(told))


def _start(ask: Ask) -> Records:
    told = start.record(asyncio.run(start.measure(ask.seconds)), at=utc_now())
    return _shown(ask, told, start.sentences(told))


def _shown(ask: Ask, told: dict[str, Any], lines: Iterable[str]) -> Records:
    if ask.terminal:
        ask.terminal.print(f"[bold]{told['benchmark']}[/]")
        for each in (*lines, *sentences(told)):
            ask.terminal.print(f"  {each}", highlight=False, markup=False)
    return [told]


def _postgres(system: System) -> str:
    return str(system.ask("SHOW server_version")[0][0])


ENTRIES = {
    each.name: each
    for each in (
        *(
            Entry(one.name, one.what, ", ".join(list(one.measures)[1:]), SECONDS, partial(_suite, one))
            for one in BENCHMARKS.values()
        ),
        Entry(
            click.NAME,
            "From the click on the gateway's page until the ticket is seen, at half of what can be sold.",
            "its own limit",
            click.SECONDS,
            _click,
        ),
        Entry(start.NAME, "From the command until `serve`, and `work`, is ready.", start.LEAST, start.SECONDS, _start),
        Entry(
            scale.NAME,
            "An order looked up and a first page of the history, with a hundred times as many orders.",
            "itself with few orders",
            scale.SECONDS,
            _scale,
        ),
        Entry(
            overhead.NAME,
            "The whole telemetry on checkout and webhook intake; in trouble, too.",
            "none at all",
            overhead.SECONDS,
            _overhead,
        ),
        Entry(
            CHAOS,
            "Steady checkouts while everything is killed and every fault strikes; then every cent.",
            "",
            CHAOS_S,
            _chaos,
        ),
    )
}
