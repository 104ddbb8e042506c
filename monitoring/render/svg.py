"""The few SVG elements a dashboard is made of, as text; everything written is escaped here."""

from collections.abc import Iterable
from html import escape

from monitoring.render.theme import INK

Points = Iterable[tuple[float, float]]


def element(name: str, inner: str = "", /, **attributes: object) -> str:
    """`stroke_width=2` is `stroke-width="2"`; numbers keep one decimal."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def text(x: float, y: float, words: str, strong: str = "", **attributes: object) -> str:
    """`strong` follows the words, darker."""
    told = f' <tspan font-weight="600" fill="{INK}">{escape(strong)}</tspan>' if strong else ""
    return element("text", escape(words) + told, x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    return element("rect", x=x, y=y, width=max(width, 0), height=max(height, 0), **attributes)


def path(points: Points, *, closed: bool = False, **attributes: object) -> str:
    """Through all points in their order."""
    steps = " ".join(f"{'L' if place else 'M'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(points))
    return element("path", d=f"{steps} Z" if closed else steps, **{"fill": "none", **attributes})


def drawing(width: float, height: float, *parts: str) -> str:
    view = f"0 0 {width:.0f} {height:.0f}"
    return element("svg", "".join(parts) or "<g/>", viewBox=view, width=round(width), height=round(height))


def shortened(words: str, width: float, size: float = 11) -> str:
    """What of it fits into a width, by an average letter."""
    fits = int(width / (size * 0.54))
    return words if len(words) <= fits else f"{words[: max(fits - 1, 1)]}…"


def width_of(words: str, size: float = 11) -> float:
    return len(words) * size * 0.54


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value), quote=True)
