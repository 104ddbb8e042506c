"""The plots of the page, each one `<svg>` (`canvas.py`).

Each function takes runs or levels and answers one `<svg>`; what has nothing to show answers an empty string.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from loadtests.ceilings import OURS
from loadtests.report.canvas import BAD, GOOD, INK, LINE, SERIES, SOFT, WARN, WIDE, legend, svg
from loadtests.result import Outcome, Ran, Sample, percentile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARES = tuple(1 - 10 ** (-step / 20) for step in range(61))  # 0 to 99.9 %, denser towards the end
_MILLISECONDS = [step * 10**power for power in range(6) for step in (1, 2, 5)]
_TICKS = {0.5: "50 %", 0.9: "90 %", 0.99: "99 %", 0.999: "99.9 %"}


def latency(ran: Ran) -> str:
    """How long they waited, from the middle to the slowest one in a thousand, by request."""
    names = sorted({each.name for each in ran.generated.sent})
    waited = {name: sorted(each.waited_ms for each in ran.generated.sent if each.name == name) for name in names}
    most = sorted((name for name in names if len(waited[name]) > 1), key=lambda name: -len(waited[name]))[: len(SERIES)]

    def draw(axes: "Axes") -> None:
        for name, colour in zip(most, SERIES, strict=False):
            shares = [each for each in _SHARES if (1 - each) * len(waited[name]) >= 1]
            axes.plot([_nines(each) for each in shares], [percentile(waited[name], each) for each in shares], color=colour, label=name)  # fmt: skip
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        ticks = [each for each in _MILLISECONDS if low <= each <= high]
        axes.set_yticks(ticks, [f"{each:,}" for each in ticks])
        axes.yaxis.minorticks_off()
        axes.set_xticks([_nines(each) for each in _TICKS], list(_TICKS.values()))
        axes.set_xlabel("so many were answered …")
        axes.set_ylabel("… within ms")
        legend(axes)

    return svg("latency", draw) if most else ""


def throughput(runs: Sequence[Ran]) -> str:
    """Answers a second, one scenario after the other: well, refused, at fault."""
    kinds = ((Outcome.OK, GOOD, "answered"), (Outcome.REFUSED, WARN, "sent away"), (Outcome.FAILED, BAD, "at fault"))
    spans = list(_one_after_another(runs))

    def draw(axes: "Axes") -> None:
        for start, ran in spans:
            seconds = range(math.ceil(ran.seconds))
            counts = {kind: [0] * len(seconds) for kind, _, _ in kinds}
            for each in ran.generated.sent:
                if 0 <= (second := int(each.at_s + each.waited_ms / 1000)) < len(seconds):
                    counts[each.outcome][second] += 1
            below = [0] * len(seconds)
            for kind, colour, name in kinds:
                above = [a + b for a, b in zip(below, counts[kind], strict=True)]
                label = name if start == spans[0][0] else None
                at = [start + second for second in (*seconds, len(seconds))]
                axes.fill_between(
                    at,
                    [*below, below[-1]],
                    [*above, above[-1]],
                    color=colour,
                    alpha=0.75,
                    linewidth=0,
                    step="post",
                    label=label,
                )
                below = above
        _named(axes, spans)
        axes.set_ylabel("requests a second")
        legend(axes)

    return svg("throughput", draw, wide=WIDE * 1.9) if any(ran.generated.sent for ran in runs) else ""


def saturation(runs: Sequence[Ran]) -> str:
    """Cores that each of our processes used, and the share of connections in use, one scenario after the other."""
    spans = [(start, ran) for start, ran in _one_after_another(runs) if len(ran.watched.samples) > 1]

    def draw(axes: "Axes") -> None:
        pool = axes.twinx()
        pool.grid(visible=False)
        for start, ran in spans:
            samples = ran.watched.samples
            at = [start + each.at_s for each in samples[1:]]
            for name, colour in zip(OURS, SERIES, strict=False):
                axes.plot(at, _cores(samples, name), color=colour, label=name if start == spans[0][0] else None)
            used = [each.pool_in_use / each.pool_size * 100 if each.pool_size else 0 for each in samples[1:]]
            pool.plot(at, used, color=SOFT, linewidth=1, linestyle=":", label="connections" if start == spans[0][0] else None)  # fmt: skip
        _named(axes, spans)
        axes.set_ylim(bottom=0)
        pool.set_ylim(0, 105)
        axes.set_ylabel("cores")
        pool.set_ylabel("% of connections")
        handles, names = axes.get_legend_handles_labels()
        more, others = pool.get_legend_handles_labels()
        legend(axes, handles + more, names + others)

    return svg("saturation", draw, wide=WIDE * 1.9) if spans else ""


def knee(
    levels: Sequence[tuple[float, float]],
    law: Callable[[float], tuple[float, float, float]],
    at: tuple[float, float],
    limit: float,
) -> str:
    """Orders a second by requests under way: what was measured, the law with its interval, the knee, the gateway's rate."""
    top = max((n for n, _ in levels), default=0)

    def draw(axes: "Axes") -> None:
        xs = [max(1.0, top * step / 80) for step in range(1, 81)]
        ys = [law(x) for x in xs]
        axes.fill_between(xs, [low for _, low, _ in ys], [high for _, _, high in ys], color=SERIES[0], alpha=0.18, linewidth=0)  # fmt: skip
        axes.plot(xs, [value for value, _, _ in ys], color=SERIES[0], label="the law")
        axes.plot(*zip(*levels, strict=True), "o", color=INK, markersize=4.5, label="measured")
        axes.plot(*at, "D", color=SERIES[1], markersize=8, label="the knee")
        if limit <= 2 * max(x for _, x in levels):
            axes.axhline(limit, color=WARN, linestyle="--", linewidth=1.2, label="the gateway's rate")
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("requests under way")
        axes.set_ylabel("orders a second")
        legend(axes)

    return svg("knee", draw) if levels else ""


