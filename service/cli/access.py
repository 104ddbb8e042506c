"""`cubano access`: give out API keys, replace them and take them back; `audit` is in trail.py, `staff` in staff.py."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, TypeVar

import click
from rich.table import Table

from service.access import flow as keys
from service.access.flow import KeysLive, Made, Wish
from service.access.rules import ENVIRONMENTS, Permission, Role, read_key, shown
from service.access.tables import ApiClient, ApiKey
from service.cli.common import (
    USAGE,
    as_json,
    by_option,
    console,
    fail,
    operator,
    print_json,
    settings_or_exit,
    with_database,
)
from service.cli.staff import staff
from service.cli.trail import audit
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid, NotFound
from service.signing.rules import SigningSecrets
from service.staff import flow as people
from service.vault.flow import replace_token

T = TypeVar("T")

MOST_DAYS = 730
days = click.option("--days", type=click.IntRange(1, MOST_DAYS), default=365, show_default=True, help="Until it ends.")


@click.group(commands=[audit, staff])
def access() -> None:
    """Who may do what, and who did."""


@access.group()
def key() -> None:
    """API keys of programs and partners."""


def _networks(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each, strict=False)) for each in values)
    except ValueError as error:
        raise click.BadParameter(f"an address or a network is needed: {error}", param=parameter) from error


@key.command()
@click.argument("client")
@click.option("--role", type=click.Choice([each.value for each in Role]), required=True)
@click.option("--scope", "scopes", multiple=True, type=click.Choice([each.value for each in Permission]),
              help="Only this of what the role may; repeatable.")  # fmt: skip
@click.option("--network", "networks", multiple=True, callback=_networks, help="Good from there only; repeatable.")
@click.option("--owner", help="E-mail address of the person of the staff who answers for CLIENT; only then it takes part "
              "in what two people decide.")  # fmt: skip
@click.option("--sign", "signs", is_flag=True, help="Every request must be signed.")
@days
@by_option
@as_json
def add(
    client: str,
    *,
    role: str,
    scopes: tuple[str, ...],
    owner: str | None,
    days: int,
    by: str,
    as_json: bool,
    **more: Any,
) -> None:
    """Give CLIENT a key; it is shown once. A client has two at most."""
    environment = ENVIRONMENTS[settings_or_exit().environment]
    wanted = frozenset(Permission(each) for each in scopes) or None
    wish = Wish(client, Role(role), timedelta(days=days), permissions=wanted, **more)

    async def work(session: Session) -> Made:
        person = await _person(session, owner) if owner else None
        return await keys.add(session, operator(by), replace(wish, owner=person), keys.new_text(session, environment))

    _show(_in_transaction(work, client), as_json=as_json)


async def _person(session: Session, email: str) -> str:
    try:
        return (await people.lock(session, email=email)).id
    except NotFound:
        raise Invalid([FieldError("owner", "unknown", f"There is nobody with the address {email}.")]) from None


@key.command()
@click.argument("client")
@click.option("--overlap-hours", type=click.IntRange(0, 24 * 30), default=24, show_default=True,
              help="How long the old key goes on working beside the new one.")  # fmt: skip
@days
@by_option
@as_json
def rotate(client: str, *, overlap_hours: int, days: int, by: str, as_json: bool) -> None:
    """Give CLIENT a new key like its present one, which works on until the overlap is over."""

    async def work(session: Session) -> Made:
        overlap, lifetime = timedelta(hours=overlap_hours), timedelta(days=days)
        return await keys.rotate(session, operator(by), client, overlap=overlap, lifetime=lifetime)

    _show(_in_transaction(work, f"{client} with a key that works"), as_json=as_json)


@key.command()
@click.argument("key_id", metavar="KEY")
@by_option
@as_json
def revoke(key_id: str, *, by: str, as_json: bool) -> None:
    """Take KEY back (its id, its beginning as `ls` shows it, or all of it): it is refused everywhere within seconds."""
    whole = read_key(key_id)
    found = whole.id if whole else f"key_{key_id.rpartition('_')[2]}"

    async def work(session: Session) -> bool:
        return await keys.revoke(session, operator(by), found)

    changed = _in_transaction(work, found)
    if as_json:
        print_json({"id": found, "changed": changed})
    else:
        click.echo(f"{found} is {'' if changed else 'already '}revoked.")


@access.group()
def order() -> None:
    """The links that open orders."""


@order.command("revoke")
@click.argument("order_id", metavar="ORDER")
@by_option
@as_json
def revoke_order(order_id: str, *, by: str, as_json: bool) -> None:
    """Take the link of ORDER (its id) back: it opens nothing from now on, and the next letter has a new one."""

    async def work(session: Session) -> int:
        return await replace_token(session, operator(by), order_id)

    number = _in_transaction(work, f"{order_id} whose customer is known")
    if as_json:
        print_json({"orderId": order_id, "token": number})
    else:
        click.echo(f"The links of {order_id} open nothing any more; the next letter has link number {number}.")


@key.command("ls")
@click.option("--all", "every", is_flag=True, help="Also those that do not work any more.")
@as_json
def ls_keys(*, every: bool, as_json: bool) -> None:
    """List the keys; never their secrets."""

    async def work(session: Session) -> list[dict[str, Any]]:
        rows = [_row(client, found, session.now) for client, found in await keys.every_key(session)]
        return [row for row in rows if every or row["state"] == "works"]

    rows = _in_transaction(work)
    if as_json:
        print_json(rows)
        return
    table = Table("client", "role", "key", "state", "until", "last used", "may", box=None, pad_edge=False)
    for row in rows:
        cells = (row[each] or "" for each in ("client", "role", "key", "state", "expiresAt", "lastUsedAt"))
        table.add_row(*cells, " ".join(row["scopes"]))
    console().print(table if rows else "No keys.")


def _row(client: ApiClient, found: ApiKey, now: datetime) -> dict[str, Any]:
    state = "revoked" if found.revoked_at else "ended" if found.expires_at <= now else "works"
    return {
        "id": found.id,
        "client": client.name,
        "role": client.role,
        "owner": client.owner_id,
        "key": shown(found.environment, found.id),
        "state": state,
        "scopes": found.permissions,
        "signs": found.signs,
        "networks": found.networks,
        "createdAt": _time(found.created_at),
        "expiresAt": _time(found.expires_at),
        "revokedAt": _time(found.revoked_at),
        "lastUsedAt": _time(found.last_used_at),
        "lastUsedFrom": found.last_used_from,
    }


def _show(made: Made, *, as_json: bool) -> None:
    settings = settings_or_exit()
    secrets = SigningSecrets(tuple(each.get_secret_value() for each in settings.secret_keys))
    signing = secrets.of(made.key.id) if made.key.signs else None
    if as_json:
        print_json(_row(made.client, made.key, made.key.created_at) | {"apiKey": made.text, "signingSecret": signing})
        return
    click.echo(f"{made.client.name} ({made.client.role}), good until {_time(made.key.expires_at)}. Shown this once:")
    click.echo(f"  API key         {made.text}")
    if signing:
        click.echo(f"  signing secret  {signing}")


def _in_transaction(work: Callable[[Session], Awaitable[T]], unknown: str = "") -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    try:
        return with_database(run)
    except NotFound:
        fail(f"There is no {unknown}.")
    except KeysLive as error:
        fail(str(error))
    except Invalid as error:
        fail("\n".join(each.message for each in error.fields), code=USAGE)


def _time(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else None
