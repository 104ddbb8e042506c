"""The page: a header, rows and panels where the dashboard has them, or below each other on a phone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from monitoring.render import bands, chart, figures, read
from monitoring.render.ask import Prometheus, Span
from monitoring.render.read import Mark
from monitoring.render.theme import CARD, FAINT, FONT, GROUND, INK, LINE, SOFT
from monitoring.render.units import Reading, ago

PHONE = 768  # pixels; Grafana puts panels below each other from here down, too
_COLUMNS, _UNIT, _GAP, _MARGIN, _ROW = 24, 30, 8, 20, 34
_HEAD, _PAD = 30, 10  # of a panel
_LINE = 26  # of a table
SAID = "drawn by cubano monitor render, not Grafana"


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float


def layout(panels: Sequence[Mapping[str, Any]], width: float) -> tuple[list[Box], float]:
    """Where each panel lies, and how deep the page is."""
    boxes = list(_below(panels, width) if width < PHONE else _beside(panels, width))
    return boxes, max(box.y + box.height for box in boxes) + _MARGIN


def _beside(panels: Sequence[Mapping[str, Any]], width: float) -> Iterator[Box]:
    """As the dashboard's grid has it."""
    column, line = (width - 2 * _MARGIN + _GAP) / _COLUMNS, _UNIT + _GAP
    for panel in panels:
        grid = panel["gridPos"]
        y, deep = grid["y"] * line, grid["h"] * line - _GAP
        yield Box(_MARGIN + grid["x"] * column, y, grid["w"] * column - _GAP, deep)


def _below(panels: Sequence[Mapping[str, Any]], width: float) -> Iterator[Box]:
    """One below the other; single figures in pairs."""
    y, half, left = 0.0, (width - 2 * 12 - _GAP) / 2, False
    kinds = [panel["type"] for panel in panels]
    for place, panel in enumerate(panels):
        pairs = kinds[place] == "stat" and (left or kinds[place + 1 : place + 2] == ["stat"])
        if kinds[place] == "row":
            box = Box(12, y, width - 24, _ROW)
        elif pairs:
            box = Box(12 + (half + _GAP if left else 0), y, half, 118)
        else:
            box = Box(12, y, width - 24, 112 if kinds[place] == "stat" else panel["gridPos"]["h"] * 30)
        yield box
        left = pairs and not left
        y += 0 if left else box.height + _GAP


def html(dashboard: Mapping[str, Any], prometheus: Prometheus, span: Span, *, width: int) -> str:
    """The whole page; it asks Prometheus as it goes and loads nothing."""
    marks = read.marks(dashboard, prometheus, span)
    boxes, deep = layout(dashboard["panels"], width)
    drawn = [
        _row(panel, box) if panel["type"] == "row" else _panel(panel, box, prometheus, span, marks)
        for panel, box in zip(dashboard["panels"], boxes, strict=True)
    ]
    title, asks = escape(dashboard["title"]), escape(dashboard["description"].partition(" (generated")[0])
    body = f'<main style="height:{deep:.0f}px">{"".join(drawn)}</main>'
    head = f"<header><h1>{title}</h1><p>{asks}</p><p class=when>{escape(_when(span, prometheus, marks))}</p></header>"
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_style(width)}</style>"
    return f"{page}<body>{head}{body}<footer>{SAID}</footer></body></html>\n"


def _when(span: Span, prometheus: Prometheus, marks: Sequence[Mark]) -> str:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (span.start, span.end))
    told = [f"{start:%d %B %Y %H:%M} to {end:%H:%M} UTC"]
    told += [f"{name}: {value}" for name, value in prometheus.chosen.items()]
    if marks:
        told.append("dashed: " + ", ".join(sorted({mark.words for mark in marks})))
    return " · ".join([*told, SAID])


def _row(panel: Mapping[str, Any], box: Box) -> str:
    return f'<h2 style="{_place(box)}">{escape(panel["title"])}</h2>'


def _panel(panel: Mapping[str, Any], box: Box, prometheus: Prometheus, span: Span, marks: Sequence[Mark]) -> str:
    size = box.width - 2 * _PAD, box.height - _HEAD - _PAD
    inner = _inside(panel, prometheus, span, size=size, marks=marks)
    title = f'<h3 title="{escape(panel["description"], quote=True)}">{escape(panel["title"])}</h3>'
    return f'<section style="{_place(box)}">{title}{inner}</section>'


