"""Make the responder's role, or put it right; whoever may not is told exactly which statements are missing.

Nothing is taken from a role that cannot be given back: each statement stands for itself, and what fails for want of a
privilege leaves the others done. It works with a server of others, where nobody is a superuser.
"""

import asyncio
import secrets
from dataclasses import dataclass, field

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from service.kernel.db import Session
from service.responder import rules

TRIES, PAUSE_S = 10, 0.1
_KNOWN = """
    SELECT rolcanlogin AND rolconnlimit = :connections AS fits, coalesce(rolconfig, '{}') AS settings
    FROM pg_roles WHERE rolname = :role
"""
_HELD = """
    SELECT of.rolname FROM pg_auth_members m JOIN pg_roles of ON of.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
    WHERE r.rolname = :role
"""
_LOCK = 0x72657370  # "resp": two at once would update the same row of the server's


@dataclass(frozen=True)
class Made:
    """`password` is the one that was set, None when the old one stays; `missing` are statements for an administrator."""

    role: str
    created: bool
    password: str | None = field(repr=False)
    missing: tuple[str, ...]


async def ensure(session: Session, *, role: str = rules.ROLE, password: str = "", anew: bool = False) -> Made:
    """The role with all its rights; without a password a new role gets a random one, and so does an old one if `anew`."""
    if not rules.is_name(role):
        raise ValueError("a role is named with small letters, digits and underscores")
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    known = {"role": role, "connections": rules.CONNECTIONS}
    found = (await session.execute(sa.text(_KNOWN), known)).one_or_none()
    exists = found is not None
    wanted = password or (secrets.token_urlsafe(32) if anew or not exists else None)
    verifier = await _verifier(session, role, wanted) if wanted else None
    fits = found is not None and found.fits and not wanted  # an administrator made it: there is nothing to alter
    made = fits or await _tried(session, rules.make(role, exists=exists, verifier=verifier))
    missing = [] if made else [rules.make(role, exists=exists, verifier="…" if wanted else None)]
    database = (await session.execute(sa.select(sa.func.current_database()))).scalar_one()
    held = (await session.execute(sa.text(_HELD), {"role": role})).scalars().all()
    wished = list(rules.grants(role, database, member_of=held, has=found.settings if found is not None else ()))
    missing += [each for each in wished if not ((made or exists) and await _tried(session, each))]
    return Made(role, made and not exists, wanted if made else None, tuple(missing))


async def _verifier(session: Session, role: str, password: str) -> str:
    """What the server would make of the password: so that no log of statements ever sees it."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    if not isinstance(connection, psycopg.AsyncConnection):
        raise TypeError("this database is not spoken to by psycopg")
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


async def _tried(session: Session, statement: str) -> bool:
    """Whether we may; what fails for want of a privilege has changed nothing."""
    for left in reversed(range(TRIES)):
        try:
            async with session.savepoint():
                await (await session.connection()).exec_driver_sql(statement)
        except sa.exc.ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            return False
        except sa.exc.InternalError:  # a role is the whole server's: somebody in another database has it in hand
            if not left:
                raise
            await asyncio.sleep(PAUSE_S)
        else:
            break
    return True


def dsn_of(database_url: str, made: Made) -> str:
    """Where the responder finds the database; without a password when the old one stays."""
    theirs = make_url(database_url)
    url = theirs._replace(username=made.role, password=made.password)  # `set` takes None for "as it is": the owner's
    return url.render_as_string(hide_password=False)
