"""What changed lately: acts on switches, keys, people and secrets from the audit trail, builds and settings from the starts.

`Starts` writes a process's own row when its build or a setting is another than at its last start. Of customers nothing is
told, of people their id, of a setting its name.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.audit.tables import AuditEntry
from service.changes.tables import ProcessStart
from service.changes.views import ChangesView, ChangeView
from service.kernel.db import Database, Session

RECENT = timedelta(hours=24)  # when nobody says since when
KINDS = {  # the beginning of an action, and what has changed then
    "switch.": "switch",
    "key.": "key",
    "staff.": "staff",
    "webhook_secret.": "secret",
}
QUIET = ("staff.sign_in", "staff.sign_in_failed", "staff.recovery_code")  # people come and go; nothing is different
# What is told of an entry; everything else in it may name somebody.
TOLD = frozenset({
    *("value", "until", "lease", "reason", "client", "role", "permissions", "expiresAt", "revokedAt", "enabled"),
    *("second_factor", "provider", "accepted", "accepts", "retires"),
})  # fmt: skip
SPAN = 50_000  # entries of the trail that are looked at
_DIGEST = 12  # hexadecimal digits


class Starts:
    """The build and settings of a process, to be written down once; `turn` does so, and nothing after it has succeeded."""

    def __init__(self, db: Database, process: str, version: str, settings: Mapping[str, str]) -> None:
        self._db = db
        self._process = process
        self._version = version
        self._settings = settings
        self._is_told = False

    async def turn(self) -> bool:
        """Write a row, if it differs from the last one; never more work at once."""
        if self._is_told:
            return False
        async with self._db.transaction() as session:
            await _write(session, self._process, self._version, self._settings)
        self._is_told = True
        return False


async def _write(session: Session, process: str, version: str, settings: Mapping[str, str]) -> None:
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"start {process}"))))
    mine = sa.select(ProcessStart).where(ProcessStart.process == process).order_by(ProcessStart.seq.desc()).limit(1)
    last = (await session.execute(mine)).scalar_one_or_none()
    known = last.settings if last else {}
    digests = {name: session.master_keys.digests(f"{name}={text}") for name, text in sorted(settings.items())}
    # By any master key, so that a new one is not a change of everything.
    kept = {
        name: old if (old := known.get(name)) in {each[:_DIGEST] for each in made} else made[0][:_DIGEST]
        for name, made in digests.items()
    }
    changed = sorted(name for name in known.keys() | kept.keys() if known.get(name) != kept.get(name)) if last else []
    if last is None or last.version != version or changed:
        session.add(ProcessStart(at=session.now, process=process, version=version, settings=kept, changed=changed))


async def read(session: Session, *, since: datetime | None, limit: int) -> ChangesView:
    """Newest first, at most `limit`."""
    start = since or session.now - RECENT
    acts = sa.or_(*(AuditEntry.action.startswith(each) for each in KINDS))
    newest = sa.select(sa.func.coalesce(sa.func.max(AuditEntry.seq), 0)).scalar_subquery()
    entries = (
        sa.select(AuditEntry)
        .where(AuditEntry.seq > newest - SPAN, AuditEntry.at >= start, acts, AuditEntry.action.not_in(QUIET))
        .order_by(AuditEntry.seq.desc())
        .limit(limit)
    )
    starts = sa.select(ProcessStart).where(ProcessStart.at >= start).order_by(ProcessStart.seq.desc()).limit(limit)
    found = [_of_entry(each) for each in (await session.execute(entries)).scalars()]
    for each in (await session.execute(starts)).scalars():
        found += await _of_start(session, each)
    return ChangesView(sorted(found, key=lambda each: each.at, reverse=True)[:limit], start)


def _of_entry(row: AuditEntry) -> ChangeView:
    kind = next(kind for start, kind in KINDS.items() if row.action.startswith(start))
    by = row.actor_id if row.actor_kind == "staff" else row.actor_name
    return ChangeView(row.at, kind, row.action, row.subject, by, _told(row.before), _told(row.after))


def _told(text: str | None) -> dict[str, Any] | None:
    facts = json.loads(text) if text else None
    return {name: value for name, value in facts.items() if name in TOLD} if isinstance(facts, dict) else None


async def _of_start(session: Session, row: ProcessStart) -> list[ChangeView]:
    """A build that the process had not had before, and settings that are others."""
    before = sa.select(ProcessStart.version).where(ProcessStart.process == row.process, ProcessStart.seq < row.seq)
    last = (await session.execute(before.order_by(ProcessStart.seq.desc()).limit(1))).scalar_one_or_none()
    found = []
    if last != row.version:
        was = {"version": last} if last else None
        found.append(
            ChangeView(row.at, "deploy", "process.build", row.process, "system", was, {"version": row.version})
        )
    if row.changed:
        now = {"settings": row.changed}
        found.append(ChangeView(row.at, "settings", "process.settings", row.process, "system", None, now))
    return found