def _inside(
    panel: Mapping[str, Any], prometheus: Prometheus, span: Span, *, size: tuple[float, float], marks: Sequence[Mark]
) -> str:
    if panel["type"] == "table":
        return _table(panel, prometheus, span, size)
    found = read.answers(panel, prometheus, span)
    match panel["type"]:
        case "stat":
            return figures.stat(panel, found, size=size)
        case "bargauge":
            return figures.bars(panel, found, size=size)
        case "state-timeline":
            return bands.timeline(panel, found, span, size=size, marks=marks)
        case "heatmap":
            return bands.heatmap(panel, found, span, size=size, marks=marks)
        case _:
            dots = read.exemplars(panel, prometheus, span)
            return chart.draw(panel, found, span, size=size, marks=marks, dots=dots)


def _table(panel: Mapping[str, Any], prometheus: Prometheus, span: Span, size: tuple[float, float]) -> str:
    headings, rows = read.table(panel, prometheus, span)
    if not rows:
        return (
            f'<p class=nothing style="height:{size[1]:.0f}px">{escape(panel["fieldConfig"]["defaults"]["noValue"])}</p>'
        )
    told = read.readings(panel, headings)
    fits = int((size[1] - 28) // _LINE)
    fits -= len(rows) > fits  # the last line says how many more there are
    lines = (
        "".join(_cell(value, reading, span) for value, reading in zip(row, told, strict=True)) for row in rows[:fits]
    )
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    more = f"<tr><td class=more>and {len(rows) - fits} more</td></tr>" if len(rows) > fits else ""
    return f"<table><tr>{head}</tr><tr>{'</tr><tr>'.join(lines)}</tr>{more}</table>"


def _cell(value: str | float | None, reading: Reading, span: Span) -> str:
    if value is None:
        return "<td>-</td>"
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    if reading.unit == "dateTimeFromNow":
        return f"<td>{ago(span.end - value / 1000)}</td>"
    colour = f' style="color:{reading.colour(value)};font-weight:600"' if reading.steps else ""
    return f"<td class=number{colour}>{escape(reading.text(value))}</td>"


def _place(box: Box) -> str:
    return f"left:{box.x:.1f}px;top:{box.y:.1f}px;width:{box.width:.1f}px;height:{box.height:.1f}px"


def _style(width: int) -> str:
    side = 12 if width < PHONE else _MARGIN
    return (
        f"*{{box-sizing:border-box;margin:0}}body{{background:{GROUND};color:{INK};font-family:{FONT};width:{width}px}}"
        f"header{{padding:18px {side}px 12px}}h1{{font-size:24px;letter-spacing:-.01em}}header p{{color:{SOFT};margin-top:4px;font-size:14px}}"
        f"header .when{{font-size:12px;color:{FAINT}}}main{{position:relative}}main>*{{position:absolute}}"
        f"h2{{font-size:15px;font-weight:650;display:flex;align-items:end;padding:0 2px 3px;color:{INK}}}"
        f"section{{background:{CARD};border:1px solid {LINE};border-radius:8px;overflow:hidden;padding:0 {_PAD}px {_PAD}px;"
        "box-shadow:0 1px 2px rgba(28,34,48,.04)}"
        f"h3{{font-size:12.5px;font-weight:600;color:{INK};height:{_HEAD}px;line-height:{_HEAD + 2}px;overflow:hidden;"
        "white-space:nowrap;text-overflow:ellipsis}svg{display:block;font-family:inherit}"
        f"table{{width:100%;border-collapse:collapse;font-size:12.5px}}th{{text-align:left;color:{SOFT};font-weight:600;"
        f"border-bottom:1px solid {LINE};height:26px;white-space:nowrap}}td{{height:25px;border-bottom:1px solid {LINE};padding-right:10px;"
        "max-width:320px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
        f".number{{font-variant-numeric:tabular-nums}}.more{{color:{FAINT};border:0}}.nothing{{display:flex;align-items:center;"
        f"justify-content:center;color:{SOFT};font-size:13px}}footer{{padding:4px {side}px 16px;color:{FAINT};font-size:11px}}"
    )
