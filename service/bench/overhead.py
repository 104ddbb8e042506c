"""What telemetry costs: the whole of it against none, in turns, on the paths that carry the money; and in trouble.

Two programs on one database, one gateway's stand-in and one machine: `serve` with spans, metrics and lines, a tenth of it
sampled and sent to a collector, and `bare` with none of that. In every round both have the same load for about a second,
the one that goes first in turns. Processor time decides: `serve` is one process at the end of one core, and its time
feels the neighbours of a machine far less than its throughput does. The median of the rounds comes with its interval;
where that holds the target it is inconclusive. Then the exporter's other end is dead, then every line meets a full disk:
the answers must be the same.
"""

import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console as Terminal
from rich.table import Table

from service.bench.drive import Stretch
from service.bench.interval import SURE, Interval, Verdict, of_median, worst
from service.bench.pieces import SAMPLED, pieces
from service.bench.report import commit_of
from service.bench.suite import BENCHMARKS, PRODUCT
from service.bench.system import System, Way, prepared
from service.bench.trouble import Trouble, collector, meet, traced, ways
from service.local.ports import LOOPBACK

NAME = "telemetry-overhead"
SECONDS = 120
PATHS = ("checkout", "webhook-ingest")
MOST_LOST = 0.05  # of the throughput
MOST_US = 50  # of processor time a request
CONNECTIONS = 8
ROUNDS = (
    (100, 25),
    (40, 11),
    (12, 5),
    (0, 1),
)  # from so many seconds on, so many rounds; odd, so that a median is a round
_BARE = (sys.executable, "-m", "service.bench.bare")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """One path: all stretches with telemetry, and those without, round by round; `pieces_us` is what its uses of telemetry
    come to by the price of each.
    """

    path: str
    whole: tuple[Stretch, ...]
    none: tuple[Stretch, ...]
    uses: Mapping[str, float] = field(default_factory=dict)
    pieces_us: float = 0

    @property
    def rate_losses(self) -> list[float]:
        """Share of the throughput, by round, as it was seen: with all that the machine did meanwhile."""
        return [1 - whole.rate / none.rate for whole, none in zip(self.whole, self.none, strict=True)]

    @property
    def losses(self) -> list[float]:
        """Share of what one core of `serve` can answer, by round."""
        return [1 - _each_us(none) / _each_us(whole) for whole, none in zip(self.whole, self.none, strict=True)]

    @property
    def extras_us(self) -> list[float]:
        """Processor time of `serve` that a request takes more, by round; exporting is in it."""
        return [_each_us(whole) - _each_us(none) for whole, none in zip(self.whole, self.none, strict=True)]

    @property
    def lost(self) -> float:
        return statistics.median(self.losses)

    @property
    def extra_us(self) -> float:
        return statistics.median(self.extras_us)

    @property
    def failed(self) -> int:
        return sum(each.failed for each in (*self.whole, *self.none))

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """Of the throughput, and of the processor time."""
        return of_median(self.losses).against(MOST_LOST), of_median(self.extras_us).against(MOST_US)

    @property
    def verdict(self) -> Verdict:
        return Verdict.MISSES if self.failed else worst(self.verdicts)


@dataclass(frozen=True)
class Overhead:
    pairs: tuple[Pair, ...]
    troubles: tuple[Trouble, ...]
    pieces: Mapping[str, float]
    exports: int

    @property
    def verdict(self) -> Verdict:
        troubles = [Verdict.HOLDS if each.holds else Verdict.MISSES for each in self.troubles]
        return worst([*(each.verdict for each in self.pairs), *troubles])


def _each_us(stretch: Stretch) -> float:
    return stretch.cpu_s["serve"] / max(stretch.completed, 1) * 1e6


async def compare(seconds: float, say: Say) -> Overhead:
    """Measure everything; `seconds` is about what the rounds take. Raises what a start or a load raises."""
    say("the pieces, one by one")
    with collector() as (endpoint, received):
        costs = await pieces(endpoint)
        async with prepared() as place:
            dsn = await place.database()
            whole = await place.serve(dsn, name="whole", emulator=True, way=Way(told=traced(endpoint)))
            none = await place.serve(dsn, name="none", way=Way(argv=_BARE, told=traced(""), gateway=whole.gateway))
            pairs = await _rounds(whole, none, seconds, say, costs)
            troubles = []
            for what, way in ways(endpoint, none.gateway).items():
                say(what)
                troubles.append(await meet(what, way, place, dsn=dsn, like=none, load=PATHS, connections=CONNECTIONS))
            return Overhead(tuple(pairs), tuple(troubles), costs, received[0])


async def _rounds(whole: System, none: System, seconds: float, say: Say, costs: Mapping[str, float]) -> list[Pair]:
    rounds = next(count for least, count in ROUNDS if seconds >= least)
    stretch_s = max(0.5, seconds / (rounds * len(PATHS) * 2))
    found: dict[str, tuple[list[Stretch], list[Stretch]]] = {path: ([], []) for path in PATHS}
    uses: dict[str, dict[str, float]] = {}
    for number in range(0 if rounds > 1 else 1, rounds + 1):
        say(f"round {number} of {rounds}" if number else "warming up")
        for path, both in found.items():
            sides = list(zip((whole, none), both, strict=True))
            for system, stretches in sides if number % 2 else reversed(sides):
                before = _uses(none)
                stretch = await BENCHMARKS[path].measures[PRODUCT](system, CONNECTIONS, stretch_s)
                if system is none:
                    uses[path] = {use: (n - before[use]) / max(stretch.completed, 1) for use, n in _uses(none).items()}
                if number:
                    stretches.append(stretch)
    return [
        Pair(path, tuple(ours), tuple(theirs), uses[path], _priced(uses[path], costs))
        for path, (ours, theirs) in found.items()
    ]


