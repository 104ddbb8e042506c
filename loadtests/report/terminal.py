"""The report on a terminal: the verdict and why, the three rows to look at first, knee and headroom, then all of it."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtests.findings import Findings, Played
from loadtests.report import words
from loadtests.result import ALL
from loadtests.verdict import Row, Verdict

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.UNHEALTHY: "red",
    Verdict.MONEY: "bold red",
}
_SIGNS = {
    Verdict.PASS: "holds",
    Verdict.FAIL: "FAILS",
    Verdict.INCONCLUSIVE: "unknown",
    Verdict.UNHEALTHY: "UNHEALTHY",
    Verdict.MONEY: "MONEY",
}
_LEFT = {"what", "scenario", "request", "interval", "why"}


def show(console: Console, findings: Findings) -> None:
    """All of it, the answer first."""
    colour = "yellow" if findings.interrupted else _COLOURS[findings.verdict]
    console.print(Text.assemble((words.head(findings), f"bold {colour}"), "  ", words.sentence(findings)))
    for reason in words.why(findings):
        console.print(Text(f"  {reason}"), soft_wrap=True)
    console.print(Text(f"{words.release(findings)}; {words.span(findings.seconds)}", "dim"), soft_wrap=True)
    console.print()
    console.print(_rows(words.first(findings), "look here first"))
    for name, figure, remark in words.knee(findings):
        console.print(Text.assemble((f"{name:<16}", "bold"), figure, (f"  {remark}" if remark else "", "dim")))
    if findings.played:
        console.print()
        console.print(_played(findings.played))
    for request in words.traced(findings):
        console.print(Text(request), soft_wrap=True)
    for note in (*words.settings(findings), *findings.notes):
        console.print(Text(note, "dim"), soft_wrap=True)


def everything(console: Console, findings: Findings) -> None:
    """Each row that was judged, for who wants to see them all."""
    console.print(_rows(findings.rows, "what"))


def _rows(rows: Iterable[Row], title: str) -> Table:
    table = _table(title, "scenario", "found", "limit", "interval", "")
    for row in rows:
        limit = words.limit(row) if row.limit is not None else ""
        found = words.value(row.found, row.unit) if row.limit is not None else ""
        sign = Text(_SIGNS[row.verdict], _COLOURS[row.verdict])
        table.add_row(words.name(row), row.scenario, found, limit, words.interval(row), sign)
    return table


def _played(played: Iterable[Played]) -> Table:
    table = _table("scenario", "requests", "a second", "p50 ms", "p99 ms", "refused", "failed", "unsent", "")
    for each in played:
        line = next((line for line in each.lines if line.name == ALL), None)
        figures = ("", "", "", "", "", "")
        if line:
            figures = (
                *(f"{line.count:,}", f"{line.rate:.0f}", f"{line.p50:,.0f}", f"{line.p99:,.0f}"),
                *(f"{line.refused:,}", f"{line.failed:,}"),
            )
        sign = Text(_SIGNS[each.verdict], _COLOURS[each.verdict])
        table.add_row(each.scenario, *figures, f"{each.unsent:,}", sign)
    return table


def _table(first: str, *heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first)
    for head in heads:
        table.add_column(head, justify="left" if head in _LEFT or not head else "right", overflow="fold")
    return table
