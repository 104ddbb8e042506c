"""`cubano drill`: break something on purpose, in a system of its own, and see whether alert, playbook and people mend it.

Exit codes: 0 all green, 1 one was not, 2 usage.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runbooks.drills.drill import Drill
    from runbooks.drills.report import Report


@click.group()
def drill() -> None:
    """Faults on purpose, in a system of their own: does the alert come, does the playbook mend it?"""


@drill.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
def list_drills(*, as_json: bool) -> None:
    """List all drills: which playbook each proves, and what it breaks."""
    from runbooks.drills.drill import load_drills  # noqa: PLC0415 - needs what only the commands of runbooks need

    found = load_drills()
    if as_json:
        rows = [
            {"drill": each.drill, "playbook": each.playbook, "faults": [fault.do for fault in each.faults]}
            for each in found.values()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'DRILL':34} {'PLAYBOOK':26} WHAT IT BREAKS")
    for each in found.values():
        broken = ", ".join(fault.do for fault in each.faults) or "nothing"
        click.echo(f"{each.drill:34} {each.playbook or '(must stay silent)':26} {broken}")


@drill.command()
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many are played side by side, each on a system of its own; one takes most of a core.",
)
@click.option("--json", "as_json", is_flag=True, help="The reports as one JSON document on stdout.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".cubano/drills"),
    show_default=True,
    help="Where the evidence is written.",
)
@click.option("--scale", type=click.IntRange(1, 600), help="1 is the pace of production; 40 otherwise.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Keep the system's data here.")
def run(
    *,
    names: tuple[str, ...],
    every: bool,
    jobs: int,
    as_json: bool,
    out: Path,
    scale: int | None,
    state: Path | None,
) -> None:
    """Start a system, break it, wait for the alert, approve, verify, and print what it cost in seconds, people and cents."""
    from runbooks.drills import evidence, table  # noqa: PLC0415 - as above
    from runbooks.drills.drill import SCALE  # noqa: PLC0415
    from runbooks.drills.session import run_drills  # noqa: PLC0415

    chosen = _chosen(names, every=every)
    began, written = time.monotonic(), 0

    def say(said: str) -> None:
        if jobs == 1:  # of several at once nobody could say whose line it is
            click.echo(said, err=True)

    def ended(report: "Report") -> None:
        nonlocal written
        written += 1
        evidence.write(report, out)  # at once: what was played counts, whatever becomes of the others
        click.echo(f"{written}/{len(chosen)} {table.line(report)}", err=True)

    with tempfile.TemporaryDirectory(prefix="cubano-drill-") as scratch:
        folder = state or Path(scratch)
        reports = run_drills(chosen, folder, scale or SCALE, say, jobs=jobs, ended=ended)
    if as_json:
        import msgspec  # noqa: PLC0415 - as above

        click.echo(msgspec.json.encode(reports).decode())
    else:
        click.echo(table.text(reports, time.monotonic() - began, colour=sys.stdout.isatty()))
        click.echo(f"evidence: {out}/")
    sys.exit(0 if all(each.is_green for each in reports) else 1)


def _chosen(names: tuple[str, ...], *, every: bool) -> list["Drill"]:
    from runbooks.drills.drill import load_drills  # noqa: PLC0415 - as above

    known = load_drills()
    unknown = sorted(set(names) - set(known))
    if unknown or not (names or every):
        raise click.UsageError(f"No such drill: {', '.join(unknown)}." if unknown else "Name a drill, or say --all.")
    return [known[name] for name in (known if every else dict.fromkeys(names))]
