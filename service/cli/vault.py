"""`cubano vault`: what seals personal data, a new master key for all of it, and what still stands in the clear."""

from collections.abc import Awaitable, Callable

import click
from rich.table import Table

from service.audit.flow import note
from service.cli.common import (
    FOUND_WRONG,
    as_json,
    by_option,
    console,
    fail,
    operator,
    print_json,
    settings_or_exit,
    with_database,
)
from service.kernel.data_keys import CannotOpenError
from service.kernel.db import Database, Session
from service.vault import flow
from service.vault.flow import Status
from service.webhook_secrets import flow as webhook_secrets

BATCH = 200  # orders in one transaction: half a second of locks that nobody but a buyer of these orders meets
Step = Callable[[Session, str], Awaitable[list[str]]]


@click.group()
def vault() -> None:
    """Personal data is sealed under each order's own key, and those under a master key."""


@vault.command()
@as_json
def status(*, as_json: bool) -> None:
    """Count the orders by the master key they hang on; exit 1 when one hangs on a key that is not in the settings."""

    async def work(database: Database) -> Status:
        async with database.transaction() as session:
            return await flow.read_status(session)

    found = with_database(work)
    known = list(settings_or_exit().master_keys)
    missing = [key for key in found.by_key if key not in known]
    if as_json:
        told = {"first": known[0], "keys": found.by_key, "missing": missing, "erased": found.erased}
        print_json(told | {"inTheClear": found.plain})
    else:
        table = Table("master key", "orders", "", box=None, pad_edge=False)
        for key, count in found.by_key.items():
            says = "seals" if key == known[0] else "not in CUBANO_VAULT_KEYS" if key in missing else _may_go(count)
            table.add_row(key, f"{count:,}", says)
        console().print(table)
        click.echo(f"{found.erased:,} orders whose customer is erased; {found.plain:,} rows stand in the clear.")
    raise SystemExit(FOUND_WRONG if missing else 0)


def _may_go(count: int) -> str:
    return (
        "opens; `cubano vault rotate` puts them under the first" if count else "may be removed from CUBANO_VAULT_KEYS"
    )


@vault.command()
@click.option("--batch", type=click.IntRange(1, 5000), default=BATCH, show_default=True, help="Orders a transaction.")
@by_option
@as_json
def rotate(*, batch: int, by: str, as_json: bool) -> None:
    """Put every order's key, and webhook secrets, under the first master key. It may be broken off and repeated, and nobody has to stop."""

    async def step(session: Session, after: str) -> list[str]:
        if not after:
            await webhook_secrets.rotate(session)  # a handful
        return await flow.rotate(session, after=after, limit=batch)

    _in_batches("rotate", step, by, as_json=as_json)


@vault.command()
@click.option("--batch", type=click.IntRange(1, 5000), default=BATCH, show_default=True, help="Orders a transaction.")
@by_option
@as_json
def seal(*, batch: int, by: str, as_json: bool) -> None:
    """Seal what stands in the clear since before personal data was sealed, and empty it. It may be broken off and repeated."""

    async def step(session: Session, after: str) -> list[str]:
        found = await flow.find_before(session, after=after, limit=batch)
        await flow.seal_before(session, found)
        return found

    _in_batches("seal", step, by, as_json=as_json)


def _in_batches(verb: str, step: Step, by: str, *, as_json: bool) -> None:
    async def work(database: Database) -> int:
        done, last = 0, ""
        while True:
            async with database.transaction() as session:
                moved = await step(session, last)
                if moved:
                    note(session, operator(by), f"vault.{verb}", moved[-1], after={"orders": len(moved)})
            if not moved:
                return done
            done, last = done + len(moved), moved[-1]
            click.echo(f"{done:,} orders", err=True)

    try:
        done = with_database(work)
    except CannotOpenError as error:
        fail(f"Stopped, and what was done stays: {error}")
    if as_json:
        print_json({"orders": done})
    else:
        click.echo(f"{done:,} orders done.")
