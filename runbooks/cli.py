"""`cubano runbook`: playbooks read, judged, explained with live figures, and printed.

Each command loads what it needs when it is called. Exit codes: 0 well, 1 found something wrong, 2 usage.
"""

from pathlib import Path

import click

from runbooks.cli_runs import COMMANDS

PROMETHEUS = "http://127.0.0.1:9090"  # of `cubano up`
_PLAYBOOKS = Path(__file__).parent / "playbooks"

_folder = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_PLAYBOOKS,
    show_default="runbooks/playbooks",
    help="Where the playbooks are.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")


@click.group()
def runbook() -> None:
    """Playbooks: what to do when an alert fires, and what is done by itself."""


@runbook.command(name="ls")
@_folder
@_as_json
def list_playbooks(*, folder: Path, as_json: bool) -> None:
    """List all playbooks: the alert, whether it acts, how far by itself, and the drill that proves it."""
    from runbooks.commands import shelf  # noqa: PLC0415 - loads only what is called

    shelf.ls(folder, as_json=as_json)


@runbook.command()
@click.argument("name")
@_folder
@_as_json
def show(*, name: str, folder: Path, as_json: bool) -> None:
    """Show the playbook NAME, or that of the alert NAME, its steps in plain words."""
    from runbooks.commands import shelf  # noqa: PLC0415 - loads only what is called

    shelf.show(folder, name, as_json=as_json)


@runbook.command()
@click.argument("names", nargs=-1)
@_folder
@_as_json
def lint(*, names: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Say what is wrong with the playbooks NAMES, or with any of all: each fault with its line and how to mend it."""
    from runbooks.commands import shelf  # noqa: PLC0415 - loads only what is called

    shelf.lint_all(folder, names, as_json=as_json)


@runbook.command()
@click.argument("alert")
@click.option("--prometheus", default=PROMETHEUS, show_default=True, help="Where the figures are.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label, when the alert does not fire.")
@_folder
@_as_json
def explain(*, alert: str, prometheus: str, labels: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """One page about ALERT for whoever is on call, with live figures. Nothing is changed.

    Exit code 1 when Prometheus does not answer; the page is printed all the same.
    """
    from runbooks.commands import explain as explaining  # noqa: PLC0415 - loads only what is called

    try:
        given = explaining.options(labels)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--label") from error
    explaining.explain(folder, alert, prometheus=prometheus, labels=given, as_json=as_json)


@runbook.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder for the pages.")
@_folder
def render(*, out: Path, folder: Path) -> None:
    """Write all playbooks as pages to print or to keep where no server is; begin at index.html."""
    from runbooks.commands import render as rendering  # noqa: PLC0415 - loads only what is called

    count = rendering.render(folder, out)
    click.echo(f"{count} playbooks are in {out}; begin at {out / 'index.html'}")


for _command in COMMANDS:
    runbook.add_command(_command)
