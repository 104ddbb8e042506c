"""What one run of a scenario gave: facts only, nothing is judged here.

Times of requests count from when their turn was due (`waited_ms`), so that a server that stands still is seen in all who
would have come meanwhile; what the server took for an answer stands beside it (`served_ms`). A turn that never began is
no request: `Generated.unsent` counts it.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import msgspec

ALL = "all"  # the name of the line over all requests


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"  # an answer that was meant: sold out, too many requests, come again later
    FAILED = "failed"  # a fault, a wrong answer, or none


class Sent(msgspec.Struct, array_like=True, frozen=True):
    """One request. Offsets are seconds since the run began; `status` is 0 when no answer came."""

    at_s: float  # when its turn was due
    user: str
    name: str
    waited_ms: float  # from when it was due to its answer
    served_ms: float  # from when it was sent to its answer
    outcome: Outcome
    status: int
    trace: str = ""  # its name, where the answer told it


class Generated(msgspec.Struct):
    """What the generators did. `cpu_s` is that of all of them; `starved` says that one had no time to be on time."""

    seconds: float
    planned: int  # turns
    begun: int
    sent: list[Sent] = []
    cpu_s: float = 0
    lag_ms_p99: float = 0  # how late a generator's own event loop was
    starved: bool = False
    tickets_ms: list[float] = []  # from the payment at the gateway until the ticket was seen
    broken: int = 0  # turns the test's own side could not go on with

    @property
    def unsent(self) -> int:
        return max(0, self.planned - self.begun)


class Sample(msgspec.Struct, array_like=True):
    """One look at the system; what grows is given as it stands, not as its growth."""

    at_s: float
    cpu_s: dict[str, float]  # by process, used since its start
    rss: dict[str, int]  # by process, bytes
    pool_in_use: float = 0  # connections, all processes
    pool_size: float = 0
    pool_waiting: float = 0  # who waits for a connection now
    requests: float = 0  # answered by serve since its start
    statements: float = 0  # sent by serve and work since their start
    breakers_open: float = 0
    gateway_queue: float = 0  # calls that wait for their turn at the gateway's rate
    inbox: float = 0  # events that wait
    outbox: float = 0  # messages that wait


class Watched(msgspec.Struct):
    """All looks. `host_busy` is the share of the machine's processors that other programs used meanwhile, 0 to 1."""

    samples: list[Sample] = []
    host_busy: float = 0
    cores: int = 1
    pool_wait: dict[str, float] = {}  # the histogram of the run: upper bound in seconds, as its `le` says, to count

    @property
    def seconds(self) -> float:
        return self.samples[-1].at_s - self.samples[0].at_s if self.samples else 0


class Correctness(msgspec.Struct):
    """Whether money and seats are right after the run."""

    invariants: dict[str, int] = {}  # broken ones only, and how often
    differences: list[str] = []  # between the orders and what really happened at the gateway
    drained: bool = (
        True  # whether all that waited was done in time; of what waits only what no event mends was looked at
    )

    @property
    def holds(self) -> bool:
        return not self.invariants and not self.differences


class Alerts(msgspec.Struct):
    """The alerts a scenario had to raise; those of them that fired, and others that would have woken somebody."""

    expected: list[str] = []
    fired: list[str] = []
    heard: float = (
        1.0  # share of the looks in which the alert that always fires was heard of, from its rule to who is told
    )

    @property
    def missing(self) -> list[str]:
        return sorted(set(self.expected) - set(self.fired))

    @property
    def unexpected(self) -> list[str]:
        return sorted(set(self.fired) - set(self.expected))


class Machine(msgspec.Struct, frozen=True):
    """The fingerprint: figures of two machines say nothing about two releases."""

    cores: int
    processor: str
    system: str
    python: str
    postgres: str


class Span(msgspec.Struct, array_like=True, frozen=True):
    """A part of a request's time; `at_ms` counts from the beginning of its trace."""

    name: str
    process: str
    at_ms: float
    took_ms: float
    depth: int
    error: str = ""


class Ran(msgspec.Struct):
    """One run, whole. `began_at` is UTC in ISO 8601; `settings` are those that differ from the defaults."""

    scenario: str
    seed: int
    began_at: str
    seconds: float
    generated: Generated
    watched: Watched
    correctness: Correctness | None
    alerts: Alerts | None
    settings: dict[str, str]
    commit: str
    machine: Machine
    took_s: float = 0  # with all that comes before and after the load
    traces: dict[str, list[Span]] = {}  # of slow requests, those that were kept

    def slowest(self, count: int) -> list[Sent]:
        """Those who waited longest."""
        return heapq.nlargest(count, self.generated.sent, key=attrgetter("waited_ms"))


class Line(msgspec.Struct, frozen=True):
    """The requests of one name; milliseconds from when they were due, NaN when there is none."""

    name: str
    count: int
    rate: float  # a second
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    served_p99: float
    ok: int
    refused: int
    failed: int


def save(ran: Ran, path: Path) -> None:
    """Write a run down, whole."""
    path.write_bytes(msgspec.msgpack.encode(ran))


def load(path: Path) -> Ran:
    """Read what `save` wrote. Raises `msgspec.ValidationError` or `msgspec.DecodeError` when it is something else."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Ran)


def lines(ran: Ran) -> list[Line]:
    """A line for all requests, then one for each name, by name."""
    sent = sorted(ran.generated.sent, key=attrgetter("name"))
    named = [_line(name, list(group), ran.seconds) for name, group in groupby(sent, key=attrgetter("name"))]
    return [_line(ALL, sent, ran.seconds), *named]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value within which this share of the ordered ones lies; NaN of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _line(name: str, sent: Sequence[Sent], seconds: float) -> Line:
    waited = sorted(each.waited_ms for each in sent)
    return Line(
        name=name,
        count=len(sent),
        rate=len(sent) / seconds if seconds else math.nan,
        p50=percentile(waited, 0.5),
        p90=percentile(waited, 0.9),
        p99=percentile(waited, 0.99),
        p999=percentile(waited, 0.999),
        max=waited[-1] if waited else math.nan,
        served_p99=percentile(sorted(each.served_ms for each in sent), 0.99),
        ok=_count(sent, Outcome.OK),
        refused=_count(sent, Outcome.REFUSED),
        failed=_count(sent, Outcome.FAILED),
    )


def _count(sent: Iterable[Sent], outcome: Outcome) -> int:
    return sum(each.outcome is outcome for each in sent)
