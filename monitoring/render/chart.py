"""Lines and stacked areas over time, with a legend beneath that says the last value of each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.render import axes, svg
from monitoring.render.ask import Span
from monitoring.render.axes import Paper
from monitoring.render.read import Mark, Named
from monitoring.render.theme import CARD, INK, SOFT, colours
from monitoring.render.units import Reading

_LEGEND_LINE, _MOST_LINES, _MORE = 17, 3, 120
_GAP = 1.5  # steps without a point, and the line is broken
_NEAR = 0.25  # of a limit: from here on the limit is shown, too


def draw(
    panel: Mapping[str, Any],
    found: Sequence[Named],
    span: Span,
    *,
    size: tuple[float, float],
    marks: Sequence[Mark],
    dots: Sequence[tuple[float, float]],
) -> str:
    """The panel's inside; a sentence where nothing was found."""
    width, height = size
    defaults = panel["fieldConfig"]["defaults"]
    if not found:
        return axes.nothing(width, height, defaults["noValue"])
    reading, stacked = Reading(defaults), defaults["custom"].get("stacking", {}).get("mode") == "normal"
    legend, used = _legend(found, reading, width)
    values = axes.ruled(_most(found, reading, defaults, stacked=stacked), 4 if height > 150 else 3, reading.unit)  # noqa: PLR2004 - pixels
    paper = Paper(span, width, height - used, values[-1] or 1)
    body = _stacked(paper, found, span) if stacked else _lines(paper, found, span, filled=len(found) < 4)  # noqa: PLR2004
    over = axes.limits(paper, reading) if defaults["custom"].get("thresholdsStyle") else ""
    points = "".join(_dot(paper.x(at), paper.y(value)) for at, value in dots if value <= paper.top and at >= span.start)
    below = svg.element("g", legend, transform=f"translate(0 {paper.height + 4})")
    back = axes.lines(paper, values, reading) + axes.changes(paper, marks) + axes.clock(paper)
    return svg.drawing(width, height, back, body, over, points, below)


def _most(found: Sequence[Named], reading: Reading, defaults: Mapping[str, Any], *, stacked: bool) -> float:
    if stacked:
        sums: dict[float, float] = {}
        for each in found:
            for at, value in each.series.points:
                sums[at] = sums.get(at, 0) + max(value, 0)
        most = max(sums.values())
    else:
        most = max(value for each in found for _, value in each.series.points)
    near = [step["value"] for step in reading.steps if step["value"] and (not most or most >= _NEAR * step["value"])]
    limited = defaults["custom"].get("thresholdsStyle") is not None
    return max(most, *(float(value) * 1.05 for value in near)) if near and limited else most


def _lines(paper: Paper, found: Sequence[Named], span: Span, *, filled: bool) -> str:
    drawn = []
    for each, colour in zip(found, colours([each.name for each in found]), strict=True):
        for part in _unbroken(each, span):
            points = [(paper.x(at), paper.y(max(value, 0))) for at, value in part]
            if filled and len(points) > 1:
                area = [(points[0][0], paper.floor), *points, (points[-1][0], paper.floor)]
                drawn.append(svg.path(area, closed=True, fill=colour, opacity=0.08))
            if len(points) == 1:
                drawn.append(svg.element("circle", cx=points[0][0], cy=points[0][1], r=1.6, fill=colour))
            drawn.append(svg.path(points, stroke=colour, stroke_width=1.7, stroke_linejoin="round"))
    return "".join(drawn)


def _stacked(paper: Paper, found: Sequence[Named], span: Span) -> str:
    count = round((span.end - span.start) / span.step) + 1
    base, drawn = [0.0] * count, []
    for each, colour in zip(found, colours([each.name for each in found]), strict=True):
        top = list(base)
        for at, value in each.series.points:
            top[round((at - span.start) / span.step)] += max(value, 0)
        xs = [paper.x(span.start + number * span.step) for number in range(count)]
        upper = [(x, paper.y(value)) for x, value in zip(xs, top, strict=True)]
        lower = [(x, paper.y(value)) for x, value in zip(xs, base, strict=True)]
        drawn.append(svg.path([*upper, *reversed(lower)], closed=True, fill=colour, opacity=0.42))
        drawn.append(svg.path(upper, stroke=colour, stroke_width=1.2))
        base = top
    return "".join(drawn)


def _unbroken(each: Named, span: Span) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = []
    last = -math.inf
    for at, value in each.series.points:
        if at - last > _GAP * span.step:
            parts.append([])
        parts[-1].append((at, value))
        last = at
    return parts


def _dot(x: float, y: float) -> str:
    square = [(x, y - 4), (x + 4, y), (x, y + 4), (x - 4, y)]
    return svg.path(square, closed=True, fill=CARD, stroke=INK, stroke_width=1.2, opacity=0.9)


def _legend(found: Sequence[Named], reading: Reading, width: float) -> tuple[str, float]:
    """The legend and its height; what does not fit is counted."""
    drawn, x, row, fills = [], 4.0, 0, colours([each.name for each in found])
    for place, each in enumerate(found):
        name, value = svg.shortened(each.name, width * 0.6), reading.text(each.last)
        wide = 16 + svg.width_of(name) + 6 + svg.width_of(value) + 16
        if x + wide > width and x > 4:  # noqa: PLR2004 - where a line begins
            x, row = 4.0, row + 1
        if row == _MOST_LINES - 1 and x + wide > width - _MORE and place < len(found) - 1:
            drawn.append(svg.text(x, row * _LEGEND_LINE + 12, f"+ {len(found) - place} more", font_size=11, fill=SOFT))
            break
        y = row * _LEGEND_LINE + 12
        drawn.append(svg.rect(x, y - 6, 10, 4, rx=2, fill=fills[place]))
        drawn.append(svg.text(x + 15, y, name, value, font_size=11, fill=SOFT))
        x += wide
    return "".join(drawn), (row + 1) * _LEGEND_LINE + 6
