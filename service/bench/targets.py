"""How fast it ought to be, as ratios of one run, so that no machine is to blame; said beside each figure, and in one table.

A target is missed, never excused: what limits is said with the figure. Whether a run was honest (nothing lost, nothing
refused) is another question, and the only one of the exit code of those that are measured against a neighbour.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """One figure of one benchmark, which is to be at `least` or at `most` so much."""

    benchmark: str
    figure: str
    what: str
    least: float = 0
    most: float = math.inf

    @property
    def said(self) -> str:
        return f"at least {self.least:g}" if self.least else f"at most {self.most:g}"

    def holds(self, value: float) -> bool:
        return self.least <= value <= self.most


TARGETS = (
    Target("webhook-ingest", "of pgbench", "webhook intake by raw single-row commits of a C client", least=0.7),
    Target("webhook-ingest", "of fastapi + orm", "webhook intake by a plain FastAPI + ORM handler", least=8),
    Target("worker-throughput", "of pgbench", "events applied by the same statements raw", least=0.4),
    Target("click-to-ticket", "p99 ms", "click to ticket at half load, p99 in ms", most=250),
    Target("flash-sale", "of no hot row", "holds on one type by the same handler without a hot row", least=0.6),
    Target("telemetry-overhead", "checkout kept", "checkouts with telemetry by those without", least=0.95),
    Target("telemetry-overhead", "webhook-ingest kept", "webhooks with telemetry by those without", least=0.95),
)


def figures(told: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a record of the history by name, whatever benchmark made it."""
    found: dict[str, float] = dict(told.get("figures", {}))
    found |= {f"of {name}": ratio for name, ratio in told.get("ratios", {}).items()}
    found |= {f"{each['path']} kept": round(1 - each["lost"], 4) for each in told.get("paths", ())}
    found |= {each["what"]: each["ratio"] for each in told.get("requests", ())}
    if measures := told.get("measures"):
        found["per second"] = measures[0]["rate"]
    return found


def judged(told: Mapping[str, Any]) -> Iterator[tuple[Target, float]]:
    """The targets of a record's benchmark, each with what was measured."""
    found = figures(told)
    for each in TARGETS:
        if each.benchmark == told["benchmark"] and each.figure in found:
            yield each, found[each.figure]


def sentences(told: Mapping[str, Any]) -> Iterator[str]:
    """What a record has to say to its targets."""
    for target, value in judged(told):
        verdict = "holds" if target.holds(value) else "MISSES"
        yield f"target {target.said} ({target.what}): {value:.2f}, {verdict}"


def newest(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Target, float | None, Mapping[str, Any]]]:
    """Each target with the worst figure of the commit that was measured last; None where nobody measured."""
    known = list(records)
    for target in TARGETS:
        found = [each for each in known if each["benchmark"] == target.benchmark and target.figure in figures(each)]
        last = [each for each in found if each.get("commit") == found[-1].get("commit")]
        values = [(figures(each)[target.figure], each) for each in last]
        value, told = (min if target.least else max)(values, key=lambda each: each[0], default=(None, {}))
        yield target, value, told
