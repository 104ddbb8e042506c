"""`cubano db`, `cubano invariants`, `cubano doctor`: is the ground we stand on right."""

import sys
import time
from functools import partial
from pathlib import Path

import click
import sqlalchemy as sa
from rich.table import Table

from service.cli import backup
from service.cli.common import FOUND_WRONG, as_json, console, fail, print_json, settings_or_exit, with_database
from service.gateways.base import Gateway
from service.health import Health
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.errors import GatewayError
from service.kernel.invariants import Finding, check_snapshot
from service.local import people
from service.local.festival import write_festival
from service.local.keys import from_environment, responder_dsn, write_keys
from service.migrations.run import migrate
from service.parts import INVARIANTS, build_parts
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.responder import flow as responder
from service.responder.rules import ROLE, is_name
from service.telemetry.exposition import Ping


@click.group()
def db() -> None:
    """The schema and the sample festival."""


@db.command()
def upgrade() -> None:
    """Bring the schema to what this build needs; safe to repeat and to run twice at once."""
    started = time.monotonic()
    try:
        migrate(settings_or_exit().database_url.get_secret_value())
    except sa.exc.OperationalError as error:
        fail(f"The database does not answer: {str(error).splitlines()[0]}")
    click.echo(f"The schema is up to date ({time.monotonic() - started:.1f} s).")


@db.command()
def seed() -> None:
    """Write the sample festival: what is on sale. What exists already stays as it is."""
    settings = settings_or_exit()
    is_local = settings.environment == "development"
    keys, staff = (from_environment(), people.from_environment()) if is_local else ({}, [])

    async def work(database: Database) -> int:
        async with database.transaction() as session:
            added = await write_festival(session)
        await people.write_people(database, staff, [each.get_secret_value() for each in settings.secret_keys])
        async with database.transaction() as session:
            await write_keys(session, keys, await people.by_role(session, staff))
        if is_local:
            await _make_local_role(database)
        return added

    click.echo(f"{with_database(work)} ticket types added.")


async def _make_local_role(database: Database) -> None:
    """The role of the responder beside us, as `cubano up` has named it; a server of others may not let us."""
    dsn = responder_dsn()
    if not dsn:
        return
    url = sa.make_url(dsn)
    async with database.transaction() as session:
        made = await responder.ensure(session, role=url.username or ROLE, password=url.password or "")
        if made.missing:  # one that an administrator has made has its password from there
            made = await responder.ensure(session, role=url.username or ROLE)
    if made.missing:
        click.echo("The responder's role is not whole; `cubano db responder` says what is missing.", err=True)


@db.command("responder")
@click.option("--role", default=ROLE, show_default=True, help="How the role is called.")
@click.option("--password", envvar="CUBANO_RESPONDER_PASSWORD", default="", hidden=True)  # a command line is no secret
@click.option("--new-password", is_flag=True, help="Make a new one, if CUBANO_RESPONDER_PASSWORD names none.")
@as_json
def make_responder(role: str, *, password: str, new_password: bool, as_json: bool) -> None:
    """Create the SQL role of the responder, or put it right; safe to repeat.

    Its password is CUBANO_RESPONDER_PASSWORD, or random and printed once. Exit 1 when a privilege is missing: then it prints
    what an administrator of the server has to run.
    """
    if not is_name(role):
        raise click.BadParameter("small letters, digits and underscores", param_hint="--role")
    settings = settings_or_exit()

    async def work(database: Database) -> responder.Made:
        async with database.transaction() as session:
            return await responder.ensure(session, role=role, password=password, anew=new_password)

    made = with_database(work)
    dsn = responder.dsn_of(settings.database_url.get_secret_value(), made)
    if as_json:
        print_json({"role": role, "created": made.created, "databaseUrl": dsn, "missing": made.missing})
    else:
        click.echo(
            f"{role} is {'made' if made.created else 'as it should be'}." if not made.missing else "Not whole yet."
        )
        click.echo(f"CUBANO_RESPOND_DATABASE_URL={dsn}" + ("" if made.password else "  (with the password it has)"))
        for each in made.missing:
            click.echo(f"missing, to be run by an administrator: {each};", err=True)
    sys.exit(FOUND_WRONG if made.missing else 0)


