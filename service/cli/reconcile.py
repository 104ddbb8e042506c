"""`cubano books reconcile|accept`: a day of the gateways beside our books, what is out, and what may mend it."""

import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import click
from rich.table import Table

from service.audit.flow import note
from service.cli.closing import DATE
from service.cli.common import (
    FOUND_WRONG,
    USAGE,
    as_json,
    by_option,
    console,
    fail,
    operator,
    print_json,
    settings_or_exit,
    with_database,
    with_parts,
)
from service.cli.mending import Repair, mend
from service.comparison.rules import DifferenceKind
from service.gateways.base import Capability, Gateway
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.errors import GatewayError, GatewayUnavailable
from service.parts import Parts, terms_of
from service.reconciliation.flow import accept as accept_one
from service.reconciliation.flow import find_open
from service.reconciliation.flow import reconcile as reconcile_known
from service.reconciliation.rules import KINDS
from service.reconciliation.views import Report, age_days, shown
from service.settlements.flow import refresh


@dataclass(frozen=True)
class _Compared:
    """One gateway's day; `problem` is why it could not be read anew, and then it is compared as far as it is known."""

    report: Report
    problem: str | None
    repairs: tuple[Repair, ...]


@click.command()
@click.option("--day", type=DATE, help="The UTC day; yesterday when it is left out.")
@click.option("--provider", help="Only this gateway.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend; without it only what would be done is shown.")
@by_option
@as_json
def reconcile(*, day: datetime | None, provider: str | None, fix: bool, by: str, as_json: bool) -> None:
    """Compare a day of the gateways with the books; exit 1 while anything is out.

    What moved is read anew at the gateway, compared with the journal and with the payouts, and what differs is kept with
    its age and its owner until it is gone or somebody has accepted it. The worker does so each morning by itself.
    """
    chosen = day.date() if day else utc_now().date() - timedelta(days=1)
    if chosen > utc_now().date():
        raise click.BadParameter("that day has not come yet", param_hint="--day")

    async def work(parts: Parts) -> list[_Compared]:
        able = [each for each in parts.gateways.values() if Capability.LIST_SETTLEMENTS in each.capabilities]
        asked = [each for each in able if provider in {None, each.provider}]
        if not asked:
            fail(
                f"{provider!r} lists no movements; one of {', '.join(each.provider for each in able)} does.", code=USAGE
            )
        return [await _compare(parts, each, chosen, fix=fix, by=by) for each in asked]

    compared = with_parts(settings_or_exit(), work)
    if as_json:
        print_json([shown(each.report) | _repaired(each, fix=fix) for each in compared])
    else:
        for each in compared:
            _print(each, fix=fix)
    sys.exit(FOUND_WRONG if any(each.report.differences or each.problem for each in compared) else 0)


@click.command()
@click.argument("difference")
@click.option("--why", required=True, help="The reason; it stays with the difference.")
@by_option
def accept(difference: str, why: str, by: str) -> None:
    """Accept a DIFFERENCE: somebody has looked at it and it may stand. It comes back when its amount changes."""

    async def work(database: Database) -> None:
        async with database.transaction() as session:
            found = await find_open(session, difference)
            if found is None:
                fail(f"No open difference {difference!r}.")
            told = {"kind": found.kind, "subject": found.subject, "minor": found.amount.minor}
            accept_one(session, found, why=why, by=by)
            note(session, operator(by), "books.accept", found.id, before=told, after={"resolution": why})

    with_database(work)
    click.echo(f"{difference} is accepted.")


async def _compare(parts: Parts, gateway: Gateway, day: date, *, fix: bool, by: str) -> _Compared:
    problem = None
    try:
        await refresh(parts.db, gateway, day)
    except GatewayError as error:
        problem = error.reason if isinstance(error, GatewayUnavailable) else str(error)
    terms = terms_of(gateway, parts.settings)
    async with parts.db.transaction() as session:
        report = await reconcile_known(session, day, terms, anew=problem is None)
    repairs: list[Repair] = []
    if fix and (repairs := await mend(parts, gateway, report, by=by)):
        async with parts.db.transaction() as session:
            report = await reconcile_known(session, day, terms, anew=problem is None)
    return _Compared(report, problem, tuple(repairs))


def _repaired(one: _Compared, *, fix: bool) -> dict[str, object]:
    repairs = [{"difference": each.difference, "did": each.did} for each in one.repairs]
    return {"fix": fix, "problem": one.problem, "repaired": repairs}


def _print(one: _Compared, *, fix: bool) -> None:
    report = one.report
    click.echo(
        f"{report.provider} on {report.day}" + (f" (its list could not be read: {one.problem})" if one.problem else "")
    )
    sums = Table("", "kind", "count", "amount", "fee", "net", box=None, pad_edge=False)
    for each in report.journal:
        sums.add_row("journal", each.kind, str(each.count), each.amount.format(), "", "")
    for each in report.settled:
        fee = each.fee or each.amount - each.amount
        sums.add_row(
            "gateway", each.kind, str(each.count), each.amount.format(), fee.format(), (each.amount - fee).format()
        )
    console().print(sums if report.journal or report.settled else "  nothing moved")
    for repair in one.repairs:
        click.echo(f"  {repair.difference}: {repair.did}")
    if not report.differences:
        click.echo("  no differences")
        return
    table = Table("difference", "kind", "amount", "days", "owner", "about", "repair", box=None, pad_edge=False)
    for found in report.differences:
        age = str(age_days(found, at=report.at))
        table.add_row(
            found.id,
            found.kind,
            found.amount.format(),
            age,
            found.owner,
            f"{found.subject}: {found.note}",
            KINDS[DifferenceKind(found.kind)].repair,
        )
    console().print(table)
    if not fix:
        click.echo("  nothing was changed; --fix does what is safe")
