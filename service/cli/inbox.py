"""`cubano inbox`: look at the gateways' events, apply one again, decide against one, or fetch what never came."""

import json
import sys

import click
import sqlalchemy as sa
from rich.table import Table

from service.audit.flow import note
from service.cli.common import FOUND_WRONG, as_json, by_option, console, fail, operator, print_json, with_database
from service.cli.sweep import sweep
from service.inbox.flow import Chosen, facts, find
from service.inbox.flow import replay as replay_one
from service.kernel.db import Database, Session
from service.webhooks import flow
from service.webhooks.tables import EventState, PaymentEvent

ANY = "all"


@click.group(commands=[sweep])
def inbox() -> None:
    """Events of the gateways, dead letters among them."""


@inbox.command()
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in EventState), ANY]),
    default=ANY,
    help="Only events in this state.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
def ls(state: str, limit: int, *, as_json: bool) -> None:
    """List events, newest first; exit 1 when dead letters are among them."""

    async def work(database: Database) -> list[PaymentEvent]:
        async with database.transaction() as session:
            return await find(session, Chosen(state=None if state == ANY else state), limit=limit)

    events = with_database(work)
    if as_json:
        print_json([_summary(each) for each in events])
    else:
        table = Table(
            *("seq", "event", "type", "subject", "state", "tries", "received", "found by", "cause"),
            box=None,
            pad_edge=False,
        )
        for each in events:
            row = (each.seq, each.event_id, each.type, each.subject, each.state, each.attempts)
            table.add_row(*map(str, row), f"{each.received_at:%Y-%m-%d %H:%M:%S %Z}", *_told(each))
        console().print(table if events else "No events.")
    sys.exit(FOUND_WRONG if any(each.state == EventState.DEAD for each in events) else 0)


@inbox.command()
@click.argument("event")
@as_json
def show(event: str, *, as_json: bool) -> None:
    """Show one EVENT (its id or its number) with its payload and what became of it."""

    async def work(database: Database) -> PaymentEvent | None:
        async with database.transaction() as session:
            return await flow.find_event(session, event)

    found = with_database(work) or _unknown(event)
    payload = _payload(found)
    if as_json:
        detail = {"detail": json.loads(found.detail)} if found.detail else {}
        print_json({**_summary(found), "lastError": found.last_error, "payload": payload, **detail})
        return
    for name, value in _summary(found).items():
        click.echo(f"{name:12} {'' if value is None else value}")
    if found.last_error:
        click.echo(f"{'lastError':12} {found.last_error}")
    click.echo(json.dumps(payload, indent=2, ensure_ascii=False))
    if found.detail:
        click.echo("stands for")
        click.echo(json.dumps(json.loads(found.detail), indent=2, ensure_ascii=False))


@inbox.command()
@click.argument("events", nargs=-1)
@click.option("--dead", is_flag=True, help="All dead letters.")
@by_option
def replay(events: tuple[str, ...], *, dead: bool, by: str) -> None:
    """Apply EVENTS again from the start. Safe: effects hang on what they change, not on the event.

    A discarded event is only applied when it is named; why it was discarded is then its last error.
    """
    if not events and not dead:
        raise click.UsageError("Name events, or say --dead.")

    async def work(database: Database) -> int:
        async with database.transaction() as session:
            chosen = await _lock_dead(session) if dead else []
            chosen += [await flow.find_event(session, each) or _unknown(each) for each in events]
            for each in chosen:
                await replay_one(session, each)
            if chosen:
                one = chosen[0].event_id if len(chosen) == 1 else "inbox"
                before = {"events": [each.event_id for each in chosen]} if one == "inbox" else facts(chosen[0])
                note(session, operator(by), "inbox.replay", one, before=before, after={"state": "pending"})
        return len({each.seq for each in chosen})

    click.echo(f"{with_database(work)} events will be applied again.")


@inbox.command()
@click.argument("event")
@click.option("--why", required=True, help="The reason; it stays with the event.")
@by_option
def discard(event: str, why: str, by: str) -> None:
    """Decide that EVENT shall have no effect."""

    async def work(database: Database) -> str:
        async with database.transaction() as session:
            found = await flow.find_event(session, event) or _unknown(event)
            if found.state not in {EventState.PENDING, EventState.DEAD}:
                fail(f"{found.event_id} is {found.state}; only pending and dead events can be discarded.")
            after = {"state": "discarded", "reason": why}
            note(session, operator(by), "inbox.discard", found.event_id, before=facts(found), after=after)
            await flow.discard(session, found, why=why)
            return found.event_id

    click.echo(f"{with_database(work)} is discarded.")


async def _lock_dead(session: Session) -> list[PaymentEvent]:
    """All dead letters, locked: what somebody else decides meanwhile about one of them is waited for and holds."""
    dead = sa.select(PaymentEvent).where(PaymentEvent.state == EventState.DEAD).order_by(PaymentEvent.seq)
    return list((await session.execute(dead.with_for_update())).scalars())


def _unknown(event: str) -> PaymentEvent:
    fail(f"No event {event!r} in the inbox.")


def _payload(event: PaymentEvent) -> object:
    try:
        return json.loads(event.payload)
    except ValueError:
        return event.payload.decode(errors="replace")


def _thin(event: PaymentEvent) -> str | None:
    """Whether the object a thin event names is there."""
    if not event.is_thin:
        return None
    return "unfetched" if event.detail is None else "fetched"


def _told(event: PaymentEvent) -> tuple[str, str]:
    """How it came, and why it has ended as it has."""
    waits = event.is_thin and event.detail is None
    return "unfetched" if waits else event.found_by, event.cause or ""


def _summary(event: PaymentEvent) -> dict[str, object]:
    return {
        "seq": event.seq,
        "eventId": event.event_id,
        "provider": event.provider,
        "type": event.type,
        "subject": event.subject,
        "state": event.state,
        "outcome": event.outcome,
        "attempts": event.attempts,
        "cause": event.cause,
        "foundBy": event.found_by,
        "thin": _thin(event),
        "createdAt": event.created_at.isoformat(),
        "receivedAt": event.received_at.isoformat(),
        "dueAt": event.due_at.isoformat(),
        "traceparent": event.traceparent,
    }
