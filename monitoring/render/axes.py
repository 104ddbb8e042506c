"""The paper of a chart: where a moment and a value lie, lines with round figures, and the marks of what changed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from monitoring.render import svg
from monitoring.render.ask import Span
from monitoring.render.read import Mark
from monitoring.render.theme import FAINT, LINE, SOFT, colour_of
from monitoring.render.units import Reading

_ROUND = (1, 2, 2.5, 5, 10)
_TIMES_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800)
_SECONDS_OF = {"s": (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 172_800)}
_DAY_S = 86_400
_LEFT, _BOTTOM, _TOP = 46, 20, 6


@dataclass(frozen=True)
class Paper:
    """The area lines are drawn in; `top` is the highest value it shows."""

    span: Span
    width: float
    height: float
    top: float
    left: float = _LEFT

    def x(self, at: float) -> float:
        return self.left + (at - self.span.start) / (self.span.end - self.span.start) * (self.width - self.left - 6)

    def y(self, value: float) -> float:
        return _TOP + (1 - min(value / self.top, 1)) * (self.floor - _TOP)

    @property
    def floor(self) -> float:
        return self.height - _BOTTOM


def ruled(most: float, count: int, unit: str) -> list[float]:
    """Round figures from nothing to a little above the highest value."""
    if most <= 0:
        return [0, 1]
    rough = most / count
    if unit == "s" and rough >= 1:
        step = next((float(each) for each in _SECONDS_OF["s"] if each >= rough), math.ceil(rough / _DAY_S) * _DAY_S)
    else:
        power = 10 ** math.floor(math.log10(rough))
        step = next(each * power for each in _ROUND if each * power >= rough * 0.999)
    return [place * step for place in range(math.ceil(most / step - 1e-9) + 1)]


def lines(paper: Paper, values: list[float], reading: Reading) -> str:
    """Across, with the values beside them."""
    plain = Reading({"unit": reading.unit})
    return "".join(
        svg.line(paper.left, paper.y(value), paper.width - 6, paper.y(value), stroke=LINE)
        + svg.text(
            paper.left - 6, paper.y(value) + 3.5, plain.text(value), text_anchor="end", font_size=10.5, fill=FAINT
        )
        for value in values
    )


def clock(paper: Paper) -> str:
    """Moments in UTC beneath."""
    span, room = paper.span, max((paper.width - paper.left) / 74, 2)
    step = next((each for each in _TIMES_S if (span.end - span.start) / each <= room), _TIMES_S[-1])
    first = math.ceil(span.start / step) * step
    shown = "%d %b" if step >= _DAY_S else "%H:%M:%S" if step < 60 else "%H:%M"  # noqa: PLR2004 - seconds in a minute
    return "".join(
        svg.text(
            paper.x(at),
            paper.height - 5,
            datetime.fromtimestamp(at, UTC).strftime(shown),
            text_anchor="middle",
            font_size=10.5,
            fill=FAINT,
        )
        for at in range(int(first), int(span.end) + 1, step)
        if paper.left + 8 <= paper.x(at) <= paper.width - 18
    )


def changes(paper: Paper, marks: Iterable[Mark]) -> str:
    """Dashed where a process started, a band while a switch was moved."""
    drawn = []
    for mark in marks:
        start, end = (paper.x(min(max(at, paper.span.start), paper.span.end)) for at in (mark.start, mark.end))
        colour = colour_of(mark.colour)
        if end - start > 1:
            drawn.append(svg.rect(start, _TOP, end - start, paper.floor - _TOP, fill=colour, opacity=0.09))
        drawn.append(svg.line(start, _TOP, start, paper.floor, stroke=colour, stroke_dasharray="3 3", opacity=0.6))
        foot = [(start - 4, paper.floor + 5), (start + 4, paper.floor + 5), (start, paper.floor)]
        drawn.append(svg.path(foot, closed=True, fill=colour, opacity=0.75))
    return "".join(drawn)


def limits(paper: Paper, reading: Reading) -> str:
    """A dashed line where a threshold is, with what it is."""
    drawn = []
    for step in reading.steps:
        value = step["value"]
        if value is None or not 0 < value <= paper.top:
            continue
        y, colour = paper.y(value), colour_of(step["color"])
        words = f"limit {reading.text(value)}"
        drawn.append(svg.line(paper.left, y, paper.width - 6, y, stroke=colour, stroke_dasharray="6 4", opacity=0.85))
        drawn.append(
            svg.text(paper.width - 8, y - 4, words, text_anchor="end", font_size=10, fill=colour, font_weight=600)
        )
    return "".join(drawn)


def nothing(width: float, height: float, words: str) -> str:
    """What stands where there is nothing to draw."""
    said = svg.text(width / 2, height / 2 + 4, words, text_anchor="middle", font_size=13, fill=SOFT)
    return svg.drawing(width, height, said)