def _uses(none: System) -> dict[str, int]:
    """How often it was asked for telemetry so far."""
    found: dict[str, int] = httpx.get(f"http://{LOOPBACK}:{none.metrics}/metrics", timeout=10).json()
    return found


def _priced(uses: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Microseconds a request; a tenth of the spans is kept, and of what is observed in them has an exemplar."""

    def price(plain: str, sampled: str) -> float:
        return (1 - SAMPLED) * costs[plain] + SAMPLED * costs[sampled]

    each = {
        "count": costs["count"],
        "observe": price("observe", "observe with exemplar"),
        "statement": costs["statement"] + SAMPLED * (costs["observe with exemplar"] - costs["observe"]),
        "span": price("span", "span that is kept"),
    }
    request = costs["middleware"] + SAMPLED * (costs["span that is kept"] - costs["span"])
    return request + sum(uses[use] * each[use] for use in each)


def record(found: Overhead, *, at: datetime) -> dict[str, Any]:
    """The line of the history."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": NAME,
        "holds": found.verdict is Verdict.HOLDS,
        "verdict": found.verdict.value,
        "most_lost": MOST_LOST,
        "most_us": MOST_US,
        "sampled": SAMPLED,
        "paths": [_path(each) for each in found.pairs],
        "troubles": [
            {"what": each.what, "same": each.same, "failed": each.failed, "dropped": dict(each.dropped)}
            for each in found.troubles
        ],
        "pieces_us": {name: round(cost, 2) for name, cost in found.pieces.items()},
        "exports": found.exports,
    }


def _path(each: Pair) -> dict[str, Any]:
    lost, extra = each.verdicts
    return {
        "path": each.path,
        "lost": round(each.lost, 4),
        "lost_between": _between(of_median(each.losses), 4),
        "lost_verdict": lost.value,
        "rate_lost_between": _between(of_median(each.rate_losses), 4),
        "extra_us": round(each.extra_us, 1),
        "extra_us_between": _between(of_median(each.extras_us), 1),
        "extra_us_verdict": extra.value,
        "extra_us_by_round": [round(extra, 1) for extra in each.extras_us],
        "uses": {use: round(count, 2) for use, count in each.uses.items()},
        "pieces_us": round(each.pieces_us, 1),
        "us": [round(statistics.median(map(_each_us, side)), 1) for side in (each.whole, each.none)],
        "rates": [round(statistics.median(s.rate for s in side), 1) for side in (each.whole, each.none)],
        "failed": each.failed,
        "verdict": each.verdict.value,
    }


def _between(interval: Interval, digits: int) -> list[float] | None:
    """Nothing where nobody knows."""
    return [round(each, digits) for each in (interval.low, interval.high)] if math.isfinite(interval.low) else None


def print_overhead(terminal: Terminal, told: dict[str, Any]) -> None:
    """What the whole costs and how sure that is, what its pieces cost, and whether trouble was seen."""
    table = Table(title=f"[bold]{NAME}[/] · {CONNECTIONS} connections", title_justify="left", box=None, pad_edge=False)
    table.add_column("path")
    for head in ("none µs", "whole µs", "extra µs", "from … to", "", "lost", "from … to", ""):
        table.add_column(head, justify="right")
    for each in told["paths"]:
        whole, none = each["us"]
        extra, lost = each["extra_us_between"], each["lost_between"]
        table.add_row(
            each["path"],
            *(f"{us:,.0f}" for us in (none, whole, each["extra_us"])),
            f"{extra[0]:,.0f} … {extra[1]:,.0f}" if extra else "?",
            each["extra_us_verdict"],
            f"{each['lost']:.1%}",
            f"{lost[0]:.1%} … {lost[1]:.1%}" if lost else "?",
            each["lost_verdict"],
        )
    terminal.print(table)
    for line in _reading(told):
        terminal.print(f"  {line}", highlight=False)


def _reading(told: dict[str, Any]) -> Iterator[str]:
    yield (
        f"at most {MOST_LOST:.0%} of the throughput and {MOST_US} µs of processor time a request, {SAMPLED:.0%} sampled; "
        f"median of the rounds, {SURE:.0%} bootstrap interval: {told['verdict']}"
    )
    yield "pieces: " + ", ".join(f"{name} {cost:,.1f} µs" for name, cost in told["pieces_us"].items())
    for each in told["paths"]:
        uses = ", ".join(f"{count:g} {use}" for use, count in each["uses"].items())
        yield f"{each['path']}: {uses} a request, by their prices {each['pieces_us']:,.0f} µs with the middleware"
        if seen := each["rate_lost_between"]:
            rates = " and ".join(f"{rate:,.0f}" for rate in each["rates"])
            yield f"{each['path']}: {rates} a second with and without, {seen[0]:.1%} … {seen[1]:.1%} lost as it was seen"
    for each in told["troubles"]:
        dropped = ", ".join(f"{count:,.0f} {signal}" for signal, count in each["dropped"].items()) or "nothing"
        answers = "the same answers" if each["same"] and not each["failed"] else "OTHER ANSWERS"
        yield f"{each['what']}: {answers}; not kept: {dropped}"
