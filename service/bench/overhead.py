"""What telemetry costs: the whole of it against none, in turns, on the paths that carry the money; and in trouble.

Two programs on one database, one gateway's stand-in and one machine: `serve` with spans, metrics and lines, a tenth of it
sampled and sent to a collector, and `bare` with none of that. In every round both have the same load, the one that goes
first in turns; what counts is the median of the rounds. Then the exporter's other end is dead, then every line meets a full
disk: the answers must be the same.
"""

import statistics
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console as Terminal
from rich.table import Table

from service.bench.drive import Stretch
from service.bench.pieces import SAMPLED, pieces
from service.bench.suite import BENCHMARKS, PRODUCT
from service.bench.system import Place, System, Way, prepared
from service.local.ports import LOOPBACK, free_ports
from service.local.system import cubano

NAME = "telemetry-overhead"
SECONDS = 120
PATHS = ("checkout", "webhook-ingest")
MOST_LOST = 0.05  # of the throughput
MOST_US = 50  # of processor time a request
CONNECTIONS = 8
ROUNDS = (
    (100, 11),
    (40, 7),
    (12, 3),
    (0, 1),
)  # from so many seconds on, so many rounds; odd, so that a median is a round
TROUBLE_S = 1.0  # of load on each path
FULL = Path("/dev/full")  # a disk without room, on Linux
_BARE = (sys.executable, "-m", "service.bench.bare")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """One path: all stretches with telemetry, and those without, round by round."""

    path: str
    whole: tuple[Stretch, ...]
    none: tuple[Stretch, ...]

    @property
    def lost(self) -> float:
        """Share of the throughput."""
        return 1 - statistics.median(w.rate / n.rate for w, n in zip(self.whole, self.none, strict=True))

    @property
    def extra_us(self) -> float:
        """Processor time of `serve` that a request takes more; exporting is in it."""
        return statistics.median(_each_us(w) - _each_us(n) for w, n in zip(self.whole, self.none, strict=True))

    @property
    def failed(self) -> int:
        return sum(each.failed for each in (*self.whole, *self.none))

    @property
    def holds(self) -> bool:
        return self.failed == 0 and self.lost <= MOST_LOST and self.extra_us <= MOST_US


@dataclass(frozen=True)
class Trouble:
    """What telemetry met, and whether anybody saw it in an answer; `dropped` is what it says it could not keep."""

    what: str
    same: bool
    failed: int
    dropped: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.same and self.failed == 0


@dataclass(frozen=True)
class Overhead:
    pairs: tuple[Pair, ...]
    troubles: tuple[Trouble, ...]
    pieces: Mapping[str, float]
    exports: int

    @property
    def holds(self) -> bool:
        return all(each.holds for each in (*self.pairs, *self.troubles))


def _each_us(stretch: Stretch) -> float:
    return stretch.cpu_s["serve"] / max(stretch.completed, 1) * 1e6


async def compare(seconds: float, say: Say) -> Overhead:
    """Measure everything; `seconds` is about what the rounds take. Raises what a start or a load raises."""
    say("the pieces, one by one")
    costs = await pieces()
    async with prepared() as place:
        with collector() as (endpoint, received):
            dsn = await place.database()
            whole = await place.serve(dsn, name="whole", emulator=True, way=Way(told=_traced(endpoint)))
            none = await place.serve(dsn, name="none", way=Way(argv=_BARE, told=_traced(""), gateway=whole.gateway))
            pairs = await _rounds(whole, none, seconds, say)
            troubles = [await _trouble(place, dsn, none, way, say) for way in _ways(endpoint, none.gateway).items()]
            return Overhead(tuple(pairs), tuple(troubles), costs, received[0])


async def _rounds(whole: System, none: System, seconds: float, say: Say) -> list[Pair]:
    rounds = next(count for least, count in ROUNDS if seconds >= least)
    stretch_s = max(0.5, seconds / (rounds * len(PATHS) * 2))
    found: dict[str, tuple[list[Stretch], list[Stretch]]] = {path: ([], []) for path in PATHS}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warming up")
        for path, both in found.items():
            sides = list(zip((whole, none), both, strict=True))
            for system, stretches in sides if number % 2 else reversed(sides):
                stretch = await BENCHMARKS[path].measures[PRODUCT](system, CONNECTIONS, stretch_s)
                if number:
                    stretches.append(stretch)
    return [Pair(path, tuple(ours), tuple(theirs)) for path, (ours, theirs) in found.items()]


def _ways(endpoint: str, gateway: int) -> dict[str, Way]:
    """The troubles that can be made here, by name."""
    dead = Way(told=_traced(f"http://{LOOPBACK}:{free_ports(1)[0]}"), gateway=gateway)
    full = Way(("sh", "-c", f'exec "$@" 2>{FULL}', "sh", *cubano("serve")), _traced(endpoint), gateway)
    return {"exporter dead": dead} | ({"disk full": full} if FULL.exists() else {})


async def _trouble(place: Place, dsn: str, none: System, named: tuple[str, Way], say: Say) -> Trouble:
    what, way = named
    say(what)
    system = await place.serve(dsn, name=what.replace(" ", "-"), way=way)
    loads = [await BENCHMARKS[path].measures[PRODUCT](system, CONNECTIONS, TROUBLE_S) for path in PATHS]
    same = _answers(none) == _answers(system)
    return Trouble(what, same, sum(each.failed for each in loads), _dropped(system))


