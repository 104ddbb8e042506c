"""The table of a session: one line a drill, what is not green below it."""

import io
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from runbooks.drills.evidence import money, seconds
from runbooks.drills.report import Report

_COLUMNS = ("DRILL", "", "DETECT", "NOTIFY", "MITIGATE", "RECOVER", "FAILED", "SLOW", "NOT TAKEN", "PAGES")
_WIDTH = 132


def line(report: Report) -> str:
    """A drill that has ended, in one line: by when, and all that is wrong."""
    times = (("detected", report.detect_s), ("mitigated", report.mitigate_s), ("recovered", report.recover_s))
    told = [f"{what} {seconds(value)} s" for what, value in times if value is not None]
    verdict = "green" if report.is_green else f"NOT GREEN: {'; '.join(report.faults)}"
    return ", ".join([f"{report.drill}: {verdict}", *told, f"{report.wall_s:.0f} s in all"])


def text(reports: Iterable[Report], took_s: float, *, colour: bool) -> str:
    """For a terminal; plain when `colour` is off."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=colour, no_color=not colour, width=_WIDTH, highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    found = list(reports)
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in {"DRILL", "", "PAGES"} else "right", no_wrap=name != "PAGES")
    for each in found:
        price = each.price
        table.add_row(
            each.drill,
            "[green]green[/]" if each.is_green else "[red]NOT GREEN[/]",
            *(seconds(value) for value in (each.detect_s, each.notify_s, each.mitigate_s, each.recover_s)),
            str(price.get("checkouts_failed", 0)),
            str(price.get("checkouts_slow", 0)),
            money(price.get("cents_not_taken", 0)),
            ", ".join(each.pages) or "nobody",
        )
    console.print(table)
    for each in found:
        for fault in each.faults:
            console.print(f"[red]{each.drill}[/]: {fault}", soft_wrap=True)
    green = sum(each.is_green for each in found)
    console.print(f"\n{green} of {len(found)} green, {took_s:.0f} s; seconds are since the fault began")
    return out.getvalue()
