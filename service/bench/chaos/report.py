"""What a chaos run has found, for people and for programs."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from service.bench.chaos.play import Report
from service.bench.chaos.verdict import SHOWN
from service.bench.report import commit_of


def print_report(console: Console, report: Report) -> None:
    """The table of promises, with what breaks them below."""
    median_s, longest_s = report.waited_s
    kills = sum(count for name, count in report.blows.items() if name.startswith("SIGKILL"))
    console.print(
        f"{len(report.bought)} buyers, {report.accepted} got a checkout (median {median_s:.2f} s, longest {longest_s:.1f} s, "
        f"repetitions included) · {kills} kills, {sum(report.blows.values()) - kills} stretches of faults",
        highlight=False,
    )
    console.print(", ".join(f"{count} {status}" for status, count in report.orders.most_common()), highlight=False)
    quiet = "never came to rest" if report.quiet_after_s is None else f"at rest after {report.quiet_after_s:.0f} s"
    console.print(f"[bold]{quiet}[/]", highlight=False)
    table = Table("promise", "", "looked at", "", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for check in report.checks:
        verdict = "[green]holds[/]" if check.holds else f"[bold red]broken {len(check.problems)} times[/]"
        table.add_row(f"[bold]{check.name}[/]", check.promise, str(check.seen), verdict)
    console.print(table)
    for check in report.checks:
        for problem in check.problems[:SHOWN]:
            console.print(f"  {check.name}: {problem}", highlight=False, markup=False)
    if not report.holds:
        console.print(f"Play it again with --seed {report.seed}", highlight=False)


def record(report: Report, *, at: datetime) -> dict[str, Any]:
    """The same as JSON."""
    median_s, longest_s = report.waited_s
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": "chaos",
        "seed": report.seed,
        "holds": report.holds,
        "buyers": len(report.bought),
        "accepted": report.accepted,
        "waited_s": {"median": round(median_s, 3), "longest": round(longest_s, 3)},
        "quiet_after_s": None if report.quiet_after_s is None else round(report.quiet_after_s, 1),
        "blows": dict(report.blows),
        "orders": dict(report.orders),
        "checks": [
            {"name": each.name, "promise": each.promise, "seen": each.seen, "problems": list(each.problems[:SHOWN])}
            for each in report.checks
        ],
    }
