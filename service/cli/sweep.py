"""`cubano inbox sweep`: the worker's sweep on demand, for a time of one's own choosing, or only to look."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import click

from service.arrivals.flow import write
from service.audit.flow import note
from service.cli.common import (
    FOUND_WRONG,
    USAGE,
    as_json,
    by_option,
    fail,
    operator,
    print_json,
    settings_or_exit,
    with_parts,
)
from service.gateways.base import Capability, Gateway
from service.kernel.db import Database
from service.kernel.errors import GatewayError, GatewayUnavailable
from service.parts import Parts
from service.recovery.flow import Take, looker, read_list, read_mark
from service.recovery.rules import window
from service.webhooks.tables import Arrival

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass
class _Sweep:
    """What one gateway's list told."""

    provider: str
    since: datetime
    until: datetime
    listed: int = 0
    missing: list[str] = field(default_factory=list)
    wrong_mode: int = 0
    problem: str | None = None


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | timedelta | None:
    """`90m`, `2h` and `3d` are before now; anything else is a time of ISO 8601, with its zone."""
    if value is None:
        return None
    if before := re.fullmatch(r"(\d{1,5})([mhd])", value):
        return timedelta(**{UNITS[before[2]]: int(before[1])})
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a time like 2h nor one of ISO 8601.") from None
    if moment.utcoffset() is None:
        raise click.BadParameter(f"{value!r} names no zone; write {value}Z for UTC.")
    return moment


@click.command()
@click.option("--provider", help="Only this gateway.")
@click.option(
    "--since", callback=_moment, help="From when: 90m, 2h, 3d, or a time with its zone. Default: the last sweep."
)
@click.option("--dry-run", is_flag=True, help="Only show what is missing.")
@by_option
@as_json
def sweep(provider: str | None, since: datetime | timedelta | None, *, dry_run: bool, by: str, as_json: bool) -> None:
    """Read the gateways' own lists of events and write down what never came; exit 1 when one cannot be read.

    The worker does so by itself every minute. Safe: what is known is left alone.
    """

    async def work(parts: Parts) -> list[_Sweep]:
        lists = [each for each in parts.gateways.values() if Capability.LIST_EVENTS in each.capabilities]
        chosen = [each for each in lists if provider in {None, each.provider}]
        take = looker(parts.db) if dry_run else writer(parts.db, by)
        if not chosen:
            fail(f"{provider!r} lists no events; one of {', '.join(each.provider for each in lists)} does.", code=USAGE)
        return [await _sweep_one(parts, each, since, take) for each in chosen]

    swept = with_parts(settings_or_exit(), work)
    _show_sweeps(swept, dry_run=dry_run, as_json=as_json)
    sys.exit(FOUND_WRONG if any(each.problem for each in swept) else 0)


def writer(db: Database, by: str) -> Take:
    """Write them down, each batch in one transaction with its entry in the audit trail."""

    async def take(arrivals: Sequence[Arrival]) -> list[bool]:
        async with db.transaction() as session:
            new = await write(session, arrivals)
            written = [each.envelope.event_id for each, is_new in zip(arrivals, new, strict=True) if is_new]
            if written:
                note(session, operator(by), "inbox.sweep", "inbox", after={"missing": {arrivals[0].provider: written}})
        return new

    return take


async def _sweep_one(parts: Parts, gateway: Gateway, since: datetime | timedelta | None, take: Take) -> _Sweep:
    now = parts.db.clock()
    async with parts.db.transaction() as session:
        marked = await read_mark(session, gateway.provider)
    start = now - since if isinstance(since, timedelta) else since or marked
    told = _Sweep(gateway.provider, window(start, now=now)[0], now)
    try:
        async for batch in read_list(
            gateway, take, parts.db, since=told.since, until=now, livemode=parts.settings.livemode
        ):
            told.listed += batch.listed
            told.missing += [each.event_id for each in batch.missing]
            told.wrong_mode += batch.wrong_mode
    except GatewayError as error:
        told.problem = error.reason if isinstance(error, GatewayUnavailable) else str(error)
    return told


def _show_sweeps(swept: Sequence[_Sweep], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json([_told_sweep(each) | {"dryRun": dry_run} for each in swept])
        return
    verb = "missing" if dry_run else "written down"
    for each in swept:
        click.echo(
            f"{each.provider}: {each.listed} events since {each.since:%Y-%m-%d %H:%M:%S %Z}, {len(each.missing)} {verb}"
            + (f", {each.wrong_mode} of the other mode" if each.wrong_mode else "")
            + (f"; its list could not be read to the end: {each.problem}" if each.problem else "")
        )
        for event_id in each.missing:
            click.echo(f"  {event_id}")


def _told_sweep(sweep: _Sweep) -> dict[str, object]:
    return {
        "provider": sweep.provider,
        "since": sweep.since.isoformat(),
        "until": sweep.until.isoformat(),
        "listed": sweep.listed,
        "missing": sweep.missing,
        "wrongMode": sweep.wrong_mode,
        "problem": sweep.problem,
    }