def _answers(system: System) -> list[tuple[object, ...]]:
    """What is answered to questions good and bad, but for what is another each time."""
    buyer = {
        "items": [{"ticketType": "full-pass", "quantity": 1}],
        "customer": {"email": "ana@example.org", "name": "A"},
    }
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/api/payment/catalog", {}),
        ("GET", "/api/payment/order/ord_none", {}),
        ("GET", "/api/nothing", {}),
        ("PUT", "/api/payment/checkout-session", {}),
        ("POST", "/api/payment/checkout-session", {"json": {}}),
        (
            "POST",
            "/api/payment/checkout-session",
            {"json": buyer, "headers": {"Idempotency-Key": f"probe-{system.port}"}},
        ),
        ("POST", "/api/payment/webhook", {"content": b"{}", "headers": {"Stripe-Signature": "t=1,v1=0"}}),
        ("GET", "/en", {}),
        ("GET", "/nowhere", {}),
        ("GET", "/health/ready", {}),
    ]
    with httpx.Client(base_url=f"http://{LOOPBACK}:{system.port}", timeout=10) as client:
        return [_told(client.request(method, path, **more)) for method, path, more in asked]


def _told(answer: httpx.Response) -> tuple[object, ...]:
    kind = answer.headers.get("content-type", "")
    if "problem" in kind:
        return answer.status_code, kind, {name: each for name, each in answer.json().items() if name != "traceId"}
    return answer.status_code, kind, sorted(answer.json()) if "json" in kind else ""


def _dropped(system: System) -> dict[str, float]:
    """What its telemetry could not keep, by its own word."""
    name = "cubano_telemetry_dropped_total{signal="
    rows = httpx.get(f"http://{LOOPBACK}:{system.metrics}/metrics", timeout=10).text.splitlines()
    found = (row.removeprefix(name).split("} ") for row in rows if row.startswith(name))
    return {signal.strip('"'): float(count) for signal, count in found if float(count)}


def _traced(endpoint: str) -> dict[str, str]:
    if not endpoint:
        return {"OTEL_SDK_DISABLED": "true"}
    return {
        "OTEL_SDK_DISABLED": "false",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_TRACES_SAMPLER_ARG": str(SAMPLED),
    }


@contextmanager
def collector() -> Iterator[tuple[str, list[int]]]:
    """Somebody who takes every batch of spans, in this process and not in the one that is measured; and how many came."""
    received = [0]

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received[0] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Batches are not news."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Taker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def record(found: Overhead, *, at: datetime) -> dict[str, Any]:
    """The line of the history."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "benchmark": NAME,
        "holds": found.holds,
        "most_lost": MOST_LOST,
        "most_us": MOST_US,
        "sampled": SAMPLED,
        "paths": [
            {
                "path": each.path,
                "lost": round(each.lost, 4),
                "lost_by_round": [round(1 - w.rate / n.rate, 4) for w, n in zip(each.whole, each.none, strict=True)],
                "extra_us": round(each.extra_us, 1),
                "us": [round(statistics.median(map(_each_us, side)), 1) for side in (each.whole, each.none)],
                "rates": [round(statistics.median(s.rate for s in side), 1) for side in (each.whole, each.none)],
                "failed": each.failed,
                "holds": each.holds,
            }
            for each in found.pairs
        ],
        "troubles": [
            {"what": each.what, "same": each.same, "failed": each.failed, "dropped": dict(each.dropped)}
            for each in found.troubles
        ],
        "pieces_us": {name: round(cost, 2) for name, cost in found.pieces.items()},
        "exports": found.exports,
    }


def print_overhead(terminal: Terminal, told: dict[str, Any]) -> None:
    """What the whole costs, what its pieces cost, and whether trouble was seen."""
    table = Table(title=f"[bold]{NAME}[/] · {CONNECTIONS} connections", title_justify="left", box=None, pad_edge=False)
    table.add_column("path")
    for head in ("whole /s", "none /s", "lost", "from … to", "whole µs", "none µs", "extra µs", ""):
        table.add_column(head, justify="right")
    for each in told["paths"]:
        rates, costs, rounds = each["rates"], each["us"], each["lost_by_round"]
        spread = f"{min(rounds):.1%} … {max(rounds):.1%}"
        verdict = "holds" if each["holds"] else "DOES NOT HOLD"
        figures = (
            *(f"{rate:,.0f}" for rate in rates),
            f"{each['lost']:.1%}",
            spread,
            *(f"{cost:,.0f}" for cost in costs),
        )
        table.add_row(each["path"], *figures, f"{each['extra_us']:,.0f}", verdict)
    terminal.print(table)
    lines = [
        f"at most {MOST_LOST:.0%} of the throughput and {MOST_US} µs of processor time a request, {SAMPLED:.0%} sampled",
        "pieces: " + ", ".join(f"{name} {cost:,.1f} µs" for name, cost in told["pieces_us"].items()),
    ]
    for each in told["troubles"]:
        dropped = ", ".join(f"{count:,.0f} {signal}" for signal, count in each["dropped"].items()) or "nothing"
        answers = "the same answers" if each["same"] and not each["failed"] else "OTHER ANSWERS"
        lines.append(f"{each['what']}: {answers}; not kept: {dropped}")
    for line in lines:
        terminal.print(f"  {line}", highlight=False)
