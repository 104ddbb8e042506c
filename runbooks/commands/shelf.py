"""`ls`, `show` and `lint`: which playbooks there are, one of them on a terminal, and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markdown import Markdown
from rich.table import Table

from monitoring.alerts import ALERTS
from runbooks.commands.terminal import FOUND_WRONG, USAGE, chosen, console, fail, print_json, registry, tell_broken
from runbooks.drills.coverage import covered
from runbooks.engine import saying, shelves
from runbooks.engine.library import Library
from runbooks.engine.lint import ParserMissingError, lint
from runbooks.engine.playbook import Playbook


def ls(folder: Path, *, as_json: bool) -> None:
    library = Library.load(folder)
    if as_json:
        print_json([_row(each) for each in library.all])
    else:
        table = Table("alert", "playbook", "executable", "autonomy", "drill", box=None, pad_edge=False)
        for each in library.all:
            started = ", ".join(each.alerts) or each.schedule
            table.add_row(started, each.name, _yes(each), each.autonomy, each.drill or "-")
        console().print(table)
        console().print(f"\n{covered(library).line}", soft_wrap=True)
    tell_broken(library)


def show(folder: Path, name: str, *, as_json: bool) -> None:
    library = Library.load(folder)
    playbook = chosen(library, name)
    if as_json:
        print_json({**_row(playbook), "text": library.texts[playbook.name]})
    else:
        console().print(Markdown(saying.page(playbook, registry()), hyperlinks=False))


def lint_all(folder: Path, names: Sequence[str], *, as_json: bool) -> None:
    """All of them are held against each other; told are the faults of those asked for."""
    library = Library.load(folder)
    for name in names:
        if not any(fault.path.endswith(f"/{name}.md") for fault in library.faults):
            chosen(library, name)
    try:
        found = lint(library, registry(), alerts=ALERTS, drills=shelves.drills(), dashboards=shelves.dashboards())
    except ParserMissingError as error:
        fail(f"Queries cannot be judged without {error}: `make setup` installs promql-parser", code=USAGE)
    told = [fault for fault in found if not names or Path(fault.path).stem in names]
    if as_json:
        print_json([asdict(fault) for fault in told])
    else:
        for fault in told:
            console().print(str(fault), markup=False, soft_wrap=True)
        shown = len(names) or len(library.all)
        console().print(f"{shown} playbooks, {len(told)} faults" if told else f"{shown} playbooks, nothing wrong")
    if told:
        raise SystemExit(FOUND_WRONG)


def _row(playbook: Playbook) -> dict[str, Any]:
    return {
        "playbook": playbook.name,
        "alerts": playbook.alerts,
        "executable": playbook.is_executable,
        "autonomy": playbook.autonomy,
        "drill": playbook.drill,
        "domain": playbook.domain,
        "schedule": playbook.schedule,
        "version": playbook.version,
    }


def _yes(playbook: Playbook) -> str:
    return "yes" if playbook.is_executable else "-"
