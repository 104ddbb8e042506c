"""One generator's part of a scenario: whose turn it is and when, and what came of it.

Time is told in seconds since the scenario began, which is one moment for all generators. What this keeps is plain data;
it knows neither Locust nor HTTP.
"""

import random
import time
from collections import deque
from typing import Any

import msgspec

from loadtests.arrivals import Slot, slots
from loadtests.result import Sent, percentile
from loadtests.stages import Scenario

LATE_S = 1.0  # after the scenario's end nobody begins; who should have come is counted as unsent
BUSY = 0.85  # of a core, over any BUSY_S; beyond it a generator is late by its own fault
BUSY_S = 5.0
LATE_MS = 50.0  # p99 of how late its event loop is; beyond it, likewise
_KNOWN_ORDERS = 2_000


class Part(msgspec.Struct, frozen=True):
    """What a generator is told: the scenario, its share, the system (`cubano up --json`) and when it begins."""

    scenario: Scenario
    seed: int
    run: str  # keeps the keys of two runs apart
    found: dict[str, Any]
    began_at: float  # by the wall clock
    index: int = 0
    count: int = 1


class Told(msgspec.Struct):
    """What a generator tells, again and again: rows since the last time, everything else as it stands."""

    begun: int
    closed: int  # of those, in closed stages, where nobody plans how many there will be
    sent: list[Sent]
    tickets_ms: list[float]
    cpu_s: float
    lag_ms_p99: float
    starved: bool
    broken: int
    under_way: int = 0  # people who have not gone home


class Known(msgspec.Struct, frozen=True):
    """An order that a buyer of this generator has made; others come back to it."""

    order_id: str
    token: str


class Turns:
    """The turns of one generator."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.orders: deque[Known] = deque(maxlen=_KNOWN_ORDERS)  # paid ones, with their tickets
        self.load = Strain()
        self.begun = self.closed = self.broken = 0
        self._began = time.monotonic() + part.began_at - time.time()
        self._mine = deque(slots(part.scenario, part.seed)[part.index :: part.count])
        self._sent: list[Sent] = []
        self._tickets_ms: list[float] = []

    def now(self) -> float:
        return time.monotonic() - self._began

    @property
    def last_s(self) -> float:
        """After this nobody begins."""
        return self.part.scenario.seconds + LATE_S

    def take(self) -> Slot | None:
        """The next turn; None when there is none any more, or it is too late for it."""
        return self._mine.popleft() if self._mine and self.now() < self.last_s else None

    def dice(self, slot: Slot, again: int = 0) -> random.Random:
        """Chance of this turn, the same for the same seed whoever takes it."""
        return random.Random(f"{self.part.seed}:{slot.number}:{again}")

    def begin(self, slot: Slot) -> bool:
        """Count it; False when its time is over."""
        if self.now() >= self.last_s:
            return False
        self.begun += 1
        self.closed += bool(slot.until_s)
        return True

    def keep(self, sent: Sent) -> None:
        self._sent.append(sent)

    def ticket(self, waited_ms: float) -> None:
        self._tickets_ms.append(waited_ms)

    def tell(self, under_way: int = 0) -> Told:
        """All since the last time."""
        told = Told(
            begun=self.begun,
            closed=self.closed,
            sent=self._sent,
            tickets_ms=self._tickets_ms,
            cpu_s=self.load.cpu_s,
            lag_ms_p99=self.load.lag_ms_p99,
            starved=self.load.starved,
            broken=self.broken,
            under_way=under_way,
        )
        self._sent, self._tickets_ms = [], []
        return told


class Strain:
    """How hard a generator itself has to work; `note` is called at every pulse."""

    def __init__(self) -> None:
        self._lags_ms: list[float] = []
        self.busiest = 0.0  # share of a core, the worst stretch
        self.begin()

    def begin(self) -> None:
        """Count from now."""
        self._looked = time.monotonic()
        self._used = self._used_then = time.process_time()

    def note(self, late_ms: float, every_ms: float = 20) -> None:
        """A pulse that came late; those that did not come meanwhile were late, too."""
        while late_ms > 0 or not self._lags_ms:
            self._lags_ms.append(late_ms)
            late_ms -= every_ms
        now = time.monotonic()
        if now - self._looked >= BUSY_S:
            used = time.process_time()
            self.busiest = max(self.busiest, (used - self._used_then) / (now - self._looked))
            self._looked, self._used_then = now, used

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._used

    @property
    def lag_ms_p99(self) -> float:
        return percentile(sorted(self._lags_ms), 0.99) if self._lags_ms else 0

    @property
    def starved(self) -> bool:
        return self.busiest > BUSY or self.lag_ms_p99 > LATE_MS
