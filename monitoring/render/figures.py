"""Single figures and bars: what a phone shows first."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.render import axes, svg
from monitoring.render.read import Named
from monitoring.render.theme import INK, LINE, SOFT
from monitoring.render.units import Reading

_LARGEST, _SMALLEST, _TALL = 38, 15, 180
_BAR_MOST, _BAR_LEAST = 30, 15


def stat(panel: Mapping[str, Any], found: Sequence[Named], *, size: tuple[float, float]) -> str:
    """One figure, or some beside each other with their names, each with its way there behind it."""
    defaults = panel["fieldConfig"]["defaults"]
    width, height = size
    if not found:
        return axes.nothing(width, height, defaults["noValue"])
    reading, share = Reading(defaults), width / len(found)
    stacked = len(found) > 1 and share < 110  # noqa: PLR2004 - a figure needs as many pixels
    drawn = []
    for place, each in enumerate(found):
        box = (width, height / len(found)) if stacked else (share, height)
        at = f"translate(0 {place * box[1]:.1f})" if stacked else f"translate({place * box[0]:.1f} 0)"
        named = each.name if len(found) > 1 or panel["targets"][0].get("legendFormat") else ""
        drawn.append(svg.element("g", _figure(each, reading, named, box), transform=at))
    return svg.drawing(width, height, *drawn)


def _figure(each: Named, reading: Reading, name: str, box: tuple[float, float]) -> str:
    width, height = box
    words, colour = reading.text(each.last), reading.colour(each.last)
    size = max(
        min(
            _LARGEST if height < _TALL else _LARGEST * 1.5,
            (width - 12) / (len(words) * 0.58),
            height * (0.36 if name else 0.44),
        ),
        _SMALLEST,
    )
    middle = height * (0.5 if name else 0.46) + size * 0.3
    parts = [_way(each, colour, width, height)]
    if name:
        parts.append(svg.text(width / 2, middle - size, name, text_anchor="middle", font_size=12, fill=SOFT))
    parts.append(svg.text(width / 2, middle, words, text_anchor="middle", font_size=size, font_weight=700, fill=colour))
    return "".join(parts)


def _way(each: Named, colour: str, width: float, height: float) -> str:
    """The line behind a figure, in the lower third."""
    points = each.series.points
    if len(points) < 3:  # noqa: PLR2004 - two points are no way
        return ""
    low, high = (pick(value for _, value in points) for pick in (min, max))
    start, end, deep = points[0][0], points[-1][0], height * 0.26
    flat = high == low
    drawn = [
        (
            (at - start) / (end - start) * width,
            height - (deep * 0.3 if flat else (value - low) / (high - low) * deep) - 2,
        )
        for at, value in points
    ]
    area = svg.path([(0, height), *drawn, (width, height)], closed=True, fill=colour, opacity=0.1)
    return area + svg.path(drawn, stroke=colour, stroke_width=1.5, opacity=0.55)


def bars(panel: Mapping[str, Any], found: Sequence[Named], *, size: tuple[float, float]) -> str:
    """A line each: name, bar, value; as many as fit, in the order of the answer."""
    defaults = panel["fieldConfig"]["defaults"]
    width, height = size
    if not found:
        return axes.nothing(width, height, defaults["noValue"])
    reading = Reading(defaults)
    fits = max(int(height // (_BAR_LEAST + 4)), 1)
    shown, deep = found[:fits], min(height / min(len(found), fits), _BAR_MOST + 6)
    names = min(max(svg.width_of(each.name, 12) for each in shown) + 10, width * 0.45)
    values = max(svg.width_of(reading.text(each.last), 12) for each in shown) + 10
    most = defaults.get("max") or max(each.last for each in shown) or 1
    drawn = []
    for place, each in enumerate(shown):
        y, thick = place * deep + 2, min(deep - 6, _BAR_MOST)
        room, middle = width - names - values, y + thick / 2 + 4
        drawn.append(svg.text(0, middle, svg.shortened(each.name, names, 12), font_size=12, fill=SOFT))
        drawn.append(svg.rect(names, y, room, thick, rx=3, fill=LINE))
        part = min(max(each.last / most, 0), 1) * room
        drawn.append(svg.rect(names, y, max(part, 2), thick, rx=3, fill=reading.colour(each.last), opacity=0.88))
        words = reading.text(each.last)
        drawn.append(svg.text(width, middle, words, text_anchor="end", font_size=12, fill=INK, font_weight=600))
    return svg.drawing(width, height, *drawn)
