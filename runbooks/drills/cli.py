"""`cubano drill`: break something on purpose, in a system of its own, and see whether alert, playbook and people mend it.

Exit codes: 0 all green, 1 one was not, 2 usage.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import click


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
@click.option("--all", "every", is_flag=True, help="All of them, one after the other.")
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
    *, names: tuple[str, ...], every: bool, as_json: bool, out: Path, scale: int | None, state: Path | None
) -> None:
    """Start a system, break it, wait for the alert, approve, verify, and print what it cost in seconds, people and cents."""
    from runbooks.drills import evidence, table  # noqa: PLC0415 - as above
    from runbooks.drills.drill import SCALE, load_drills  # noqa: PLC0415
    from runbooks.drills.session import run_drills  # noqa: PLC0415

    known = load_drills()
    unknown = sorted(set(names) - set(known))
    if unknown or not (names or every):
        raise click.UsageError(f"No such drill: {', '.join(unknown)}." if unknown else "Name a drill, or say --all.")
    chosen = [known[name] for name in (known if every else names)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cubano-drill-") as scratch:
        reports = run_drills(chosen, state or Path(scratch), scale or SCALE, lambda said: click.echo(said, err=True))
    for each in reports:
        evidence.write(each, out)
    if as_json:
        import msgspec  # noqa: PLC0415 - as above

        click.echo(msgspec.json.encode(reports).decode())
    else:
        click.echo(table.text(reports, time.monotonic() - began, colour=sys.stdout.isatty()))
        click.echo(f"evidence: {out}/")
    sys.exit(0 if all(each.is_green for each in reports) else 1)
