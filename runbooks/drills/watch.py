"""Who heard what, and when: looks at Prometheus, Alertmanager and the responder twice a second while a drill lasts.

A page is an alert that is active in Alertmanager: neither silenced nor inhibited by its cause. What was told for a moment and
what is still told are both pages.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from runbooks.drills.stack import Stack

EVERY_S = 0.5
HEARTBEAT = "Watchdog"


@dataclass(frozen=True)
class Seen:
    """An alert as one of them told it; `at` is when we saw it, `since` when it began by its own account."""

    name: str
    tier: str
    labels: Mapping[str, str]
    at: float
    since: float


@dataclass(frozen=True)
class Look:
    """One look at both; `heard` when each told of the alert that always fires."""

    at: float
    heard: bool


@dataclass
class Watch:
    """Collects from `start` to `stop`."""

    stack: Stack
    firing: list[Seen] = field(default_factory=list)  # in Prometheus
    pages: list[Seen] = field(default_factory=list)  # at somebody, by Alertmanager
    looks: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _known: set[tuple[str, str, tuple[tuple[str, str], ...]]] = field(default_factory=set)

    def look(self) -> None:
        """Until it is stopped; who does not answer is asked again."""
        with httpx.Client(timeout=5) as client:
            while not self._stop.wait(EVERY_S):
                heard = [self._of_prometheus(client), self._of_alertmanager(client)]
                self.looks.append(Look(time.time(), all(heard)))

    def _of_prometheus(self, client: httpx.Client) -> bool:
        found = _ask(client, f"{self.stack.found['prometheus']}/api/v1/alerts")
        told = [each for each in (found or {}).get("data", {}).get("alerts", []) if each["state"] == "firing"]
        for each in told:
            self._add(self.firing, "firing", each["labels"], each["activeAt"])
        return any(each["labels"]["alertname"] == HEARTBEAT for each in told)

    def _of_alertmanager(self, client: httpx.Client) -> bool:
        url = f"{self.stack.found['alertmanager']}/api/v2/alerts"
        told = _ask(client, url, active="true", silenced="false", inhibited="false") or []
        for each in told:
            self._add(self.pages, "page", each["labels"], each["startsAt"])
        return any(each["labels"]["alertname"] == HEARTBEAT for each in told)

    def _add(self, to: list[Seen], kind: str, labels: dict[str, str], since: str) -> None:
        if labels["alertname"] == HEARTBEAT:
            return
        began = datetime.fromisoformat(since[:26].rstrip("Z") + "+00:00" if since.endswith("Z") else since).timestamp()
        key = (kind, since, tuple(sorted(labels.items())))
        if key not in self._known:
            self._known.add(key)
            to.append(Seen(labels["alertname"], labels.get("severity", ""), labels, time.time(), began))

    def first(self, seen: list[Seen], name: str, since: float) -> Seen | None:
        """The first of a name that began after a moment."""
        return next((each for each in seen if each.name == name and each.since >= since - 1), None)

    def others(self, since: float, *known: str) -> list[str]:
        """Critical pages of other names: who was woken for something else."""
        return sorted(
            {each.name for each in self.pages if each.tier == "critical" and each.since >= since} - set(known)
        )

    def is_calm(self) -> bool:
        """Whether nothing critical is active now, told by somebody who is heard: the alert that always fires is there."""
        with httpx.Client(timeout=5) as client:
            url = f"{self.stack.found['alertmanager']}/api/v2/alerts"
            active = _ask(client, url, active="true", silenced="false", inhibited="false")
        told = [each["labels"] for each in active or []]
        heard = any(each["alertname"] == HEARTBEAT for each in told)
        return heard and not [each for each in told if each.get("severity") == "critical"]

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def watching(stack: Stack) -> Iterator[Watch]:
    """The watch for the length of the block."""
    watch = Watch(stack)
    thread = threading.Thread(target=watch.look, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(10)


def _ask(client: httpx.Client, url: str, **params: str) -> Any:
    try:
        answer = client.get(url, params=params)
    except httpx.TransportError:
        return None
    return answer.json() if answer.is_success else None
