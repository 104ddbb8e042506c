"""`cubano runbook plan|run|approve|…`: runs from a terminal, by way of the responder or alone when none is there.

Each command loads what it needs when it is called. Exit codes: 0 well, 1 it failed or was refused, 2 usage.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

_PLAYBOOKS = Path(__file__).parent / "playbooks"
_folder = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_PLAYBOOKS,
    show_default="runbooks/playbooks",
    help="Where the playbooks are, when no responder answers.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
_labels = click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="What the alert would bring.")
_token = click.option("--token", default="", metavar="TOKEN", help="A break-glass token, in place of signing in.")


@click.command()
@click.argument("name")
@_labels
@_folder
@_as_json
def plan(*, name: str, labels: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Say what the playbook NAME would find and change now. Nothing is changed."""
    from runbooks.commands import orders  # noqa: PLC0415 - loads only what is called

    _do(folder, lambda office: orders.plan(office, name, _read(labels), as_json=as_json))


@click.command()
@click.argument("name")
@_labels
@click.option("--approve", "approved", is_flag=True, help="Approve the plan that was made, whatever it says.")
@_folder
@_as_json
def run(*, name: str, labels: tuple[str, ...], approved: bool, folder: Path, as_json: bool) -> None:
    """Run the playbook NAME: plan it, and carry it out when it is approved."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.run(office, name, _read(labels), approved=approved, as_json=as_json))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--hash", "plan_hash", default="", metavar="HASH", help="Of the plan you have read; refused for another.")
@_token
@_folder
@_as_json
def approve(*, run_id: str, plan_hash: str, token: str, folder: Path, as_json: bool) -> None:
    """Approve the plan of RUN, and watch what comes of it."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.approve(office, run_id, plan_hash, token=token, as_json=as_json))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", required=True, help="Why; it is kept.")
@_folder
def refuse(*, run_id: str, reason: str, folder: Path) -> None:
    """Say no to the plan of RUN. Nothing is changed."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.decide(office, run_id, "refuse", reason=reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@click.argument("text")
@_folder
def answer(*, run_id: str, step: str, text: str, folder: Path) -> None:
    """Tell RUN what you did or saw for STEP; it goes on with that."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.decide(office, run_id, "answer", follow=True, step=step, text=text))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Why; it is kept.")
@_folder
def abort(*, run_id: str, reason: str, folder: Path) -> None:
    """End RUN where it stands. What it did goes back by itself, or by `undo`."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.decide(office, run_id, "abort", reason=reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@_folder
def undo(*, run_id: str, folder: Path) -> None:
    """Put back what the ended RUN did, the last first."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.decide(office, run_id, "undo"))


@click.command(name="runs")
@click.argument("run_id", metavar="[RUN]", default="")
@_folder
@_as_json
def list_runs(*, run_id: str, folder: Path, as_json: bool) -> None:
    """List the runs, the newest first; or show RUN with its plan."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.runs(office, run_id, as_json=as_json))


@click.group()
def journal() -> None:
    """What was done, line by line."""


@journal.command()
def verify() -> None:
    """Check that no line of the journal was edited, removed or moved. Exit code 1 names each place."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    orders.verify_journal(_environment())


@journal.command()
@click.option("--run", "run_id", default="", metavar="RUN", help="Of one run alone.")
@click.option("--lines", default=30, show_default=True, type=click.IntRange(1, 10_000), help="How many, from the end.")
@_as_json
def tail(*, run_id: str, lines: int, as_json: bool) -> None:
    """Print the last lines of the journal."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    orders.tail_journal(_environment(), run_id, lines, as_json=as_json)


@click.command()
@click.option("--reason", required=True, help="Why; everybody sees it.")
@_folder
def pause(*, reason: str, folder: Path) -> None:
    """The kill switch: no run changes anything any more, from the next step on."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.passive(office, on=True, reason=reason))


@click.command()
@click.option("--reason", required=True, help="Why it is well again.")
@_folder
def resume(*, reason: str, folder: Path) -> None:
    """Take the kill switch off."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, lambda office: orders.passive(office, on=False, reason=reason))


@click.command(name="break-glass")
@_folder
def break_glass(*, folder: Path) -> None:
    """Print a token that approves one plan when nobody can sign in. Keep it where no computer is; its use is journaled."""
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    _do(folder, orders.break_glass)


COMMANDS: tuple[click.Command, ...] = (
    *(plan, run, approve, refuse, answer, abort, undo, list_runs, journal, pause, resume, break_glass),
)


def _do(folder: Path, order: Callable[[Any], Coroutine[Any, Any, int]]) -> None:
    from runbooks.commands import orders  # noqa: PLC0415 - as above

    raise SystemExit(orders.carry_out(_environment(), folder, order))


def _environment() -> dict[str, str]:
    import os  # noqa: PLC0415 - the environment is read by the command that needs it

    return dict(os.environ)


def _read(labels: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in labels:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{each} is not NAME=VALUE", param_hint="--label")
        found[name] = value
    return found
