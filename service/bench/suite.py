"""What can be measured, and how: rounds of our load and of its references in turns, so that both see the same machine.

To add a benchmark: its requests in requests.py, an entry in `BENCHMARKS`, and a pgbench script when PostgreSQL alone can
do the same work. The first measure is the product; each other one is compared with it.
"""

import itertools
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

from service.bench import applying, flash
from service.bench.aside import beside
from service.bench.drive import MOST_A_SECOND, Stretch, generate, pgbench
from service.bench.load import Plan
from service.bench.system import System
from service.local.ports import LOOPBACK, free_ports

ROUNDS = ((30, 5), (9, 3), (0, 1))  # from so many seconds on, so many rounds; odd, so that a median is a round
WARM_UP_S = 0.5
OFTEN = 0.01  # a request: rarer statements are house-keeping
_NUMBERS = itertools.count(1, 10_000_000)  # no two stretches of one run send the same request

Measure = Callable[[System, int, float], Awaitable[Stretch]]  # connections, seconds


@dataclass(frozen=True)
class Benchmark:
    """`counts` is the query for what the requests have written, `effect` what one row of it is called.

    `process` does the work. `connections` are fixed where there is no choice. `allows` are statuses that are no failure: who
    gets one comes again. `before` makes what it needs; `after` looks whether all was right, and says what was not.
    """

    name: str
    what: str
    effect: str
    counts: str
    measures: dict[str, Measure]
    emulator: bool = False
    process: str = "serve"
    connections: tuple[int, ...] = ()
    allows: tuple[str, ...] = ()
    before: Callable[[System], None] | None = None
    after: Callable[[System], Awaitable[list[str]]] | None = None


@dataclass(frozen=True)
class Line:
    """One measure at one number of connections: all of its stretches."""

    measure: str
    stretches: tuple[Stretch, ...]

    @property
    def rate(self) -> float:
        return statistics.median(each.rate for each in self.stretches)

    @property
    def completed(self) -> int:
        return sum(each.completed for each in self.stretches)

    @property
    def failed(self) -> int:
        return sum(each.failed for each in self.stretches)

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.stretches)

    def percentile(self, share: float) -> float:
        return statistics.median(each.percentile(share) for each in self.stretches)

    def used_s(self, part: str) -> float | None:
        """Processor seconds of a part of the system; None where nobody watched."""
        if any(part not in each.cpu_s for each in self.stretches):
            return None
        return sum(each.cpu_s[part] for each in self.stretches)


@dataclass(frozen=True)
class Outcome:
    """One benchmark at one number of connections. `statements` are the product's: text and calls a request."""

    benchmark: Benchmark
    connections: int
    lines: tuple[Line, ...]
    ratios: dict[str, float]
    written: int
    statements: tuple[tuple[str, float], ...]
    wrong: tuple[str, ...] = ()

    @property
    def product(self) -> Line:
        return self.lines[0]

    @property
    def holds(self) -> bool:
        """Whether what was answered is what was written, nothing was refused, and nothing was found wrong afterwards."""
        return not self.wrong and self.refused == 0 and self.written == self.product.completed > 0

    @property
    def refused(self) -> int:
        """Requests that ended as none may."""
        allowed = (each.answers.get(status, 0) for each in self.product.stretches for status in self.benchmark.allows)
        return self.product.failed - sum(allowed)


def _served(kind: str) -> Measure:
    async def measure(system: System, connections: int, seconds: float) -> Stretch:
        return await generate(system, _plan(system, kind, connections, seconds))

    return measure


def _scripted(name: str) -> Measure:
    async def measure(system: System, connections: int, seconds: float) -> Stretch:
        return await pgbench(system, name, connections=connections, seconds=max(1, round(seconds)))

    return measure


async def _inserted(system: System, connections: int, seconds: float) -> Stretch:
    plan = _plan(system, "rows", connections, seconds)
    plan.dsn = system.dsn
    return await generate(system, plan)


async def _plainly(system: System, connections: int, seconds: float) -> Stretch:
    """The same load on what a team would write without us, once it is warm."""
    [port] = free_ports(1)
    argv = [sys.executable, "-m", "service.bench.plain", str(port), system.dsn, system.secret]
    async with beside(system, "serve", argv, system.told, ready=f"http://{LOOPBACK}:{port}/health/ready") as other:
        plain = replace(other, port=port)
        await generate(plain, _plan(plain, "webhook-ingest", connections, WARM_UP_S))
        return await generate(plain, _plan(plain, "webhook-ingest", connections, seconds))


async def _last_seats(system: System) -> list[str]:
    return await flash.last_seats(system, _plan(system, "checkout", flash.BUYERS, WARM_UP_S))


def _plan(system: System, kind: str, connections: int, seconds: float) -> Plan:
    most = int(MOST_A_SECOND * seconds) + connections
    result = str(system.folder / "load.json")
    return Plan(kind, connections, seconds, next(_NUMBERS), most, result, system.port, system.secret)


