"""`start-up`: from the command until it is ready, in turns: `serve` and `work` on a database that is there, and the least that answers.

The least is the framework with one handler under the same server: what is left of the difference is ours.
"""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.bench.aside import beside
from service.bench.report import commit_of
from service.bench.system import System, running
from service.local.ports import LOOPBACK, free_ports
from service.local.system import cubano

NAME = "start-up"
SECONDS = 30
LEAST = "empty handler"
ROUND_S = 8  # about what one round takes on two cores
MOST_ROUNDS = 9


@dataclass(frozen=True)
class Started:
    """Seconds until each was ready, round by round."""

    took_s: Mapping[str, Sequence[float]]

    def of(self, name: str) -> float:
        return statistics.median(self.took_s[name])

    def ratio(self, name: str) -> float:
        """How many times as long as the least took, in the same round."""
        pairs = zip(self.took_s[name], self.took_s[LEAST], strict=True)
        return statistics.median(ours / least for ours, least in pairs)


async def measure(seconds: float) -> Started:
    """As many rounds as there is time for; raises what a start raises."""
    took: dict[str, list[float]] = {"serve": [], "work": [], LEAST: []}
    async with running(emulator=False) as system:
        for _ in range(min(MOST_ROUNDS, max(1, int(seconds // ROUND_S)))):
            for name, found in took.items():
                found.append(await _start(system, name))
    return Started(took)


async def _start(system: System, name: str) -> float:
    port, metrics = free_ports(2)
    told = {
        **system.told,
        "CUBANO_SERVE_PORT": str(port),
        "CUBANO_SERVE_METRICS_PORT": str(metrics),
        "CUBANO_WORK_METRICS_PORT": str(port),
        "CUBANO_SYNTHETIC_EVERY_S": "0",
    }
    least = [sys.executable, "-m", "service.bench.empty", str(port)]
    argv = {"serve": cubano("serve"), "work": cubano("work"), LEAST: least}[name]
    began = time.perf_counter()
    async with beside(system, name.split(maxsplit=1)[0], argv, told, ready=f"http://{LOOPBACK}:{port}/health/ready"):
        return time.perf_counter() - began


def record(found: Started, *, at: datetime) -> dict[str, Any]:
    """The line of the history."""
    ours = [name for name in found.took_s if name != LEAST]
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": NAME,
        "holds": True,
        "figures": {
            **{f"{name} s": round(found.of(name), 2) for name in found.took_s},
            **{f"{name} of {LEAST}": round(found.ratio(name), 2) for name in ours},
        },
        "rounds": {name: [round(each, 2) for each in took] for name, took in found.took_s.items()},
    }


def sentences(told: Mapping[str, Any]) -> Iterator[str]:
    """What it found, in words."""
    found = told["figures"]
    for name in told["rounds"]:
        times = found.get(f"{name} of {LEAST}")
        beside = f", {times:.1f} times the {LEAST}" if times else ""
        yield f"{name}: ready after {found[f'{name} s']:.2f} s{beside}"