@db.command("backup")
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the backups."
)
@click.option(
    "--keep", default=14, show_default=True, type=click.IntRange(1), help="How many stay; older ones are removed."
)
@as_json
def make_backup(folder: Path, *, keep: int, as_json: bool) -> None:
    """Write the whole database into a file for `pg_restore`; only its owner can read it.

    Personal data stays sealed in it; keep the master keys elsewhere.
    """
    try:
        made = backup.make(settings_or_exit().database_url.get_secret_value(), folder, now=utc_now())
    except backup.BackupError as error:
        fail(f"No backup: {error}")
    gone = backup.forget(folder, keep=keep)
    size = made.stat().st_size
    if as_json:
        print_json({"file": str(made), "bytes": size, "removed": [str(each) for each in gone]})
    else:
        click.echo(f"{made} ({size:,} bytes){f', {len(gone)} older removed' if gone else ''}")


@db.command("check")
def check_schema() -> None:
    """Does the database answer, and is its schema the one this build needs?"""

    async def work(database: Database) -> list[Ping]:
        return await Health(database).pings()

    pings = with_database(work)
    for ping in pings:
        click.echo(f"{'ok ' if ping.ok else 'BAD'} {ping.name}: {ping.detail}")
    sys.exit(0 if all(ping.ok for ping in pings) else FOUND_WRONG)


@click.command()
@as_json
def invariants(*, as_json: bool) -> None:
    """Check every promise the data must keep; exit 1 when one is broken."""

    async def work(database: Database) -> list[Finding]:
        async with database.transaction() as session:
            return await check_snapshot(session, INVARIANTS)

    findings = with_database(work)
    if as_json:
        print_json([_finding(each) for each in findings])
    else:
        _print_findings(findings)
    sys.exit(FOUND_WRONG if any(each.count for each in findings) else 0)


def _finding(finding: Finding) -> dict[str, object]:
    invariant = finding.invariant
    return {
        "name": invariant.name,
        "promise": invariant.promise,
        "violations": finding.count,
        "examples": [{"id": id_, "problem": problem} for id_, problem in finding.examples],
        "playbook": invariant.playbook,
    }


def _print_findings(findings: list[Finding]) -> None:
    table = Table("", "invariant", "promise", "violations", box=None, pad_edge=False)
    for each in findings:
        mark = "[red]BROKEN[/]" if each.count else "[green]ok[/]"
        table.add_row(mark, each.invariant.name, each.invariant.promise, str(each.count) if each.count else "")
        for id_, problem in each.examples:
            table.add_row("", "", f"[yellow]{id_}[/] {problem}", "")
    console().print(table)


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Look at settings, database, schema and gateways, and say what is wrong with them."""
    settings = settings_or_exit()

    async def work(database: Database) -> list[Ping]:
        parts = build_parts(settings, "cli")
        health = Health(database)
        for name, gateway in parts.gateways.items():
            health.watch(f"gateway {name}", partial(_probe, gateway))
        health.watch("providers", partial(_look_for_gone, database, tuple(parts.gateways)))
        try:
            return await health.pings()
        finally:
            for gateway in parts.gateways.values():
                await gateway.close()

    pings = with_database(work)
    if as_json:
        print_json([{"name": each.name, "ok": each.ok, "detail": each.detail} for each in pings])
    else:
        for ping in pings:
            click.echo(f"{'ok ' if ping.ok else 'BAD'} {ping.name}: {ping.detail}")
    sys.exit(0 if all(ping.ok for ping in pings) else FOUND_WRONG)


async def _look_for_gone(database: Database, providers: tuple[str, ...]) -> str:
    """Open payments of a provider that was taken out of the settings keep their seats held for ever."""
    is_open = Payment.status.not_in((PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED))
    gone = sa.select(Payment.provider, sa.func.count()).where(is_open, Payment.provider.not_in(providers))
    async with database.transaction() as session:
        found = (await session.execute(gone.group_by(Payment.provider))).all()
    if found:
        told = ", ".join(f"{count} open payments of {name}" for name, count in found)
        raise RuntimeError(f"provider_gone: {told}, which CUBANO_PROVIDERS does not name")
    return "all open payments belong to one of them"


async def _probe(gateway: Gateway) -> str:
    try:
        await gateway.probe()
    except GatewayError as error:
        reason = getattr(error, "reason", getattr(error, "code", "refused"))
        raise RuntimeError(f"{gateway.provider}: {reason}") from error
    return "answers and takes our key"
