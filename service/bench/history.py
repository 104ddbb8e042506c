"""What was measured before, from the history's lines: each benchmark over the commits, and every target with its latest figure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from service.bench.targets import figures, newest

LEAST_CHANGE = 0.1  # of a figure; less is the weather of a machine with neighbours
_SHOWN = 19  # of a moment in ISO 8601: to the second


def read(path: Path) -> list[dict[str, Any]]:
    """All records, oldest first; none where nothing was measured yet. Raises `ValueError` for what is no history."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def changes(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str, float, float | None]]:
    """Each figure of each record, with its change from the last one that was measured alike, on the same machine."""
    before: dict[tuple[object, ...], float] = {}
    for each in records:
        for name, value in figures(each).items():
            alike = (each["benchmark"], each.get("connections"), json.dumps(each.get("orders")), name, _machine(each))
            last = before.get(alike)
            yield each, name, value, value / last - 1 if last else None
            before[alike] = value


def _machine(told: Mapping[str, Any]) -> str:
    known = told.get("machine") or {}
    return f"{known.get('processor')} {known.get('cores')}"


def print_history(console: Console, records: Sequence[Mapping[str, Any]], *, most: int) -> None:
    """One line a figure, the newest last."""
    table = Table(box=None, pad_edge=False)
    for head in ("when", "commit", "benchmark", "figure", "value", "change"):
        table.add_column(head, justify="right" if head in {"value", "change"} else "left")
    for told, name, value, change in list(changes(records))[-most:]:
        at = f" at {told['connections']}" if told.get("connections") else ""
        moved = "" if change is None else f"{change:+.0%}"
        marked = f"[bold]{moved}[/]" if change and abs(change) >= LEAST_CHANGE else moved
        when = told["at"][:_SHOWN].replace("T", " ")
        table.add_row(when, told.get("commit", ""), f"{told['benchmark']}{at}", name, f"{value:,.2f}", marked)
    console.print(table)


def print_targets(console: Console, records: Sequence[Mapping[str, Any]]) -> None:
    """How fast it ought to be, and how fast it was when it was measured last."""
    table = Table("what", "target", "measured", "", "commit", box=None, pad_edge=False)
    for target, value, told in newest(records):
        verdict = "" if value is None else "[green]holds[/]" if target.holds(value) else "[bold red]misses[/]"
        shown = "not yet" if value is None else f"{value:,.2f}"
        table.add_row(target.what, target.said, shown, verdict, told.get("commit", ""))
    console.print(table)
