"""Writes the generated parts of the documents and `.env.example`: `make docs`; `--check` only says which ones have drifted.

A part stands between `<!-- generated: WHAT ARGUMENT… -->` and `<!-- /generated -->` in any Markdown file of the project; WHAT is
a function of `PARTS`. A new kind of part is one function there, from its arguments to Markdown.
"""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.dialects import postgresql

from docs.lists import (
    actions,
    alerts,
    cases,
    coverage,
    differences,
    drills,
    fences,
    limits,
    matter,
    objectives,
    plan,
    reads,
    reasons,
    roles,
    scenarios,
    targets,
    verdicts,
    zones,
)

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- generated: (?P<what>[^\n]*?) -->\n).*?(<!-- /generated -->)", re.DOTALL)
WIDTH = 100  # columns of printed command help
OTEL = """\
# Where traces go; the other standard OTEL_ variables work too.
#OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
"""


def machine(noun: str) -> str:
    """The state diagram of a noun, printed from its transition table."""
    module = importlib.import_module(f"service.{noun}.machine")
    from service.kernel.machine import Machine  # noqa: PLC0415 - only this part needs the service

    found = [value for _, value in inspect.getmembers(module) if isinstance(value, Machine)]
    return "".join(f"```mermaid\n{each.mermaid()}```\n" for each in found)


def life() -> str:
    """The state diagram of a playbook's run."""
    from runbooks.engine.states import mermaid  # noqa: PLC0415 - only this part needs the engine

    return f"```mermaid\n{mermaid()}```\n"


def settings(whose: str = "service") -> str:
    """All settings of the service, or of the responder, with their defaults."""
    module = importlib.import_module({"service": "service.settings", "responder": "runbooks.settings"}[whose])
    rows = [
        f"| `{module.PREFIX}{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in module.Settings.model_fields.items()
    ]
    return "\n".join(["| setting | default | what it is |", "|---|---|---|", *rows, ""])


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"`{text}`" if text else "empty"


def metrics(prefix: str = "") -> str:
    """All metrics of the catalogue whose name starts with `prefix`."""
    from service.telemetry import catalogue  # noqa: PLC0415 - only this part needs the service

    rows = [
        f"| `{each.name}` | {type(each).__name__.lower()} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |"
        for each in catalogue.ALL
        if each.name.startswith(prefix)
    ]
    return "\n".join(["| metric | kind | labels | what it says |", "|---|---|---|---|", *rows, ""])


def help_of(*words: str) -> str:
    """What `cubano WORDS --help` prints."""
    from service.cli import main  # noqa: PLC0415 - only this part needs the service

    command: click.Command = main
    context = click.Context(main, info_name="cubano", terminal_width=WIDTH, max_content_width=WIDTH)
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            raise click.UsageError(f"`cubano {' '.join(words)}` is no command")
        command, context = found, click.Context(found, info_name=word, parent=context, terminal_width=WIDTH)
    return f"```text\n{command.get_help(context).rstrip()}\n```\n"


def tables(*names: str) -> str:
    """The columns of database tables, from the models the migrations are tested against."""
    from service.kernel.db import Tables  # noqa: PLC0415 - only this part needs the service

    importlib.import_module("service.parts")  # it imports all of them
    return "\n".join(_columns(Tables.metadata.tables[name]) for name in names)


