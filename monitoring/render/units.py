"""A value as a person reads it, by Grafana's names of units."""

from monitoring.render.theme import Steps, colour_of

_TIME = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"), (0.001, "ms"), (0.000_001, "µs"))
_BYTES = ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))
_LARGE = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
_SCALES = {"s": (_TIME, "s"), "bytes": (_BYTES, "B")}
_EXACT = 10_000  # up to here a count is written out
_TINY = 1e-9


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """With its unit; `decimals` None is as many as tell something."""
    if sizes := _SCALES.get(unit):
        return _scaled(value, *sizes, decimals)
    if unit == "short" and abs(value) >= _EXACT:
        return _scaled(value, _LARGE, "", decimals).replace(" ", "")
    if unit == "locale":
        return f"{value:,.{_places(value) if decimals is None else decimals}f}"
    if unit == "percentunit":
        return f"{_number(value * 100, decimals)}%"
    return f"{_number(value, decimals)}{'/s' if unit == 'ops' else ''}"


def ago(seconds: float) -> str:
    """A distance in time, in one unit."""
    for size, name in _TIME[:4]:
        if seconds >= size:
            return f"{seconds / size:.0f} {name} ago"
    return "now"


def _scaled(value: float, sizes: tuple[tuple[float, str], ...], least: str, decimals: int | None) -> str:
    for size, name in sizes:
        if abs(value) >= size:
            return f"{_number(value / size, decimals)} {name}"
    return f"{_number(0 if abs(value) < _TINY else value, decimals)} {least}".strip()


def _number(value: float, decimals: int | None) -> str:
    text = f"{value:.{_places(value) if decimals is None else decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text and decimals is None else text
    return "0" if text in {"-0", ""} else text


def _places(value: float) -> int:
    size = abs(value)
    return 0 if size >= 100 or size == int(size) else 1 if size >= 10 else 2  # noqa: PLR2004 - three digits tell enough


class Reading:
    """How the values of one panel, or of one column, are written and coloured."""

    def __init__(self, defaults: dict[str, object]) -> None:
        decimals = defaults.get("decimals")
        self.unit = str(defaults.get("unit", "none"))
        self.decimals = int(str(decimals)) if decimals is not None else None
        self.steps: Steps = defaults["thresholds"]["steps"] if "thresholds" in defaults else []  # type: ignore[index]
        self.names: dict[str, dict[str, str]] = {}
        for mapping in defaults.get("mappings") or ():  # type: ignore[attr-defined]
            self.names |= mapping["options"]

    def text(self, value: float) -> str:
        named = self.names.get(f"{value:g}")
        return named["text"] if named else written(value, self.unit, self.decimals)

    def colour(self, value: float) -> str:
        named = self.names.get(f"{value:g}")
        return colour_of(named["color"]) if named else colour_of(_step(self.steps, value))


def _step(steps: Steps, value: float) -> str:
    colour = "blue"
    for step in steps:
        if step["value"] is None or value >= step["value"]:
            colour = str(step["color"])
    return colour
