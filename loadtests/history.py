"""What was measured before: one line of JSON for each gate and run, with the fingerprint of its machine.

Figures of two machines say nothing about two releases, so whoever compares them is refused, unless they insist.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from loadtests.findings import Findings
from loadtests.result import ALL, Machine
from loadtests.verdict import Verdict

FOLDER = Path(".cubano/load")
HISTORY = FOLDER / "history.jsonl"


class OtherMachine(ValueError):  # the fact itself
    """These figures are of another machine; the message says in what it differs."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    at: str
    what: str
    verdict: Verdict
    commit: str
    dirty: bool
    machine: Machine | None
    scenarios: list[str]
    requests: int
    figures: dict[str, float]  # medians of the rounds, else the percentiles of the run
    knee: float | None = None


def entry(findings: Findings) -> Entry:
    """The line of this."""
    return Entry(
        at=findings.began_at,
        what=findings.what,
        verdict=findings.verdict,
        commit=findings.commit,
        dirty=findings.dirty,
        machine=findings.machine,
        scenarios=[each.scenario for each in findings.played],
        requests=sum(line.count for each in findings.played for line in each.lines if line.name == ALL),
        figures=_figures(findings),
        knee=findings.headline.knee[0] if findings.headline else None,
    )


def _figures(findings: Findings) -> dict[str, float]:
    told = {
        f"{row.scenario} {row.name}": round(row.found, 4)
        for row in findings.rows
        if row.found is not None and row.verdict is not Verdict.INCONCLUSIVE
    }
    return dict(sorted(told.items()))


def remember(findings: Findings, path: Path = HISTORY) -> None:
    """Add its line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(entry(findings)) + b"\n")


def recall(path: Path = HISTORY) -> Iterator[Entry]:
    """All lines, the oldest first; one that cannot be read any more is left out."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=Entry)
        except msgspec.MsgspecError:
            continue  # of an older build


def refuse_others(machine: Machine | None, theirs: Machine | None, *, force: bool = False) -> None:
    """Raises `OtherMachine` when they differ and nobody insists."""
    if force or machine == theirs:
        return
    raise OtherMachine(
        f"That was measured on another machine ({'; '.join(_differ(machine, theirs))}), so it says nothing about this "
        "release. Measure the baseline here: `--against REF`; or say --force and believe nothing."
    )


def _differ(machine: Machine | None, theirs: Machine | None) -> Iterator[str]:
    here: dict[str, Any] = msgspec.structs.asdict(machine) if machine else {}
    there: dict[str, Any] = msgspec.structs.asdict(theirs) if theirs else {}
    for name in sorted({*here, *there}):
        if here.get(name) != there.get(name):
            yield f"{name}: {there.get(name, 'unknown')} there, {here.get(name, 'unknown')} here"