def rounds(old: Sequence[Mapping[str, float]], new: Sequence[Mapping[str, float]], name: str, unit: str) -> str:
    """One figure in all rounds: the old release beside the new one, neighbours joined."""
    pairs = [(a[name], b[name]) for a, b in zip(old, new, strict=False) if name in a and name in b]

    def draw(axes: "Axes") -> None:
        for number, (before, after) in enumerate(pairs, 1):
            axes.plot([number, number], [before, after], color=LINE, linewidth=2, zorder=1)
        numbers = list(range(1, len(pairs) + 1))
        axes.plot(numbers, [a for a, _ in pairs], "o", color=SOFT, markersize=7, label="baseline")
        axes.plot(numbers, [b for _, b in pairs], "D", color=SERIES[0], markersize=7, label="this release")
        axes.set_xticks(numbers)
        axes.set_ylim(bottom=0, top=max(max(each) for each in pairs) * 1.1)
        axes.set_xlabel("round")
        axes.set_ylabel(unit)
        legend(axes)

    return svg(f"rounds-{re.sub('[^a-z0-9]+', '-', name.lower())}", draw) if pairs else ""


def _nines(share: float) -> float:
    return -math.log10(1 - share)


def _one_after_another(runs: Sequence[Ran]) -> Iterator[tuple[float, Ran]]:
    start = 0.0
    for ran in runs:
        yield start, ran
        start += ran.seconds + 3


def _named(axes: "Axes", spans: Sequence[tuple[float, Ran]]) -> None:
    """The names of the scenarios stand below their part of the time; of one alone its seconds."""
    axes.margins(x=0.005)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.02, bottom=0)
    if len(spans) == 1:
        axes.set_xlabel("seconds")
        return
    axes.set_xticks([start + ran.seconds / 2 for start, ran in spans], [ran.scenario for _, ran in spans])
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    for start, _ in spans[1:]:
        axes.axvline(start - 1.5, color=LINE, linewidth=1)


def _cores(samples: Sequence[Sample], name: str) -> list[float]:
    pairs = itertools.pairwise(samples)
    return [
        (after.cpu_s.get(name, 0) - before.cpu_s.get(name, 0)) / max(after.at_s - before.at_s, 1e-9)
        for before, after in pairs
    ]