def _columns(table: Any) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
    rows = [
        f"| `{column.name}` | {column.type.compile(dialect).lower()} | {'' if column.nullable else 'required'} "
        f"| {', '.join(f'→ `{key.target_fullname}`' for key in column.foreign_keys)} |"
        for column in table.columns
    ]
    head = [f"**`{table.name}`**", "", "| column | type | | refers to |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def invariants() -> str:
    """Every promise the data must keep."""
    from service.parts import INVARIANTS  # noqa: PLC0415 - only this part needs the service

    return "\n".join(
        ["| invariant | promise |", "|---|---|", *(f"| `{each.name}` | {each.promise} |" for each in INVARIANTS), ""]
    )


def capabilities(*providers: str) -> str:
    """What each provider declares, and how long it remembers, read from the class its entry point builds."""
    from service.gateways.base import Capability  # noqa: PLC0415 - only this part needs the service
    from service.gateways.registry import describe  # noqa: PLC0415

    classes = [describe(each) for each in providers]
    rows = [[f"`{each}`", *("yes" if each in one.capabilities else "-" for one in classes)] for each in Capability]
    rows += [
        [f"`lifetimes.{name}`", *(_span(getattr(one.lifetimes, name)) for one in classes)]
        for name in ("page", "checkout_key", "capture_key", "refund_key", "hold")
    ]
    head = ["", *(f"`{each}`" for each in providers)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def _span(span: timedelta | None) -> str:
    if span is None:
        return "the setting's"
    days, minutes = span.days, span.seconds // 60
    parts = [(days, "d"), (minutes // 60, "h"), (minutes % 60, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def source(path: str, *names: str) -> str:
    """A file of the project, or only what is called so in it: functions, classes, `Class.method`."""
    text = (ROOT / path).read_text()
    if names:
        found = dict(_named(ast.parse(text).body))
        text = "\n\n".join(_lines(text, found[name]) for name in names) + "\n"
    language = {".py": "python", ".toml": "toml"}[Path(path).suffix]
    return f"```{language}\n{text}```\n"


def _named(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _named(node.body, f"{node.name}.")


def _lines(text: str, node: ast.stmt) -> str:
    return textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]))


def routes() -> str:
    """Every route, what it needs, and what each role meets there."""
    from service.access.api import passages  # noqa: PLC0415 - only this part needs the service
    from service.access.rules import Role  # noqa: PLC0415
    from service.app import create_app  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    any_will_do = {
        "CUBANO_DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
        "CUBANO_SECRET_KEYS": "x" * 32,
        "CUBANO_STRIPE_API_KEY": "sk_test_x",
        "CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_x",
    }
    rows = [
        [f"`{each.method} {each.path}`", _needs(each), *(each.answer(role) for role in Role)]
        for each in passages(create_app(load_settings(any_will_do)))
    ]
    head = ["route", "needs", *Role]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def _needs(passage: Any) -> str:
    if passage.permission is None:
        return f"a session: {passage.staff}" if passage.staff else f"nothing: {passage.public}"
    return f"`{passage.permission}`" + (f"; {passage.hidden}" if passage.hidden else "")


PARTS: Mapping[str, Callable[..., str]] = {
    "actions": actions,
    "alerts": alerts,
    "capabilities": capabilities,
    "coverage": coverage,
    "differences": differences,
    "drills": drills,
    "scenarios": scenarios,
    "targets": targets,
    "cases": cases,
    "fences": fences,
    "help": help_of,
    "invariants": invariants,
    "life": life,
    "limits": limits,
    "machine": machine,
    "matter": matter,
    "metrics": metrics,
    "objectives": objectives,
    "plan": plan,
    "reads": reads,
    "reasons": reasons,
    "roles": roles,
    "routes": routes,
    "settings": settings,
    "source": source,
    "tables": tables,
    "verdicts": verdicts,
    "zones": zones,
}


def env_example() -> str:
    """`.env.example`: every setting with its help, those that have a default commented out."""
    from service.settings import PREFIX, Settings  # noqa: PLC0415 - only this part needs the service

    rows = [
        f"\n# {field.description}\n{'' if field.is_required() else '#'}{PREFIX}{name.upper()}={_example(field)}"
        for name, field in Settings.model_fields.items()
    ]
    head = [
        "# Generated by `make docs` from service/settings.py; edit there.",
        "# What has no # in front is required. `make up` needs none of this: it makes its own.",
    ]
    return "\n".join([*head, *rows, "", OTEL])


def _example(field: Any) -> str:
    value = "" if field.is_required() else _default(field).strip("`").removeprefix("empty")
    return f"'{value}'" if " " in value else value  # a shell may read the file too


def fill(text: str) -> str:
    """The document with every generated part written anew."""

    def write(found: re.Match[str]) -> str:
        what, *arguments = found["what"].split()
        return f"{found[1]}{PARTS[what](*arguments)}{found[3]}"

    return BLOCK.sub(write, text)


def documents() -> Iterator[Path]:
    """The Markdown files of the project."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a document has drifted.")
def generate(*, check: bool) -> None:
    """Write the generated parts of the documents."""
    wanted = {path: fill(path.read_text()) for path in documents()} | {ROOT / ".env.example": env_example()}
    drifted = {path: new for path, new in wanted.items() if not path.exists() or path.read_text() != new}
    for path, new in drifted.items():
        click.echo(f"{'drifted' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(new)
    if check and drifted:
        click.echo("`make docs` writes them again", err=True)
        sys.exit(1)


if __name__ == "__main__":
    generate()
