"""The report as one file of HTML: nothing is fetched, no script runs, and it can be sent by mail.

The first screen is the answer: the verdict, the three rows to look at first with their intervals, knee and headroom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from loadtests.capacity import Capacity
from loadtests.compare import CPU
from loadtests.findings import Findings
from loadtests.report import plots, words
from loadtests.result import Ran
from loadtests.verdict import Row, Verdict

_HERE = Path(__file__).parent
_SIGNS = {
    Verdict.PASS: "holds",
    Verdict.FAIL: "fails",
    Verdict.INCONCLUSIVE: "not known",
    Verdict.UNHEALTHY: "unhealthy",
    Verdict.MONEY: "wrong",
}
_BEYOND = 1.25  # so much more than the largest figure the scale of a card shows


@dataclass(frozen=True)
class Scale:
    """Where things stand on the line of a card, in per cent of its width."""

    low: float
    wide: float
    point: float
    limit: float


@dataclass(frozen=True)
class Plot:
    title: str
    told: str
    svg: Markup
    place: str = ""


def html(findings: Findings, runs: Sequence[Ran] = (), capacity: Capacity | None = None) -> str:
    """The whole page."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    template = environment.from_string((_HERE / "page.html").read_text())
    return template.render(
        findings=findings,
        words=words,
        signs=_SIGNS,
        css=_ours((_HERE / "page.css").read_text()),
        at=findings.began_at.replace("T", " ")[:16] + " UTC",
        reasons=words.why(findings),
        first=[{"row": row, "scale": scale(row)} for row in words.first(findings)],
        knee=list(words.knee(findings)),
        plots=list(_plots(findings, runs, capacity)),
    )


def scale(row: Row) -> Scale | None:
    """The line of a card; None for what has no place on one."""
    if row.found is None or row.limit is None:
        return None
    low, high = (row.found if each is None else each for each in (row.low, row.high))
    begin = min(0.0, low)
    end = max(row.limit, row.found, min(high, 3 * max(row.limit, row.found))) * _BEYOND or 1.0

    def place(value: float) -> float:
        return round(min(100.0, max(0.0, (value - begin) / (end - begin) * 100)), 1)

    return Scale(place(low), round(place(high) - place(low), 1), place(row.found), place(row.limit))


def _plots(findings: Findings, runs: Sequence[Ran], capacity: Capacity | None) -> Iterator[Plot]:
    busiest = max(runs, key=lambda each: (each.scenario == "steady", len(each.generated.sent)), default=None)
    if busiest is not None:
        told = f"{busiest.scenario}, from when a request was due to its answer"
        yield Plot("Latency", told, _ours(plots.latency(busiest)), "" if capacity else "half")
    if capacity is not None:
        yield Plot("Knee", "beyond it all gain is paid in waiting", _ours(_knee(capacity)))
    told = "one scenario after the other" if len(runs) > 1 else "second by second"
    yield Plot("Throughput", told, _ours(plots.throughput(runs)), "whole")
    yield Plot("Saturation", told, _ours(plots.saturation(runs)), "whole")
    old, new = findings.rounds.old, findings.rounds.new
    yield Plot("A checkout's processor time, old and new", "median of each round", _ours(plots.rounds(old, new, f"checkout {CPU}", "ms of CPU")))  # fmt: skip
    yield Plot(
        "Checkout, old and new", "the quick quarter of each round", _ours(plots.rounds(old, new, "checkout p25", "ms"))
    )


def _knee(capacity: Capacity) -> str:
    fitted = capacity.fit

    def law(n: float) -> tuple[float, float, float]:
        found = fitted.at(n)
        return found.value, found.low, found.high

    levels = [(each.n, each.per_second) for each in fitted.levels]
    return plots.knee(levels, law, (fitted.knee_n, fitted.knee.value), capacity.wish.gateway_per_second)


def _ours(made: str) -> Markup:
    """Made by us; the names in a plot are escaped by matplotlib."""
    return Markup(made)  # noqa: S704 - as above
