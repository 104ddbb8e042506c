"""What a dashboard is, before it is Grafana's JSON: pages of rows of panels, plain data that read as what they show.

A row's title is the question it answers; `tells` of a panel is what it shows and what to do about it. Widths are of
Grafana's 24 columns; on a phone every panel takes the whole width, so a row opens with its figures and the rest follows.
Expressions are PromQL of the 2.42 subset, made with `monitoring.signals`; `RATE` and `RANGE` stand for Grafana's windows.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

RATE = "$__rate_interval"  # at least four scrapes, at least one pixel
RANGE = "$__range"  # all that is shown
PROVIDER = "$provider"  # what the reader has chosen, as a regular expression
TICKET_TYPE = "$ticket_type"


class Shape(StrEnum):
    """The kinds of panel in use; the names are Grafana's plugin ids, and `cubano monitor render` draws each."""

    STAT = "stat"
    CHART = "timeseries"
    BARS = "bargauge"
    TABLE = "table"
    TIMELINE = "state-timeline"
    HEATMAP = "heatmap"


class Colour(StrEnum):
    """Of a threshold or of a state."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    BLUE = "blue"
    GREY = "#8e959e"


Steps = tuple[tuple[float | None, Colour], ...]  # the colour from a value on; None is the first
PLAIN: Steps = ((None, Colour.BLUE),)


@dataclass(frozen=True)
class Query:
    """One expression; `legend` names its series, with labels as `{{provider}}`. Exemplars lead to traces."""

    expr: str
    legend: str = ""
    exemplar: bool = False


@dataclass(frozen=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True)
class Column:
    """A column of a table: the label or `Value` it shows, under which heading."""

    name: str
    heading: str
    unit: str = ""
    steps: Steps = ()
    link: Link | None = None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`unit` is one of Grafana's; `names` shows a value as a word; `now` asks for one moment, not for a range."""

    shape: Shape
    title: str
    tells: str
    queries: tuple[Query, ...]
    unit: str
    wide: int
    high: int
    steps: Steps = PLAIN
    names: tuple[tuple[str, str, Colour], ...] = ()
    stacked: bool = False
    now: bool = False
    decimals: int | None = None
    most: float | None = None
    nothing: str = "nothing yet"
    columns: tuple[Column, ...] = ()
    links: tuple[Link, ...] = ()
    data_links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Row:
    """A question, and the panels that answer it."""

    question: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Page:
    """One dashboard; `asks` is what somebody opens it for."""

    uid: str
    title: str
    asks: str
    rows: tuple[Row, ...]
    window: str = "1h"
    refresh: str = "10s"
    links: tuple[Link, ...] = field(default=())


def stat(title: str, tells: str, *queries: Query, unit: str, **more: Any) -> Panel:
    """One figure, with its way there behind it."""
    return _panel(Shape.STAT, title, tells, queries, {"unit": unit, "wide": 4, "high": 4, **more})


def chart(title: str, tells: str, *queries: Query, unit: str, **more: Any) -> Panel:
    """Lines over time; `steps` above the first are drawn as limits."""
    return _panel(Shape.CHART, title, tells, queries, {"unit": unit, "wide": 12, "high": 8, **more})


def bars(title: str, tells: str, *queries: Query, unit: str, **more: Any) -> Panel:
    """Figures of now beside each other, the largest first."""
    return _panel(Shape.BARS, title, tells, queries, {"unit": unit, "wide": 8, "high": 8, "now": True, **more})


def table(title: str, tells: str, *queries: Query, columns: tuple[Column, ...], **more: Any) -> Panel:
    """Rows of now; every label that no column names is left out."""
    shown = {"unit": "short", "wide": 24, "high": 8, "now": True, "columns": columns, **more}
    return _panel(Shape.TABLE, title, tells, queries, shown)


def timeline(title: str, tells: str, *queries: Query, **more: Any) -> Panel:
    """Which state each thing was in, over time."""
    return _panel(Shape.TIMELINE, title, tells, queries, {"unit": "none", "wide": 24, "high": 6, **more})


def heatmap(title: str, tells: str, query: Query, *, unit: str, **more: Any) -> Panel:
    """How many observations fell into which bucket, over time."""
    return _panel(Shape.HEATMAP, title, tells, (query,), {"unit": unit, "wide": 12, "high": 8, **more})


def _panel(shape: Shape, title: str, tells: str, queries: tuple[Query, ...], rest: dict[str, Any]) -> Panel:
    return Panel(shape=shape, title=title, tells=tells, queries=queries, **rest)


def from_(bad: float, worse: float | None = None) -> Steps:
    """Good below the first value, red from the second on; with one, red from there."""
    if worse is None:
        return ((None, Colour.GREEN), (bad, Colour.RED))
    return ((None, Colour.GREEN), (bad, Colour.YELLOW), (worse, Colour.RED))


def at_least(target: float, close: float | None = None) -> Steps:
    """Red below, green from the target on; `close` is where red turns yellow."""
    if close is None:
        return ((None, Colour.RED), (target, Colour.GREEN))
    return ((None, Colour.RED), (close, Colour.YELLOW), (target, Colour.GREEN))


def placed(page: Page, *more: Row) -> Page:
    """The page with further rows at its end."""
    return replace(page, rows=(*page.rows, *more))
