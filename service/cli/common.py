"""What several commands share: settings or a clear refusal, a database for the length of a command, output for two readers."""

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import click
import psycopg
import sqlalchemy.exc
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from service import __version__
from service.access.rules import Principal, system
from service.kernel.db import Database
from service.local.shared import of_this_machine
from service.parts import Parts, build_database, build_parts
from service.settings import Settings, SettingsError, load_settings
from service.telemetry.labels import Signal
from service.telemetry.logs import configure_logs
from service.telemetry.registry import Telemetry

T = TypeVar("T")

FOUND_WRONG = 1
USAGE = 2

by_option = click.option(
    "--by", default=getpass.getuser, show_default="the user of this machine", help="Who does it; it is audited."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def settings_or_exit() -> Settings:
    """The settings, or the list of all that is wrong with them and exit code 2."""
    try:
        return load_settings(of_this_machine())
    except SettingsError as error:
        click.echo("The settings are not right (no system of `cubano up` runs here either):", err=True)
        for problem in error.problems:
            click.echo(f"  - {problem}", err=True)
        sys.exit(USAGE)


def with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Run one coroutine with a database; a database that does not answer is one line and exit code 1."""
    settings = settings_or_exit()

    async def run() -> T:
        telemetry = Telemetry("cli", version=__version__, environment=settings.environment)
        db = build_database(settings, telemetry)
        try:
            return await work(db)
        finally:
            await db.engine.dispose()

    return _run(run)


def with_parts(settings: Settings, work: Callable[[Parts], Awaitable[T]]) -> T:
    """The same with all that a process is made of, gateways too."""

    async def run() -> T:
        parts = build_parts(settings, "cli")
        try:
            await parts.db.open()
            return await work(parts)
        finally:
            await parts.close()

    return _run(run)


def _run(run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    configure_logs("cli", "console", "WARNING")  # on stderr: what a command prints is for its caller
    try:
        return asyncio.run(run())
    except (sqlalchemy.exc.OperationalError, psycopg.OperationalError) as error:
        fail(f"The database does not answer: {str(error).splitlines()[0]}")
    except sqlalchemy.exc.ProgrammingError as error:
        fail(f"The schema is not what this build needs; run `cubano db upgrade`: {str(error).splitlines()[0]}")


def log_to(telemetry: Telemetry, settings: Settings) -> None:
    """From here on everything this process says is one line each; lines that cannot be written are counted."""
    configure_logs(
        telemetry.process,
        settings.log_format,
        settings.log_level,
        levels=dict(each.split("=", 1) for each in settings.log_levels),
        on_drop=lambda lines: telemetry.drop(Signal.LOGS, lines),
    )


def operator(by: str) -> Principal:
    """Whoever sits at the command line, as the audit trail names them."""
    return system(f"cli:{by}")


def fail(message: str, *, code: int = FOUND_WRONG) -> NoReturn:
    """Say why on stderr and end."""
    click.echo(message, err=True)
    sys.exit(code)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


class _WholeWords(Console):
    """Breaks lines of a table between words only: an id that was cut cannot be copied into the next command."""

    def print(self, *objects: Any, **options: Any) -> None:
        for table in objects:
            for column in table.columns if isinstance(table, Table) else ():
                wide = (Measurement.get(self, self.options, each).minimum for each in (column.header, *column.cells))
                column.min_width = max(wide)
        super().print(*objects, **{"crop": False} | options)


def console() -> Console:
    """Where tables are printed: plain when piped, and never narrower than a table needs."""
    return _WholeWords(width=None if sys.stdout.isatty() else 160)
