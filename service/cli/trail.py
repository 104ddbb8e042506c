"""`cubano access audit`: read the trail, prove that it is whole, and hand it over."""

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import IO, Any, TypeVar

import click
from rich.table import Table

from service.audit import flow as trail
from service.audit.flow import Chosen, Mark
from service.audit.tables import AuditEntry
from service.cli.common import FOUND_WRONG, as_json, console, print_json, with_database
from service.kernel.db import Database, Session

T = TypeVar("T")


@click.group()
def audit() -> None:
    """Who did what to what, when, and from where."""


def _mark(_context: click.Context, parameter: click.Parameter, value: str | None) -> Mark | None:
    if value is None:
        return None
    seq, _, hashed = value.partition(":")
    if not seq.isascii() or not seq.isdigit() or not hashed:
        raise click.BadParameter("SEQ:HASH, as `verify` prints it", param=parameter)
    return Mark(int(seq), hashed)


chosen_by = (
    click.option("--actor", "actor_id", help="Only of this id."),
    click.option("--action", help="Only this, for example key.revoke."),
    click.option("--subject", help="Only about this id."),
    click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="From this moment on (UTC)."),
    click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Before this moment (UTC)."),
)


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(chosen_by):
        command = option(command)
    return command


@audit.command("ls")
@_choosing
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
def ls_entries(*, limit: int, as_json: bool, **chosen: Any) -> None:
    """List entries, newest first."""

    async def work(session: Session) -> list[dict[str, Any]]:
        return [_entry(each) for each in await trail.newest(session, _chosen(chosen), limit=limit)]

    rows = _read(work)
    if as_json:
        print_json(rows)
        return
    table = Table("seq", "at", "who", "action", "what", "from", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(row[each] or "") for each in ("seq", "at", "actor", "action", "subject", "ip")))
    console().print(table if rows else "Nothing was done.")


@audit.command()
@click.option(
    "--kept", callback=_mark, metavar="SEQ:HASH", help="An end that was printed once: it must still be there."
)
@as_json
def verify(*, kept: Mark | None, as_json: bool) -> None:
    """Read the whole trail and prove that nothing was changed, taken out or put in; exit 1 names the first wrong entry."""

    async def work(session: Session) -> trail.Verdict:
        return await trail.verify(session, kept=kept)

    found = _read(work)
    end = f"{found.last.seq}:{found.last.hash}"
    if as_json:
        broken = {"seq": found.broken[0], "problem": found.broken[1]} if found.broken else None
        print_json({"entries": found.entries, "last": end, "broken": broken})
    elif found.broken:
        click.echo(f"Entry {found.broken[0]} {found.broken[1]}. {found.entries} before it are whole.", err=True)
    else:
        click.echo(f"{found.entries} entries, all as they were written. Keep this elsewhere: {end}")
    sys.exit(FOUND_WRONG if found.broken else 0)


@audit.command()
@_choosing
@click.option("--to", "target", type=click.File("w", encoding="utf-8"), default="-", help="A file; else it is printed.")
def export(*, target: IO[str], **chosen: Any) -> None:
    """Write entries as lines of JSON, oldest first, each with what its hash is made of."""

    async def work(session: Session) -> int:
        count = 0
        async for each in trail.read(session, _chosen(chosen)):
            target.write(json.dumps(asdict(trail.as_hashed(each)) | {"hash": each.hash}, ensure_ascii=False) + "\n")
            count += 1
        return count

    click.echo(f"{_read(work)} entries.", err=True)


def _chosen(given: dict[str, Any]) -> Chosen:
    def utc(moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment else None

    return Chosen(given["actor_id"], given["action"], given["subject"], utc(given["since"]), utc(given["until"]))


def _entry(row: AuditEntry) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": f"{row.at:%Y-%m-%d %H:%M:%S %Z}",
        "actor": f"{row.actor_kind} {row.actor_name}",
        "actorId": row.actor_id,
        "action": row.action,
        "subject": row.subject,
        "before": json.loads(row.before) if row.before else None,
        "after": json.loads(row.after) if row.after else None,
        "ip": row.ip,
        "userAgent": row.user_agent,
        "traceId": row.trace_id,
    }


def _read(work: Callable[[Session], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    return with_database(run)
