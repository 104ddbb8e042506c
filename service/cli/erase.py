"""`cubano erase`: forget a customer."""

import click
from rich.table import Table

from service.cli.common import FOUND_WRONG, as_json, by_option, console, fail, operator, print_json, with_database
from service.erasure import flow
from service.erasure.flow import Found
from service.kernel.db import Database
from service.kernel.errors import NotFound, WrongState


@click.command()
@click.argument("wanted", metavar="EMAIL|ORDER")
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be erased.")
@click.option(
    "--force", is_flag=True, help="Also while an order, a refund or a dispute is under way: where the law demands it."
)
@by_option
@as_json
def erase(wanted: str, *, yes: bool, force: bool, by: str, as_json: bool) -> None:
    """Erase the customer of EMAIL, or of ORDER (its id or number), in all their orders. It cannot be undone.

    Name, address, links and the bodies of events go; orders, payments, tickets and the books stay. Exit 1 when there is
    no such customer, or something is still under way.
    """

    async def work(database: Database) -> list[Found]:
        async with database.transaction() as session:
            return await (flow.erase(session, operator(by), wanted, force=force) if yes else flow.find(session, wanted))

    try:
        found = with_database(work)
    except NotFound:
        fail("There is no such customer.")
    except WrongState as error:
        fail(str(error))
    if as_json:
        print_json([_row(each, done=yes) for each in found])
    else:
        _show(found, done=yes)
    stuck = any(each.under_way and not each.erased for each in found)
    raise SystemExit(FOUND_WRONG if stuck and not force else 0)


def _row(each: Found, *, done: bool) -> dict[str, object]:
    return {
        "orderId": each.order_id,
        "orderNumber": each.number,
        "status": each.status,
        "erased": each.erased or done,
        "underWay": each.under_way,
    }


def _show(found: list[Found], *, done: bool) -> None:
    table = Table("order", "status", "", box=None, pad_edge=False)
    for each in found:
        says = "erased before" if each.erased else "erased" if done else each.under_way or "would be erased"
        table.add_row(each.number, each.status, f"still under way: {says}" if says == each.under_way else says)
    console().print(table)
    if not done:
        click.echo("Nothing was changed. With --yes it is done, and cannot be undone.")
