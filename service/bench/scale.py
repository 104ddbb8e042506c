"""What many orders cost: the same requests against a festival of few orders and one of many, in turns.

Two databases of one server, each with a `serve` of its own, so that in every round both see the same machine. A request's
cost is the median of what it takes on one connection; the generator is the program of the other benchmarks.
"""

import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console as Terminal
from rich.table import Table

from service import __version__
from service.access.flow import Wish, add, new_text
from service.access.rules import Role, system
from service.bench.drive import Stretch, generate
from service.bench.load import Plan
from service.bench.plant import plant, settle_down
from service.bench.report import commit_of
from service.bench.requests import READS
from service.bench.system import System, prepared
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.telemetry.registry import Telemetry

NAME = "history-scale"
FEW, MANY = 10_000, 1_000_000
MOST = 1.3  # times what it costs with few
SECONDS = 60
ROUNDS = ((30, 9), (9, 3), (0, 1))  # from so many seconds on, so many rounds; odd, so that a median is a round
_MOST_A_SECOND = 2_000  # answers of one connection
Say = Callable[[str], None]


@dataclass(frozen=True)
class Festival:
    """One system with so many orders, and a key that may read them."""

    orders: int
    system: System
    key: str


@dataclass(frozen=True)
class Compared:
    """One kind of request: all stretches with few orders, and those with many, round by round."""

    what: str
    few: tuple[Stretch, ...]
    many: tuple[Stretch, ...]

    @property
    def ratio(self) -> float:
        pairs = zip(self.few, self.many, strict=True)
        return statistics.median(many.percentile(0.5) / few.percentile(0.5) for few, many in pairs)

    @property
    def failed(self) -> int:
        return sum(each.failed for each in (*self.few, *self.many))

    @property
    def holds(self) -> bool:
        return self.failed == 0 and self.ratio <= MOST


async def compare(few: int, many: int, seconds: float, say: Say) -> list[Compared]:
    """Make both festivals and measure; `seconds` is about what the measuring takes."""
    rounds = next(count for least, count in ROUNDS if seconds >= least)
    async with festivals((few, many), say) as both:
        stretch_s = max(0.2, seconds / (rounds * len(READS) * len(both)))
        found: dict[str, list[list[Stretch]]] = {what: [[], []] for what in READS}
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}" if number else "warming up")
            for what, stretches in found.items():
                for festival, own in zip(both, stretches, strict=True):
                    stretch = await generate(festival.system, _plan(festival, what, stretch_s))
                    if number:  # what is read for the first time comes from the disk, as after a restart
                        own.append(stretch)
    return [Compared(what, tuple(small), tuple(large)) for what, (small, large) in found.items()]


def _plan(festival: Festival, what: str, seconds: float) -> Plan:
    served = festival.system
    most = int(_MOST_A_SECOND * seconds) + 1
    result = str(served.folder / "load.json")
    return Plan(what, 1, seconds, 1, most, result, served.port, festival.key, orders=festival.orders)


@asynccontextmanager
async def festivals(sizes: tuple[int, ...], say: Say) -> AsyncIterator[list[Festival]]:
    """Systems with so many orders, side by side on one database server, for the length of the block."""
    async with prepared() as place:
        made = []
        for size in sizes:
            say(f"making {size:,} orders")
            dsn = await place.database(f"cubano_{size}")
            plant(dsn, 1, size, total=size)
            settle_down(dsn)
            served = await place.serve(dsn, name=f"serve-{size}")
            made.append(Festival(size, served, await _give_key(dsn)))
        yield made


async def _give_key(dsn: str) -> str:
    telemetry = Telemetry("bench", version=__version__, environment="development")
    db = Database(dsn, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    async with db.transaction() as session:
        wish = Wish("bench", Role.AUDITOR, timedelta(days=1))
        made = await add(session, system("bench"), wish, new_text(session, "dev"))
    await db.engine.dispose()
    return made.text


def record(found: list[Compared], sizes: tuple[int, int], *, at: datetime) -> dict[str, Any]:
    """The line of the history."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": NAME,
        "orders": list(sizes),
        "holds": all(each.holds for each in found),
        "most": MOST,
        "requests": [
            {
                "what": each.what,
                "ratio": round(each.ratio, 3),
                "failed": each.failed,
                "answered": sum(stretch.completed for stretch in (*each.few, *each.many)),
                "milliseconds": [_milliseconds(each.few), _milliseconds(each.many)],
            }
            for each in found
        ],
    }


def _milliseconds(stretches: tuple[Stretch, ...]) -> dict[str, float]:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return {
        name: round(statistics.median(each.percentile(share) for each in stretches), 3)
        for name, share in shares.items()
    }


def print_compared(terminal: Terminal, told: dict[str, Any]) -> None:
    """The table, and whether it is good."""
    few, many = (f"{size:,} orders" for size in told["orders"])
    table = Table(title=f"[bold]{NAME}[/] · one connection", title_justify="left", box=None, pad_edge=False)
    table.add_column("request")
    for head in (f"{few}: p50 ms", "p99 ms", f"{many}: p50 ms", "p99 ms", "ratio"):
        table.add_column(head, justify="right")
    for each in told["requests"]:
        times = (f"{each['milliseconds'][place][name]:.2f}" for place in (0, 1) for name in ("p50", "p99"))
        table.add_row(each["what"], *times, f"{each['ratio']:.2f}")
    terminal.print(table)
    verdict = "holds" if told["holds"] else "DOES NOT HOLD"
    terminal.print(f"  at most {MOST} times, no request refused: {verdict}", highlight=False)
