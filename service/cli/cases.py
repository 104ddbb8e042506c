"""`cubano cases`: what waits for a person, and how it was handled."""

import sys

import click
from rich.table import Table

from service.cases import flow
from service.cases.rules import KINDS, CaseKind
from service.cases.tables import Case
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
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.errors import Invalid, NotFound, WrongState


@click.group()
def cases() -> None:
    """What only a person can put right: refunds that failed, disputes, money that nobody could give back."""


@cases.command()
@click.option("--all", "closed", is_flag=True, help="Closed ones, too, the newest first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@as_json
def ls(limit: int, *, closed: bool, as_json: bool) -> None:
    """List open cases, the first due first; exit 1 when one of them is overdue."""

    async def work(database: Database) -> list[Case]:
        async with database.transaction() as session:
            return await flow.find(session, closed=closed, limit=limit)

    found = with_database(work)
    if as_json:
        print_json([_facts(each) for each in found])
    else:
        table = Table("case", "kind", "about", "order", "owner", "opened", "due", "state", box=None, pad_edge=False)
        for each in found:
            times = (f"{at:%Y-%m-%d %H:%M %Z}" for at in (each.opened_at, each.due_at))
            table.add_row(each.id, each.kind, each.subject, each.order_id or "", each.owner, *times, _state(each))
        console().print(table if found else "No case is open.")
    sys.exit(FOUND_WRONG if any(_state(each) == "overdue" for each in found) else 0)


@cases.command()
@click.argument("case")
@as_json
def show(case: str, *, as_json: bool) -> None:
    """Show one CASE and what it means."""

    async def work(database: Database) -> Case | None:
        async with database.transaction() as session:
            return await session.get(Case, case)

    found = with_database(work)
    if found is None:
        fail(f"There is no case {case!r}.")
    if as_json:
        print_json(_facts(found))
        return
    click.echo(KINDS[CaseKind(found.kind)].means)
    for name, value in {**_facts(found), **found.detail}.items():
        if name != "detail" and value is not None:
            click.echo(f"{name:12} {value}")


@cases.command()
@click.argument("case")
@click.option("--resolution", required=True, help="How it was handled, in a sentence.")
@by_option
def close(case: str, *, resolution: str, by: str) -> None:
    """Close CASE: it was handled. Most close by themselves when the money has moved as it should."""

    async def work(database: Database) -> Case:
        async with database.transaction() as session:
            return await flow.close(session, operator(by), case, resolution)

    try:
        closed = with_database(work)
    except NotFound:
        fail(f"There is no case {case!r}.")
    except WrongState as error:
        fail(error.detail)
    except Invalid as error:
        fail(str(error), code=USAGE)
    click.echo(f"{closed.id} is closed: {closed.resolution}")


def _state(case: Case) -> str:
    if case.closed_at is not None:
        return "closed"
    return "overdue" if case.due_at < utc_now() else "open"


def _facts(case: Case) -> dict[str, object]:
    return {
        "case": case.id,
        "kind": case.kind,
        "subject": case.subject,
        "orderId": case.order_id,
        "owner": case.owner,
        "state": _state(case),
        "openedAt": case.opened_at.isoformat(),
        "dueAt": case.due_at.isoformat(),
        "closedAt": case.closed_at.isoformat() if case.closed_at else None,
        "closedBy": case.closed_by,
        "resolution": case.resolution,
        "detail": case.detail,
    }
