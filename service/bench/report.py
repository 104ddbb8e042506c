"""What a run has found, for people and for programs: a table with its reading, and one line of JSON in the history."""

import math
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from service.bench.machine import Machine
from service.bench.suite import LOOP, Line, Outcome
from service.bench.targets import sentences

HISTORY = Path(".cubano/bench/history.jsonl")
BUSY = 0.85  # of a core, or of all cores: from here on it is what limits
CROWDED = 0.3  # of a core used by other programs: the figures are not this machine's best
_WATCHED = {
    "serve": "serve",
    "work": "work",
    "postgres": "postgres",
    "emulate": "gateway's stand-in",
    "generator": "generator",
}
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def record(outcome: Outcome, machine: Machine, *, at: datetime) -> dict[str, Any]:
    """Everything that is worth comparing later, as JSON."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": outcome.benchmark.name,
        "connections": outcome.connections,
        "holds": outcome.holds,
        "written": outcome.written,
        "ratios": {name: round(ratio, 3) for name, ratio in outcome.ratios.items()},
        "measures": [_measure(line) for line in outcome.lines],
        "statements": {text: round(calls, 3) for text, calls in outcome.statements},
        "statements_per_request": round(per_request(outcome), 3),
        "commits_per_request": round(commits(outcome), 3),
        "wrong": list(outcome.wrong),
        "limits": list(limits(outcome, machine)),
        "machine": msgspec.to_builtins(machine),
    }


def per_request(outcome: Outcome) -> float:
    return sum(calls for _, calls in outcome.statements)


def commits(outcome: Outcome) -> float:
    """Commits a request: those that are said, or each writing statement where none is said."""
    said = sum(calls for text, calls in outcome.statements if text == "COMMIT")
    return said or sum(calls for text, calls in outcome.statements if text.startswith("INSERT"))


def limits(outcome: Outcome, machine: Machine) -> Iterator[str]:
    """What limited the product, as measured facts; the first one is the reason."""
    shares = _shares(outcome.product)
    everything = shares.get("machine", 0)
    ours = {part: share for part, share in shares.items() if part != "machine"}
    others = max(0.0, everything - sum(ours.values()))
    saturated = [_WATCHED[part] for part, share in ours.items() if share >= BUSY]
    crowded = others >= CROWDED and everything >= BUSY * machine.cores
    if saturated:
        yield f"{' and '.join(saturated)}: at the end of one core ({outcome.benchmark.process} is one process)"
    elif crowded:
        yield "other programs of this machine"
    elif everything >= BUSY * machine.cores:
        yield f"the machine: all {machine.cores} cores are busy"
    elif everything:
        yield f"waiting, not processors: one durable page takes this disk {machine.flush_ms} ms"
    if crowded:
        yield f"other programs used {others:.2f} of {machine.cores} cores: of those the reference's many processes get more"
    yield "cores used: " + ", ".join(f"{_WATCHED[part]} {share:.2f}" for part, share in ours.items())
    process = outcome.benchmark.process
    if ours.get(process):
        alone = outcome.product.completed / (outcome.product.used_s(process) or 1)
        yield f"by its processor time alone, {process} could do {alone:,.0f} a second on one core"


def print_outcome(console: Console, outcome: Outcome, machine: Machine) -> None:
    """The table of one benchmark, and below it what it means."""
    title = f"[bold]{outcome.benchmark.name}[/] · {outcome.connections} connections"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    process = outcome.benchmark.process
    for head in ("measure", "per second", "p50 ms", "p90 ms", "p99 ms", f"{process} µs", "postgres µs", "ratio"):
        table.add_column(head, justify="left" if head == "measure" else "right")
    for line in outcome.lines:
        ratio = outcome.ratios.get(line.measure)
        table.add_row(
            line.measure,
            f"{line.rate:,.0f}",
            *(_shown(line.percentile(share)) for share in _PERCENTILES.values()),
            *(
                _micros(line, part) if part == "postgres" or line.measure != LOOP else ""
                for part in (process, "postgres")
            ),
            f"{ratio:.2f}" if ratio is not None else "",
        )
    console.print(table)
    for text in _reading(outcome, machine):
        console.print(f"  {text}", highlight=False, markup=False)
    console.print()


def print_machine(console: Console, machine: Machine) -> None:
    console.print(
        f"{machine.processor}, {machine.cores} cores · {machine.system} · Python {machine.python} · "
        f"PostgreSQL {machine.postgres}, every commit flushed ({machine.flush_ms} ms)",
        highlight=False,
    )


def remember(records: list[dict[str, Any]], history: Path = HISTORY) -> None:
    """One line a record, at the end of the history."""
    history.parent.mkdir(parents=True, exist_ok=True)
    with history.open("ab") as file:
        for each in records:
            file.write(msgspec.json.encode(each) + b"\n")


def _reading(outcome: Outcome, machine: Machine) -> Iterator[str]:
    product, effect = outcome.product, outcome.benchmark.effect
    if effect:
        yield (
            f"{outcome.written:,} {effect}s written for {product.completed:,} answered; {per_request(outcome):.2f} "
            f"statements and {commits(outcome):.2f} commits for each"
        )
    if outcome.refused:
        yield f"FAILED: {outcome.refused:,} requests were refused"
    if again := product.failed - outcome.refused:
        yield f"{again:,} were asked to come again in a moment"
    for each in outcome.wrong:
        yield f"WRONG: {each}"
    for name, ratio in outcome.ratios.items():
        yield f"ratio {ratio:.2f} of {name}, median of {len(product.stretches)} rounds"
    yield from sentences({"benchmark": outcome.benchmark.name, "ratios": outcome.ratios})
    for number, text in enumerate(limits(outcome, machine)):
        yield f"limited by {text}" if number == 0 else text


def _shown(milliseconds: float) -> str:
    return "" if math.isnan(milliseconds) else f"{milliseconds:.1f}"


def _shares(line: Line) -> dict[str, float]:
    """Cores used by each part; those nobody started are left out."""
    parts = [*_WATCHED, "machine"]
    used = {part: line.used_s(part) for part in parts}
    return {part: seconds / line.seconds for part, seconds in used.items() if seconds is not None}


def _micros(line: Line, part: str) -> str:
    used = line.used_s(part)
    return f"{used / line.completed * 1e6:,.0f}" if used is not None and line.completed else ""


def _measure(line: Line) -> dict[str, Any]:
    return {
        "measure": line.measure,
        "rate": round(line.rate, 1),
        "rates": [round(each.rate, 1) for each in line.stretches],
        "completed": line.completed,
        "failed": line.failed,
        "milliseconds": {
            name: None if math.isnan(value := line.percentile(share)) else round(value, 2)
            for name, share in _PERCENTILES.items()
        },
        "cores": {part: round(share, 3) for part, share in _shares(line).items()},
    }


def commit_of() -> str:
    """The commit that ran, with a mark when files were changed since; empty outside of a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except OSError:
        return ""
    return found.stdout.strip()
