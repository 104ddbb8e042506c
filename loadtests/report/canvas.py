"""A drawing that becomes part of the page: SVG in the page's own colours and letters, with ids of its own.

matplotlib wants colours as figures, so each of these stands for a variable of the page's style, and so follows light and dark.
"""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtests.history import FOLDER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE, GOOD, WARN, BAD = "#010101", "#010102", "#010103", "#010104", "#010105", "#010106"
SERIES = ("#010107", "#010108", "#010109", "#01010a", "#01010b")
_VARIABLES = dict(
    zip((INK, SOFT, LINE, GOOD, WARN, BAD), ("ink", "soft", "line", "good", "warn", "bad"), strict=True)
) | {colour: f"s{number}" for number, colour in enumerate(SERIES, 1)}
WIDE, HIGH = 7.4, 3.6  # inches of 72 units
_STYLE = {
    "font.size": 11,
    "svg.fonttype": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


def svg(name: str, draw: Callable[["Axes"], None], *, wide: float = WIDE) -> str:
    """Draw on a figure of our own (no state of the library's is touched), and make it part of a page."""
    with _at_home():
        import matplotlib as mpl  # noqa: PLC0415 - heavy, and only for a page
        from matplotlib.figure import Figure  # noqa: PLC0415

    style: Any = {**_STYLE, "svg.hashsalt": name}  # its own type for this lists some hundred names
    with mpl.rc_context(style):
        figure = Figure(figsize=(wide, HIGH), layout="constrained")
        draw(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _of_the_page(out.getvalue()[out.getvalue().index("<svg") :], name)


@contextmanager
def _at_home() -> Iterator[None]:
    """While it is loaded it looks where to keep its list of fonts: in our folder, and not in the user's."""
    before = os.environ.get("MPLCONFIGDIR")
    folder = Path(before or FOLDER / "matplotlib").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MPLCONFIGDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MPLCONFIGDIR"]


def legend(axes: "Axes", *entries: object) -> None:
    """What is what, above the drawing, where it hides nothing; without `entries` it is all that has a label."""
    axes.legend(
        *entries,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=5,
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.4,
    )


def _of_the_page(drawn: str, name: str) -> str:
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    drawn = re.sub(r"font-family: [^;\"]+;?", "", drawn)  # the page's own letters
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)  # ids are unique in the page, not in one plot
    drawn = re.sub(r'(href="#|url\(#)', rf"\1{name}-", drawn)
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    return re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', rf'<svg class="plot" role="img" aria-label="{name}" viewBox="\1">', drawn, count=1)  # fmt: skip
