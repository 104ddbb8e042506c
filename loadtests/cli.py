"""`cubano load`: may this release go out?

Exit codes: 0 pass, 1 a limit or a regression, 2 usage, 3 inconclusive, 4 the system was not well before anybody came,
5 money or seats are wrong, 130 ended before its end (what was measured until then is kept).
"""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadtests.capacity_cli import capacity_command
from loadtests.verdict import Verdict

if TYPE_CHECKING:
    from loadtests.baseline import Tree
    from loadtests.capacity import Capacity
    from loadtests.findings import Findings
    from loadtests.result import Ran
    from loadtests.stand import Stand

REPORTS = Path(".cubano/load/reports")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout; progress goes to stderr.")
_SEED = click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same crowd.")
_WORKERS = click.option(
    "--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="Generators that share the crowd."
)
_OUTPUT = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where the report is written; a new folder in {REPORTS} otherwise.",
)


@click.group()
def load() -> None:
    """May this release go out? Load, limits, money, and a comparison."""
    # Being told to end is Ctrl-C: everything that was started is ended on the way out, and what was measured is kept.
    # Said outright, because a shell that starts us in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


load.add_command(capacity_command)


@load.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
def ls(*, as_json: bool) -> None:
    """List all scenarios, and how long each is."""
    import msgspec  # noqa: PLC0415 - `cubano --help` loads this module

    from loadtests.scenario import SCENARIOS  # noqa: PLC0415

    if as_json:
        rows = [{"scenario": each.name, "seconds": each.seconds, "what": each.what} for each in SCENARIOS.values()]
        click.echo(msgspec.json.encode(rows).decode())
        return
    for each in SCENARIOS.values():
        click.echo(f"{each.name:<20}{each.seconds:>6.0f} s  {each.what}")


@load.command()
@click.argument("scenario")
@_SEED
@click.option("--scale", type=click.FloatRange(0.01, 100), default=1.0, show_default=True, help="Times the rates.")
@click.option("--seconds", type=click.FloatRange(0.05, 100), default=1.0, show_default=True, help="Times the length.")
@click.option(
    "--target",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `cubano up --json` printed; without it a system is started for the run.",
)
@_WORKERS
@click.option("--set", "given", multiple=True, metavar="CUBANO_NAME=VALUE", help="A setting of the system; repeatable.")
@_JSON
@_OUTPUT
def run(
    *,
    scenario: str,
    scale: float,
    seconds: float,
    target: Path | None,
    as_json: bool,
    output: Path | None,
    **crowd: Any,
) -> None:
    """Play one SCENARIO and judge it by the objectives, its ceilings, its alerts, and whether money is right."""
    from loadtests.run import run_one  # noqa: PLC0415 - `cubano --help` loads this module
    from loadtests.scenario import SCENARIOS  # noqa: PLC0415

    if scenario not in SCENARIOS:
        raise click.UsageError(
            f"There is no scenario {scenario!r}. There are: {', '.join(SCENARIOS)} (`cubano load ls`)."
        )
    stand = _stand(**crowd)
    findings = run_one(SCENARIOS[scenario].scaled(scale, seconds=seconds), stand, target)
    _tell(findings, [ran for ran, _ in stand.runs], None, as_json=as_json, output=output)


@load.command()
@click.option(
    "--against",
    metavar="REF|REPORT",
    help="What to compare with: a commit, which is run beside this tree, or the report.json of an earlier gate of this "
    "machine. The last release by default, or the commit before.",
)
@click.option("--alone", is_flag=True, help="Compare with nothing: only limits, money and alerts.")
@click.option("--short", is_flag=True, help="In small, two minutes: while you work, not before a release.")
@click.option("--force", is_flag=True, help="Compare with another machine's report. It says nothing.")
@_SEED
@_WORKERS
@click.option("--set", "given", multiple=True, metavar="CUBANO_NAME=VALUE", help="A setting of the system; repeatable.")
@_JSON
@_OUTPUT
def gate(
    *,
    against: str | None,
    alone: bool,
    short: bool,
    force: bool,
    as_json: bool,
    output: Path | None,
    **crowd: Any,
) -> None:
    """The whole gate, at most ten minutes: scenarios, the ramp to the knee, rounds beside a baseline; one verdict."""
    from loadtests.gate import SHORT, STANDARD, Gate  # noqa: PLC0415 - `cubano --help` loads this module

    if alone and against:
        raise click.UsageError("Either `--against` something or `--alone`.")
    stand = _stand(**crowd)
    played = Gate(stand, SHORT if short else STANDARD, None if alone else _baseline(against, force=force))
    whole = played.run()
    findings = played.findings(whole=whole)
    _tell(findings, [ran for ran, _ in stand.runs], played.capacity, as_json=as_json, output=output)


@load.command()
@_JSON
@_OUTPUT
def selftest(*, as_json: bool, output: Path | None) -> None:
    """Does the gate itself hold? The same beside the same passes, and a checkout slowed by 30 % fails."""
    from loadtests.selftest import prove  # noqa: PLC0415 - `cubano --help` loads this module

    _tell(prove(_say), [], None, as_json=as_json, output=output)


def _baseline(against: str | None, *, force: bool) -> "Tree | Findings":
    """The tree or report to compare with; what is not there is a usage error that says what to do."""
    from loadtests.baseline import NoBaseline, anchor, laid_out, report  # noqa: PLC0415 - as above
    from loadtests.history import OtherMachine  # noqa: PLC0415
    from loadtests.machine import fingerprint  # noqa: PLC0415

    try:
        if against and (against.endswith(".json") or Path(against).is_file()):
            return report(Path(against), fingerprint(""), force=force)
        return laid_out(against or anchor())
    except (NoBaseline, OtherMachine) as error:
        raise click.UsageError(str(error)) from error


def _stand(seed: int, workers: int, given: tuple[str, ...]) -> "Stand":
    from loadtests.stand import Stand  # noqa: PLC0415 - `cubano --help` loads this module

    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, sign, _ in pairs if not sign or not name.startswith("CUBANO_")]:
        raise click.UsageError(f"`--set` takes CUBANO_NAME=VALUE, not {wrong[0]!r}.")
    return Stand(_say, seed, workers, {name: value for name, _, value in pairs})


def _say(line: str) -> None:
    click.echo(f"{datetime.now(UTC):%H:%M:%S}  {line}", err=True)


def _tell(
    findings: "Findings", runs: "list[Ran]", capacity: "Capacity | None", *, as_json: bool, output: Path | None
) -> None:
    """Keep it, show it, and end with its code."""
    from rich.console import Console  # noqa: PLC0415 - `cubano --help` loads this module

    from loadtests import history, report  # noqa: PLC0415
    from loadtests.report import terminal  # noqa: PLC0415

    stamp = findings.began_at[:19].replace(":", "").replace("-", "")
    path = report.write(findings, output or REPORTS / f"{stamp}-{findings.what}", runs, capacity)
    history.remember(findings)
    if as_json:
        click.echo(report.as_json(findings).decode())
    else:
        console = Console(width=None if sys.stdout.isatty() else 140)
        terminal.show(console, findings)
        if findings.what == "run" or findings.verdict is not Verdict.PASS:
            console.print()
            terminal.everything(console, findings)
    click.echo(f"report: {path}", err=True)
    sys.exit(findings.exit_code)
