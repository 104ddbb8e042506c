"""`cubano books day|month|export|verify`: what came in and where it is, the end of a month, and files for an auditor."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from service.archives import flow as archives
from service.archives.rules import MANIFEST, end_of, start_of
from service.cli.common import (
    FOUND_WRONG,
    USAGE,
    as_json,
    by_option,
    console,
    fail,
    operator,
    print_json,
    with_database,
)
from service.cli.statement import month_name, print_report
from service.closing import flow
from service.closing.rules import GRACE_DAYS, NotClosable
from service.closing.views import as_data, closing
from service.journal.rules import month_of
from service.journal.tables import ClosedMonth
from service.kernel.clock import utc_now
from service.kernel.db import Database, Session

T = TypeVar("T")
DATE = click.DateTime(["%Y-%m-%d"])


def _month(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return month_of(datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC).date())
    except ValueError:
        raise click.BadParameter("a month such as 2027-02", param=parameter) from None


@click.command()
@click.option("--day", type=DATE, help="The UTC day; today when it is left out.")
@as_json
def day(*, day: datetime | None, as_json: bool) -> None:
    """What a day came to, from the journal alone."""
    today = utc_now().date()
    chosen = day.date() if day else today
    found = _read(lambda session: flow.report(session, chosen, chosen))
    if as_json:
        print_json(as_data(found))
    else:
        print_report(console(), found, f"{chosen:%A, %d %B %Y}{' so far' if chosen == today else ''}")


@click.command()
@click.option("--month", required=True, callback=_month, help="The month, for example 2027-02.")
@click.option("--close", "closes", is_flag=True, help="Lock it: from then on what belongs to it restates a later one.")
@click.option(
    "--grace",
    type=click.IntRange(0, 62),
    default=GRACE_DAYS,
    show_default=True,
    help="Days after its end in which late fees are waited for before it can be closed.",
)
@click.option(
    "--anyway", metavar="REASON", help="Close it although a difference is open or a day was never compared; audited."
)
@by_option
@as_json
def month(*, month: str, closes: bool, grace: int, anyway: str | None, by: str, as_json: bool) -> None:
    """What a month came to, from the journal alone; with --close it is closed for good."""
    if closes:
        _close(month, grace=grace, anyway=anyway, by=by)
    found = _read(lambda session: flow.report(session, start_of(month), end_of(month)))
    closed = _read(lambda session: flow.find_closed(session, month))
    if as_json:
        print_json({**as_data(found), "closed": closing(closed)})
        return
    so_far = " so far" if end_of(month) >= utc_now().date() else ""
    print_report(console(), found, f"{month_name(month)}{so_far}")
    click.echo()
    click.echo(_told(closed))


def _told(closed: ClosedMonth | None) -> str:
    if closed is None:
        return "It is open: entries may still be written into it."
    return (
        f"Closed by {closed.closed_by} on {closed.closed_at:%Y-%m-%d %H:%M %Z} with {closed.entries:,} entries.\n"
        f"SHA-256 of all of them: {closed.digest}"
    )


def _close(month: str, *, grace: int, anyway: str | None, by: str) -> None:
    async def work(database: Database) -> ClosedMonth:
        return await flow.close(database, operator(by), month, grace_days=grace, anyway=anyway)

    try:
        with_database(work)
    except NotClosable as error:
        more = (
            " `cubano books reconcile --day DAY` compares a day and shows what is out; "
            "--anyway REASON closes it all the same."
            if error.by_decision
            else ""
        )
        fail(f"{error}{more}")


@click.command()
@click.option("--from", "first", type=DATE, required=True, help="The first UTC day.")
@click.option("--to", "last", type=DATE, required=True, help="The last UTC day, included.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A new folder, or an empty one."
)
@as_json
def export(*, first: datetime, last: datetime, out: Path, as_json: bool) -> None:
    """Write an archive of these days: CSV files, and a manifest with their hashes and what each column means.

    Closed months give the same bytes whenever they are exported, unless a gateway tells one of its movements otherwise.
    """
    if last < first:
        raise click.UsageError("--to lies before --from.")
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        fail(f"{out} is not empty.", code=USAGE)
    manifest = _read(lambda session: archives.export(session, first.date(), last.date(), out))
    if as_json:
        print_json(manifest)
        return
    for name, each in manifest["files"].items():
        click.echo(f"{each['rows']:>10,} rows  {name}")
    click.echo(f"{manifest['entries']:,} entries from {manifest['from']} to {manifest['to']} are in {out}.")
    if last.date() >= utc_now().date() - timedelta(days=1):
        click.echo("These days may still get entries; those of a closed month stay as they are.")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@as_json
def verify(*, folder: Path, as_json: bool) -> None:
    """Check an archive against its manifest: every hash, every sum, every closed month. Needs no database; exit 1 says what is wrong."""
    wrong = archives.verify(folder)
    if as_json:
        print_json({"folder": str(folder), "problems": wrong})
    elif wrong:
        click.echo("\n".join(wrong), err=True)
    else:
        click.echo(f"{folder}: every file is as {MANIFEST} says, every entry and every balance sums to zero.")
    sys.exit(FOUND_WRONG if wrong else 0)


def _read(work: Callable[[Session], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    return with_database(run)
