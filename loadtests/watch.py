"""Looks at the system while a scenario plays: what its processes use, what they tell of themselves, which alerts fire."""

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Self

import httpx

from loadtests import figures, machine
from loadtests.alerts import Ears
from loadtests.figures import Figures
from loadtests.result import Sample, Watched
from loadtests.stages import Scenario
from loadtests.target import Target

EVERY_S = 0.5
_UP = "up"
_TOLD = ("serve", "work", "postgres", "emulate")
_ASK_S = 2.0
_LAST_LOOK_S = 10.0  # it may take until it is over
_WHOLE_EVERY = 4  # looks in which the metrics are read once: rendering them is work for the system, too


@dataclass
class Watch:
    """Collects in a thread of its own for the length of a block; times count from `began`, a monotonic moment."""

    target: Target
    began: float
    samples: list[Sample] = field(default_factory=list)
    ears: Ears | None = None  # None where nobody watches the rules
    _stop: threading.Event = field(default_factory=threading.Event)
    _one: threading.Lock = field(default_factory=threading.Lock)  # look at a time
    _first: Figures = field(default_factory=Figures)
    _last: Figures = field(default_factory=Figures)
    _read_at: float = 0
    _queue: float = 0  # calls that wait at the gateway's rate, on average since the last reading
    _busy: list[tuple[float, float, float]] = field(default_factory=list)  # when, all of the machine, of it ours

    def __post_init__(self) -> None:
        if self.target.alerting:
            self.ears = Ears.of(self.target.found)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.look, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_LAST_LOOK_S)

    def look(self) -> None:
        """Until the end; who does not answer leaves its figures as they were."""
        number = 0
        with httpx.Client(timeout=_ASK_S) as client:
            while not self._stop.is_set():
                self._look(client, whole=number % _WHOLE_EVERY == 0)
                number += 1
                self._stop.wait(EVERY_S)

    def watched(self) -> Watched:
        """All looks with a last one, put together."""
        with httpx.Client(timeout=_ASK_S) as client:
            self._look(client, whole=True)
        waits = {bound: float(count - self._first.pool_wait[bound]) for bound, count in self._last.pool_wait.items()}
        return Watched(list(self.samples), self._of_others(), machine.cores(), waits)

    def line(self, scenario: Scenario) -> str:
        """How it goes, in a line."""
        now, before = self.samples[-1], self.samples[max(0, len(self.samples) - 2 * _WHOLE_EVERY - 1)]
        seconds = max(now.at_s - before.at_s, EVERY_S)
        busy = ", ".join(
            f"{name} {(now.cpu_s[name] - before.cpu_s.get(name, 0)) / seconds:.0%}"
            for name in _TOLD
            if name in now.cpu_s
        )
        rate = (now.requests - before.requests) / seconds
        at = min(now.at_s, scenario.seconds)
        return f"{scenario.name}: {at:.0f} of {scenario.seconds:.0f} s, {rate:.0f} requests/s, of a core: {busy}"

    def _look(self, client: httpx.Client, *, whole: bool) -> None:
        with self._one:
            if whole:
                self._read(client)
            self._sample()

    def _read(self, client: httpx.Client) -> None:
        texts = [_get(client, url) for url in self.target.found["metrics"].values()]
        if all(texts):
            now, read = time.monotonic(), figures.read(texts)
            if self._read_at:
                self._queue = (read.gateway_wait_s - self._last.gateway_wait_s) / (now - self._read_at)
            else:
                self._first = read
            self._last, self._read_at = read, now
        if self.ears:
            self.ears.listen(client)

    def _sample(self) -> None:
        pids = {name: pid for name, pid in self.target.found["pids"].items() if name != _UP}
        all_of_it = self.target.found["pids"][_UP]
        families = machine.families([*pids.values(), all_of_it, os.getpid()])
        told = self._last
        now = time.monotonic()
        self.samples.append(
            Sample(
                at_s=now - self.began,
                cpu_s={name: machine.cpu_s(families[pid]) for name, pid in pids.items()},
                rss={name: machine.memory(families[pid]) for name, pid in pids.items()},
                pool_in_use=told.pool[figures.IN_USE],
                pool_size=told.pool[figures.SIZE],
                pool_waiting=told.pool[figures.QUEUED],
                requests=told.requests,
                statements=told.statements,
                breakers_open=told.breakers_open,
                gateway_queue=self._queue,
                inbox=told.inbox,
                outbox=told.outbox,
            )
        )
        ours = set(families[all_of_it]) | set(families[os.getpid()])
        self._busy.append((now, machine.busy_s(), machine.cpu_s(sorted(ours))))

    def _of_others(self) -> float:
        if len(self._busy) < 2:  # noqa: PLR2004 - a beginning and an end
            return 0
        (began, busy, ours), (ended, busy_then, ours_then) = self._busy[0], self._busy[-1]
        others = (busy_then - busy) - (ours_then - ours)
        return min(1.0, max(0.0, others / ((ended - began) * machine.cores())))


def _get(client: httpx.Client, url: str) -> str:
    try:
        answer = client.get(url)
    except httpx.TransportError:
        return ""
    return answer.text if answer.is_success else ""
