"""States over time, and how many observations fell into which bucket."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.render import axes, svg
from monitoring.render.ask import Span
from monitoring.render.axes import Paper
from monitoring.render.read import Mark, Named
from monitoring.render.theme import FAINT, SOFT, shade
from monitoring.render.units import Reading, written

_ROW_MOST, _ROW_LEAST = 30, 16


def timeline(
    panel: Mapping[str, Any], found: Sequence[Named], span: Span, *, size: tuple[float, float], marks: Sequence[Mark]
) -> str:
    """A line for each thing, a band for each state it was in."""
    defaults, (width, height) = panel["fieldConfig"]["defaults"], size
    if not found:
        return axes.nothing(width, height, defaults["noValue"])
    shown = found[: max(int((height - 24) // _ROW_LEAST), 1)]
    left = min(max(svg.width_of(each.name, 11.5) for each in shown) + 14, width * 0.35)
    paper, deep = Paper(span, width, height, 1, left), min((height - 26) / len(shown), _ROW_MOST)
    reading, drawn = Reading(defaults), [axes.clock(paper), axes.changes(paper, marks)]
    for place, each in enumerate(shown):
        y, thick = 4 + place * deep, deep - 4
        name = svg.shortened(each.name, left - 10, 11.5)
        drawn.append(svg.text(left - 8, y + thick / 2 + 4, name, text_anchor="end", font_size=11.5, fill=SOFT))
        drawn += [_band(paper, band, reading, y=y, thick=thick) for band in _bands(each, span)]
    return svg.drawing(width, height, *drawn)


def _bands(each: Named, span: Span) -> list[tuple[float, float, float]]:
    """From, to and value of each stretch that stays the same."""
    found: list[tuple[float, float, float]] = []
    for at, value in each.series.points:
        if found and found[-1][2] == value and at - found[-1][1] < span.step / 2:
            found[-1] = (found[-1][0], at + span.step, value)
        else:
            found.append((at, at + span.step, value))
    return found


def _band(paper: Paper, band: tuple[float, float, float], reading: Reading, *, y: float, thick: float) -> str:
    start, end = (paper.x(min(at, paper.span.end)) for at in band[:2])
    words, colour = reading.text(band[2]), reading.colour(band[2])
    drawn = svg.rect(start, y, max(end - start, 1.5), thick, fill=colour, opacity=0.78, rx=2)
    if end - start > svg.width_of(words) + 10:
        drawn += svg.text((start + end) / 2, y + thick / 2 + 4, words, text_anchor="middle", font_size=11, fill="#fff")
    return drawn


def heatmap(
    panel: Mapping[str, Any], found: Sequence[Named], span: Span, *, size: tuple[float, float], marks: Sequence[Mark]
) -> str:
    """Darker is more; buckets above and below everything are left out."""
    (width, height), unit = size, panel["fieldConfig"]["defaults"]["unit"]
    rows = _trimmed(_buckets(found))
    most = max((value for _, cells in rows for value in cells.values()), default=0)
    if not most:
        return axes.nothing(width, height, panel["fieldConfig"]["defaults"]["noValue"])
    paper = Paper(span, width, height, 1, 54)
    deep, wide = (paper.floor - 6) / len(rows), span.step / (span.end - span.start) * (width - paper.left - 6)
    drawn = [axes.clock(paper)]
    for place, (bound, cells) in enumerate(reversed(rows)):
        y = 6 + place * deep
        words = "more" if math.isinf(bound) else f"≤ {written(bound, unit)}"
        drawn.append(svg.text(48, y + deep / 2 + 4, words, text_anchor="end", font_size=10.5, fill=FAINT))
        drawn += [
            svg.rect(paper.x(at) - wide, y + 0.5, max(wide - 0.6, 0.8), deep - 1, fill=shade(math.sqrt(value / most)))
            for at, value in cells.items()
            if value > 0 and paper.x(at) - wide >= paper.left - 1
        ]
    return svg.drawing(width, height, *drawn, axes.changes(paper, marks))


def _buckets(found: Sequence[Named]) -> list[tuple[float, dict[float, float]]]:
    """From counts up to a bound to counts between two."""
    ordered = sorted(
        ((float(each.series.labels["le"]), dict(each.series.points)) for each in found), key=lambda row: row[0]
    )
    below: dict[float, float] = {}
    rows = []
    for bound, cells in ordered:
        rows.append((bound, {at: value - below.get(at, 0) for at, value in cells.items()}))
        below = cells
    return rows


def _trimmed(rows: list[tuple[float, dict[float, float]]]) -> list[tuple[float, dict[float, float]]]:
    filled = [place for place, (_, cells) in enumerate(rows) if any(value > 0 for value in cells.values())]
    return rows[max(filled[0] - 1, 0) : filled[-1] + 2] if filled else []
