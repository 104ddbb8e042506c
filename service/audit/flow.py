"""Write to the trail in the caller's own transaction, and prove that nobody has touched it since.

`note` is remembered at once and written as the last thing before the commit: the chain is one line for everybody, and who
stands in it holds no lock that another one needs in order to reach it. What is rolled back was never noted.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from service.audit.rules import START, Actor, Entry, digest, facts, moment, plain
from service.audit.tables import AuditEntry
from service.kernel.db import Session
from service.telemetry.logs import get_logger
from service.telemetry.redaction import redact_text
from service.telemetry.tracing import current_trace_id

ADVISORY_LOCK = 0x61756474  # "audt": one writer at a time, until its commit
BATCH = 1000  # rows a read brings

log = get_logger("audit")


@dataclass(frozen=True)
class Mark:
    """A place of the chain to keep elsewhere: as long as it is found, nothing before it was changed."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Verdict:
    """`last` is where the chain ends; `broken` names the first wrong entry and what is wrong with it."""

    entries: int
    last: Mark
    broken: tuple[int, str] | None = None


@dataclass(frozen=True)
class Chosen:
    """Which entries are asked for; None is any."""

    actor_id: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def note(
    session: Session,
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down with this transaction that the actor did `action` (`key.rotate`) to `subject` (an id)."""
    written = {
        "actor_kind": plain(actor.kind),
        "actor_id": plain(actor.id),
        "actor_name": plain(actor.name),
        "action": plain(action),
        "subject": plain(subject),
        "before": facts(before),
        "after": facts(after),
        "ip": plain(actor.origin.ip) or None,
        "user_agent": plain(redact_text(actor.origin.user_agent)) or None,
        "trace_id": current_trace_id(),
    }
    session.before_commit(partial(_write, session, written))


async def _write(session: Session, written: Mapping[str, str | None]) -> None:
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    end = await head(session)
    values: dict[str, Any] = {"seq": end.seq + 1, **written, "previous": end.hash}
    made = digest(Entry(at=moment(session.now), **values))
    await session.execute(sa.insert(AuditEntry).values(at=session.now, hash=made, **values))
    # The log leaves this machine: a chain that is cut short, or made anew as a whole, no longer fits it.
    log.info("audit", action=written["action"], subject=written["subject"], seq=values["seq"], chain=made)


async def head(session: Session) -> Mark:
    """The end of the chain."""
    newest = sa.select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    found = (await session.execute(newest)).one_or_none()
    return Mark(found.seq, found.hash) if found else Mark(0, START)


async def verify(session: Session, *, kept: Mark | None = None) -> Verdict:
    """Read the whole chain, and stop at the first entry that does not fit; `kept` must be found on the way."""
    last = Mark(0, START)
    async for entry in read(session, Chosen()):
        if wrong := _wrong(entry, last, kept):
            return Verdict(last.seq, last, (entry.seq, wrong))
        last = Mark(entry.seq, entry.hash)
    if kept and last.seq < kept.seq:
        return Verdict(last.seq, last, (last.seq + 1, f"the chain once reached entry {kept.seq}; it was cut short"))
    return Verdict(last.seq, last)


def _wrong(entry: AuditEntry, last: Mark, kept: Mark | None) -> str | None:
    if entry.seq != last.seq + 1:
        return f"follows entry {last.seq}: something between was taken out"
    if entry.previous != last.hash:
        return "does not continue the entry before it"
    if entry.hash != digest(as_hashed(entry)):
        return "says something else than when it was written"
    if kept and kept.seq == entry.seq and kept.hash != entry.hash:
        return "has not the hash that was kept: the chain was made anew"
    return None


def as_hashed(row: AuditEntry) -> Entry:
    """The row as its hash was made."""
    fields = {name: getattr(row, name) for name in Entry.__dataclass_fields__ if name != "at"}
    return Entry(at=moment(row.at), **fields)


async def read(session: Session, chosen: Chosen) -> AsyncIterator[AuditEntry]:
    """The chosen entries, oldest first, a batch at a time: any number of them takes the same memory."""
    last = 0
    while True:
        query = sa.select(AuditEntry).where(AuditEntry.seq > last, *_conditions(chosen))
        batch = (await session.execute(query.order_by(AuditEntry.seq).limit(BATCH))).scalars().all()
        for entry in batch:
            yield entry
        if len(batch) < BATCH:
            return
        last = batch[-1].seq


async def newest(session: Session, chosen: Chosen, *, limit: int, before: int | None = None) -> list[AuditEntry]:
    """The last entries, newest first; those before an entry, if one is named."""
    query = sa.select(AuditEntry).where(*_conditions(chosen)).order_by(AuditEntry.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    return list((await session.execute(query)).scalars())


def _conditions(chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    equal = {
        AuditEntry.actor_id: chosen.actor_id,
        AuditEntry.action: chosen.action,
        AuditEntry.subject: chosen.subject,
    }
    found = [column == value for column, value in equal.items() if value is not None]
    if chosen.since is not None:
        found.append(AuditEntry.at >= chosen.since)
    if chosen.until is not None:
        found.append(AuditEntry.at < chosen.until)
    return found
