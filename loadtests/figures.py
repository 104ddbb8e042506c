"""What the processes of the system tell of themselves: of their /metrics only the lines that a run needs."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.telemetry import catalogue
from service.telemetry.labels import BreakerState, PoolState

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SERIES = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
_WAITING = "pending"  # of a queue
_READ = (
    *(catalogue.DB_POOL, catalogue.DB_POOL_WAIT, catalogue.DB_OPERATION, catalogue.HTTP_SERVER_DURATION),
    *(catalogue.GATEWAY_BREAKER, catalogue.GATEWAY_WAIT, catalogue.INBOX, catalogue.OUTBOX),
)


@dataclass
class Figures:
    """Sums over all processes, each as it stands."""

    pool: Counter[str] = field(default_factory=Counter)  # connections by state
    pool_wait: Counter[str] = field(default_factory=Counter)  # waits by upper bound, which is cumulative
    requests: float = 0
    statements: float = 0
    breakers_open: float = 0
    gateway_wait_s: float = 0
    inbox: float = 0
    outbox: float = 0


def read(texts: Iterable[str]) -> Figures:
    """The figures of some processes, from the text of each."""
    found = Figures()
    for text in texts:
        for line in text.splitlines():
            if line.startswith(_NAMES):
                name, labels, value = _parts(line)
                _add(found, name, labels, value)
    return found


def _add(found: Figures, name: str, labels: Mapping[str, str], value: float) -> None:
    match name:
        case catalogue.DB_POOL.name:
            found.pool[labels["state"]] += value  # type: ignore[assignment]
        case _ if name == f"{catalogue.DB_POOL_WAIT.name}_bucket":
            found.pool_wait[labels["le"]] += int(value)
        case _ if name == f"{catalogue.HTTP_SERVER_DURATION.name}_count":
            found.requests += value
        case _ if name == f"{catalogue.DB_OPERATION.name}_count":
            found.statements += value
        case catalogue.GATEWAY_BREAKER.name if labels["state"] == BreakerState.OPEN:
            found.breakers_open += value
        case _ if name == f"{catalogue.GATEWAY_WAIT.name}_sum":
            found.gateway_wait_s += value
        case catalogue.INBOX.name if labels["state"] == _WAITING:
            found.inbox += value
        case catalogue.OUTBOX.name if labels["state"] == _WAITING:
            found.outbox += value
        case _:
            pass


def _parts(line: str) -> tuple[str, dict[str, str], float]:
    """A line of the exposition format; exemplars and times behind the value are left alone."""
    found = _SERIES.match(line)
    if not found:
        raise ValueError(f"no line of the exposition format: {line[:80]}")
    return found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])


_NAMES = tuple(each.name for each in _READ)
IN_USE, SIZE, QUEUED = PoolState.IN_USE.value, PoolState.SIZE.value, PoolState.WAITING.value