PRODUCT, RAW, LOOP, PLAIN, APART = "cubano", "pgbench", "psycopg loop", "fastapi + orm", "no hot row"
_EVENTS = "SELECT count(*) FROM payment_events WHERE event_id LIKE 'evt\\_bench\\_%'"
_CHECKOUTS = "SELECT count(*) FROM idempotency_keys WHERE state = 'done' AND key LIKE 'bench-%'"
_APPLIED = "SELECT count(*) / 2 FROM tickets"
BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark(
            "webhook-ingest",
            "Signed events over HTTP into the inbox, beside one INSERT and one commit for each event.",
            "event",
            _EVENTS,
            {PRODUCT: _served("webhook-ingest"), RAW: _scripted("webhook-ingest"), LOOP: _inserted, PLAIN: _plainly},
        ),
        Benchmark(
            "checkout",
            "Checkouts of one hot ticket type with the gateway's stand-in, beside the SQL of its three transactions.",
            "checkout",
            _CHECKOUTS,
            {PRODUCT: _served("checkout"), RAW: _scripted("checkout")},
            emulator=True,
        ),
        Benchmark(
            "flash-sale",
            "64 buyers of one ticket type, beside a type for each of them; then the last seats, counted.",
            "checkout",
            _CHECKOUTS,
            {PRODUCT: _served("checkout"), APART: _served("checkout-apart")},
            emulator=True,
            connections=(flash.BUYERS,),
            allows=(flash.AGAIN,),
            before=flash.prepare,
            after=_last_seats,
        ),
        Benchmark(
            "worker-throughput",
            "Paid orders applied by one worker, beside the SQL of its transaction: seats, books, tickets, letter.",
            "ticket pair",
            _APPLIED,
            {PRODUCT: applying.applied, RAW: applying.raw},
            process="work",
            connections=(applying.LOOPS,),
        ),
        Benchmark(
            "http-empty",
            "GET /health/live: what HTTP and the framework cost before any work is done.",
            "",
            "",
            {PRODUCT: _served("http-empty")},
        ),
    )
}


async def measure(benchmark: Benchmark, system: System, connections: int, seconds: float) -> Outcome:
    """Rounds of all measures in turns; `seconds` is about what they take together."""
    measures = {name: run for name, run in benchmark.measures.items() if name != PLAIN or find_spec("fastapi")}
    rounds = next(count for least, count in ROUNDS if seconds >= least)
    stretch_s = max(1.0, seconds // (rounds * len(measures)))
    if benchmark.before:
        benchmark.before(system)
    if benchmark.process in system.pids:  # one that is started for each stretch has nothing that could be warm
        await measures[PRODUCT](system, connections, WARM_UP_S)
    found: dict[str, list[Stretch]] = {name: [] for name in measures}
    written, statements = 0, dict[str, int]()
    for _ in range(rounds):
        for name, run in measures.items():
            if name != PRODUCT:
                found[name].append(await run(system, connections, stretch_s))
                continue
            before = _count(system, benchmark)
            system.ask("SELECT pg_stat_statements_reset()")
            found[name].append(await run(system, connections, stretch_s))
            for text, calls in _statements(system):
                statements[text] = statements.get(text, 0) + calls
            written += _count(system, benchmark) - before
    wrong = await benchmark.after(system) if benchmark.after else []
    return replace(_outcome(benchmark, connections, found, written, statements), wrong=tuple(wrong))


def _outcome(
    benchmark: Benchmark, connections: int, found: dict[str, list[Stretch]], written: int, statements: dict[str, int]
) -> Outcome:
    lines = tuple(Line(name, tuple(stretches)) for name, stretches in found.items())
    product, *references = lines
    ratios = {
        each.measure: statistics.median(
            ours.rate / theirs.rate for ours, theirs in zip(product.stretches, each.stretches, strict=True)
        )
        for each in references
    }
    by_request = ((text, calls / max(product.completed, 1)) for text, calls in statements.items())
    often = tuple(sorted((each for each in by_request if each[1] >= OFTEN), key=lambda each: -each[1]))
    written = written if benchmark.counts else product.completed
    return Outcome(benchmark, connections, lines, ratios, written, often)


def _count(system: System, benchmark: Benchmark) -> int:
    return int(str(system.ask(benchmark.counts)[0][0])) if benchmark.counts else 0


def _statements(system: System) -> list[tuple[str, int]]:
    """What `serve` has asked since the last reset, without parameters; SET LOCAL is not counted once it is prepared."""
    rows = system.ask(
        "SELECT regexp_replace(query, '\\s+', ' ', 'g'), sum(calls)::int FROM pg_stat_statements"
        " WHERE query NOT LIKE '%pg\\_stat%' AND query NOT LIKE 'SELECT count(*)%'"
        " AND query NOT LIKE 'SET LOCAL%' GROUP BY 1"
    )
    return [(str(text), int(str(calls))) for text, calls in rows]
