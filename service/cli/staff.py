"""`cubano access staff`: people who sign in. A password is typed at a prompt or made here and shown once, never an argument."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import click
from rich.table import Table

from service.access.rules import STAFF_ROLES, Role
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
from service.kernel.db import Database, Session
from service.kernel.errors import Invalid, NotFound
from service.sessions import flow as sessions
from service.sessions.rules import SessionRules
from service.sessions.tables import StaffSession
from service.staff import flow as people
from service.staff.flow import EmailTaken, Newcomer, Passwords
from service.staff.rules import check_password, read_email, read_name
from service.staff.tables import StaffMember
from service.tries.flow import forgive
from service.tries.rules import account_key, code_key

T = TypeVar("T")

_BYTES = 18  # of a password that is made here: 144 bits
role_option = click.option("--role", type=click.Choice([each.value for each in STAFF_ROLES]), required=True)
typed = click.option("--prompt", "prompts", is_flag=True, help="Type the password instead of having one made.")


@click.group()
def staff() -> None:
    """People who sign in."""


@staff.command()
@click.argument("email")
@click.option("--name", required=True, help="How the person is called.")
@role_option
@click.option("--no-password", is_flag=True, help="Signs in through the issuer only.")
@typed
@by_option
@as_json
def add(email: str, *, name: str, role: str, no_password: bool, prompts: bool, by: str, as_json: bool) -> None:
    """Add EMAIL. The password is for the first sign-in only, which also adds a telephone."""
    address, called = _well(lambda: read_email(email)), _well(lambda: read_name(name))
    password = None if no_password else _password(address, called, prompts=prompts)
    kept = None if password is None else asyncio.run(Passwords().hash(password))

    async def work(session: Session) -> StaffMember:
        return await people.add(session, operator(by), Newcomer(address, called, Role(role), kept))

    member = _in_transaction(work)
    _show(member, None if prompts else password, as_json=as_json)


@staff.command("ls")
@as_json
def ls_staff(*, as_json: bool) -> None:
    """List the people, and what of a sign-in each has."""
    rows = [_row(each) for each in _in_transaction(people.everybody)]
    if as_json:
        print_json(rows)
        return
    table = Table("email", "name", "role", "state", "signs in with", "last", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(row[each] or "" for each in ("email", "name", "role", "state", "signsInWith", "signedInAt")))
    console().print(table if rows else "Nobody.")


@staff.command()
@click.argument("email")
@by_option
@as_json
def disable(email: str, *, by: str, as_json: bool) -> None:
    """Let EMAIL in no more; all sessions end at once."""
    _change(email, lambda s, m: people.set_enabled(s, operator(by), m, enabled=False), "is disabled", as_json=as_json)


@staff.command()
@click.argument("email")
@by_option
@as_json
def enable(email: str, *, by: str, as_json: bool) -> None:
    """Let EMAIL in again, also when too many tries have locked the account."""

    async def work(session: Session, member: StaffMember) -> bool:
        await _forgive(session, member)
        return await people.set_enabled(session, operator(by), member, enabled=True)

    _change(email, work, "may sign in", as_json=as_json)


@staff.command()
@click.argument("email")
@click.argument("role", type=click.Choice([each.value for each in STAFF_ROLES]))
@by_option
@as_json
def role(email: str, role: str, *, by: str, as_json: bool) -> None:
    """Give EMAIL another ROLE; all sessions end at once."""
    _change(email, lambda s, m: people.set_role(s, operator(by), m, Role(role)), f"is {role}", as_json=as_json)


@staff.command("reset-password")
@click.argument("email")
@typed
@by_option
@as_json
def reset_password(email: str, *, prompts: bool, by: str, as_json: bool) -> None:
    """Give EMAIL a password for one sign-in; the old one and all sessions end at once."""
    member = _in_transaction(lambda session: people.lock(session, email=email), email)
    password = _password(member.email, member.name, prompts=prompts)
    kept = asyncio.run(Passwords().hash(password))

    async def work(session: Session) -> StaffMember:
        found = await people.lock(session, email=email)
        await people.set_password(session, operator(by), found, kept, temporary=True)
        await _forgive(session, found)
        return found

    _show(_in_transaction(work, email), None if prompts else password, as_json=as_json)


@staff.command("reset-totp")
@click.argument("email")
@by_option
@as_json
def reset_totp(email: str, *, by: str, as_json: bool) -> None:
    """Forget the telephone and the recovery codes of EMAIL; the next sign-in adds another one."""

    async def work(session: Session, member: StaffMember) -> bool:
        await _forgive(session, member)
        return await people.reset_second_factor(session, operator(by), member)

    _change(email, work, "has no second factor", as_json=as_json)


@staff.command("sessions")
@click.argument("email")
@as_json
def ls_sessions(email: str, *, as_json: bool) -> None:
    """List where EMAIL is signed in."""
    settings = settings_or_exit()
    rules = SessionRules(
        timedelta(minutes=settings.staff_idle_minutes),
        timedelta(hours=settings.staff_session_hours),
        settings.public_url,
    )

    async def work(session: Session) -> list[StaffSession]:
        return await sessions.of_member(session, await people.lock(session, email=email), rules)

    rows = [_session_row(each) for each in _in_transaction(work, email)]
    if as_json:
        print_json(rows)
        return
    table = Table("session", "since", "last seen", "until", "from", "with", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(row[each] or "" for each in ("id", "createdAt", "seenAt", "endsAt", "ip", "userAgent")))
    console().print(table if rows else "Signed in nowhere.")


@staff.command("end-sessions")
@click.argument("email")
@by_option
@as_json
def end_sessions(email: str, *, by: str, as_json: bool) -> None:
    """Sign EMAIL out everywhere, at once."""

    async def work(session: Session, member: StaffMember) -> bool:
        await people.end_sessions(session, operator(by), member)
        return True

    _change(email, work, "is signed out everywhere", as_json=as_json)


# ---- what they share -------------------------------------------------------------------------------------------------


def _change(email: str, work: Callable[[Session, StaffMember], Awaitable[bool]], told: str, *, as_json: bool) -> None:
    async def run(session: Session) -> tuple[StaffMember, bool]:
        member = await people.lock(session, email=email)
        return member, await work(session, member)

    member, changed = _in_transaction(run, email)
    if as_json:
        print_json(_row(member) | {"changed": changed})
    else:
        click.echo(f"{member.email} {told}{'' if changed else ' already'}.")


async def _forgive(session: Session, member: StaffMember) -> None:
    secret = settings_or_exit().secret_keys[0].get_secret_value()
    await forgive(session, account_key(secret, member.email), code_key(member.id))


def _password(email: str, name: str, *, prompts: bool) -> str:
    if not prompts:
        return secrets.token_urlsafe(_BYTES)
    given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    _well(lambda: check_password(given, email=email, name=name))
    return given


def _row(member: StaffMember) -> dict[str, Any]:
    ways = {"password": member.password_hash, "authenticator": member.totp_sealed, "issuer": member.oidc_subject}
    return {
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "role": member.role,
        "state": "may sign in" if member.enabled else "disabled",
        "signsInWith": ", ".join(name for name, value in ways.items() if value),
        "createdAt": f"{member.created_at:%Y-%m-%d %H:%M:%S %Z}",
        "signedInAt": f"{member.signed_in_at:%Y-%m-%d %H:%M:%S %Z}" if member.signed_in_at else None,
    }


def _session_row(row: StaffSession) -> dict[str, Any]:
    times = {"createdAt": row.created_at, "seenAt": row.seen_at, "endsAt": row.ends_at}
    shown = {name: f"{moment:%Y-%m-%d %H:%M:%S %Z}" for name, moment in times.items()}
    return {"id": row.ref, **shown, "ip": row.ip, "userAgent": row.user_agent}


def _show(member: StaffMember, password: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(member) | {"password": password})
        return
    click.echo(f"{member.email} ({member.role})")
    if password is not None:
        click.echo(f"  password, for the first sign-in, shown this once:  {password}")


def _well(read: Callable[[], T]) -> T:
    try:
        return read()
    except Invalid as error:
        fail("\n".join(each.message for each in error.fields), code=USAGE)


def _in_transaction(work: Callable[[Session], Awaitable[T]], unknown: str = "") -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    try:
        return with_database(run)
    except NotFound:
        fail(f"There is nobody with the address {unknown}.")
    except EmailTaken as error:
        fail(str(error))
    except Invalid as error:
        fail("\n".join(each.message for each in error.fields), code=USAGE)
