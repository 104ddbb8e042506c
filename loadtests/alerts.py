"""Which alerts fire while a scenario plays, and who is woken by them: what Prometheus and Alertmanager say, look by look.

Silence proves something only while the alert that always fires is heard of at both; `heard` is the share of looks in which it was.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from loadtests.result import Alerts
from loadtests.stages import Scenario

HEARTBEAT = "Watchdog"  # an alert that always fires
CRITICAL = "critical"  # somebody gets up for it
GONE_HOME = frozenset({"TrafficVanished"})  # raised by the end of a load, which is so sudden nowhere else
STEADY_S = 2.0  # longer than two evaluations of the rules
_AGAIN_S = 0.25


@dataclass
class Ears:
    """At one pair of them."""

    prometheus: str
    alertmanager: str
    firing: set[str] = field(default_factory=set)  # in Prometheus
    pages: set[str] = field(default_factory=set)  # at somebody: critical, neither silenced nor inhibited by its cause
    looks: int = 0
    _heard: int = 0

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Of the system that said so of itself."""
        return cls(found["prometheus"], found["alertmanager"])

    @property
    def heard(self) -> float:
        return self._heard / self.looks if self.looks else 0.0

    def listen(self, client: httpx.Client) -> None:
        """Once; who does not answer has said nothing, and is counted as not heard."""
        firing, pages = self._firing(client), self._pages(client)
        self.looks += 1
        self._heard += HEARTBEAT in firing and HEARTBEAT in pages
        self.firing |= firing - {HEARTBEAT}
        self.pages |= {name for name, severity in pages.items() if severity == CRITICAL} - {HEARTBEAT}

    def calm(self, client: httpx.Client, within_s: float, steady_s: float = STEADY_S) -> bool:
        """Wait until the rules are watched and for some time nobody has to get up; False when that did not come in time."""
        deadline, since = time.monotonic() + within_s, math.inf
        while True:
            now = time.monotonic()
            since = min(since, now) if self._is_calm(client) else math.inf
            if now - since >= steady_s:
                return True
            if now > deadline:
                return False
            time.sleep(_AGAIN_S)

    def _is_calm(self, client: httpx.Client) -> bool:
        """No critical alert is active, nor will be if what it sees goes on: a system that starts was away until now."""
        found = _ask(client, f"{self.prometheus}/api/v1/alerts")
        coming = (
            {each["labels"]["alertname"]: each["labels"].get("severity") for each in found["data"]["alerts"]}
            if found
            else {}
        )
        active = self._pages(client)
        critical = {name for each in (coming, active) for name, severity in each.items() if severity == CRITICAL}
        return HEARTBEAT in coming and HEARTBEAT in active and not critical - {HEARTBEAT} - GONE_HOME

    def told(self, scenario: Scenario) -> Alerts:
        """Those that had to fire and did, and others that somebody was woken for and should not have been."""
        fired = (self.firing & set(scenario.expects)) | (self.pages - set(scenario.tolerates) - GONE_HOME)
        return Alerts(sorted(scenario.expects), sorted(fired), self.heard)

    def _firing(self, client: httpx.Client) -> set[str]:
        found = _ask(client, f"{self.prometheus}/api/v1/alerts")
        alerts = found["data"]["alerts"] if found else []
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def _pages(self, client: httpx.Client) -> dict[str, str]:
        """The severity of each that is active, by its name."""
        found = _ask(client, f"{self.alertmanager}/api/v2/alerts?active=true&silenced=false&inhibited=false") or []
        labels = sorted((each["labels"] for each in found), key=lambda each: each.get("severity") == CRITICAL)
        return {each["alertname"]: each.get("severity", "") for each in labels}


def _ask(client: httpx.Client, url: str) -> Any:
    try:
        answer = client.get(url)
    except httpx.TransportError:
        return None
    return json.loads(answer.text) if answer.is_success else None
