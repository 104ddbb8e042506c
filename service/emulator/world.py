"""The stand-in's one object: its books, its clock, its timers and its post.

The clock is the machine's plus an offset that control may advance; every due time is in its milliseconds. Timers are
derived from the books, so a restart loses none of them. What time does, it does at its own moment: after three days
are skipped, the second day's payout carries the second day's date.
"""

import heapq
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from service.emulator.store import Store

API_VERSION = "2026-10-28.endive"
CLOCK_ID = "clock"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line settles."""

    public_url: str
    api_keys: tuple[str, ...] = ()  # empty: any sk_test_ or rk_test_ key
    paypal_clients: tuple[tuple[str, str], ...] = ()  # id and secret; empty: any that are not
    merchant: str = "A Lo Cubano Boulder Fest"
    settle_ms: int = 2_000  # until a delayed payment or refund settles, by the stand-in's clock
    webhook_tries: int = 10
    webhook_timeout_s: float = 10.0  # the gateway publishes none; ours answers well below
    webhook_first_retry_ms: int = 500
    webhook_parallel: int = 16
    api_url: str | None = None
    rate_limit: int | None = None  # requests a second for each endpoint

    @property
    def api_base(self) -> str:
        """Where programs reach the stand-in, while browsers come to `public_url`; usually the same."""
        return self.api_url or self.public_url


@dataclass(frozen=True)
class Cause:
    """The request an event came from; both empty when the buyer or time was the cause."""

    request_id: str | None = None
    key: str | None = None


class Clock:
    """Milliseconds since the epoch by the stand-in's own clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        saved = store.get("clock", CLOCK_ID)
        self.offset_ms: int = 0 if saved is None else saved["offset_ms"]
        self._told_ms = 0  # the last moment anything was done at
        self._held_ms: int | None = None

    def now_ms(self) -> int:
        self._told_ms = self.real_ms() if self._held_ms is None else self._held_ms
        return self._told_ms

    def real_ms(self) -> int:
        """Now, also for what looks on while time catches up."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    @contextmanager
    def held_at(self, due_ms: int) -> Iterator[None]:
        """It is `due_ms` inside, but never before what has already been done: books only grow."""
        self._held_ms = min(max(due_ms, self._told_ms), self.real_ms())
        try:
            yield
        finally:
            self._held_ms = None

    def now(self) -> int:
        return self.now_ms() // 1000

    def advance(self, milliseconds: int) -> None:
        self.offset_ms += milliseconds
        self._store.put("clock", {"id": CLOCK_ID, "offset_ms": self.offset_ms})


Action = Callable[["World", str], None]


class Timers:
    """What becomes true by time alone; `run` does all that is due, in order of due time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action, str]] = []
        self._sequence = 0

    def at(self, due_ms: int, action: Action, subject: str) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (due_ms, self._sequence, action, subject))

    def run(self, world: "World") -> None:
        heap = self._heap
        while heap and heap[0][0] <= world.clock.real_ms():
            due_ms, _, action, subject = heapq.heappop(heap)
            with world.clock.held_at(due_ms):
                action(world, subject)

    def clear(self) -> None:
        self._heap.clear()


class Post(Protocol):
    """Who is told of events."""

    def recipients(self, event_type: str, provider: str = "stripe") -> list[str]:
        """The provider's endpoints that subscribe to this type."""

    def schedule(self, event_id: str, event_type: str, recipients: list[str]) -> None:
        """Owe each of them this event."""

    def resend(self, event_id: str, event_type: str, provider: str = "stripe") -> int:
        """Owe it once more to everyone who subscribes; returns how many that are."""

    def pending(self, event_id: str) -> int:
        """How many are still owed it."""

    def undelivered(self) -> Collection[str]:
        """Events that somebody is still owed, or never got."""


class NoPost:
    """Nobody listens."""

    def recipients(self, event_type: str, provider: str = "stripe") -> list[str]:  # noqa: ARG002 - the protocol's shape
        return []

    def schedule(self, event_id: str, event_type: str, recipients: list[str]) -> None:
        """Nobody is owed anything."""

    def resend(self, event_id: str, event_type: str, provider: str = "stripe") -> int:  # noqa: ARG002 - the protocol's shape
        return 0

    def pending(self, event_id: str) -> int:  # noqa: ARG002 - the protocol's shape
        return 0

    def undelivered(self) -> Collection[str]:
        return ()


@dataclass
class World:
    """Handed to every verb; nothing else is shared."""

    store: Store
    options: Options
    clock: Clock = field(init=False)
    timers: Timers = field(default_factory=Timers)
    post: Post = field(default_factory=NoPost)
    api_version: str = API_VERSION

    def __post_init__(self) -> None:
        self.clock = Clock(self.store)

    def now(self) -> int:
        return self.clock.now()


def is_hidden(world: World, movement: str) -> bool:
    """Whether no list shows this movement, or not yet."""
    hidden = world.store.get("hidden", movement)
    return hidden is not None and (hidden["until"] is None or world.now() < hidden["until"])
