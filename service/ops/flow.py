"""Check the promises of the data when asked, and remember what came of it, in the audit trail, for every process to tell.

A check reads whole tables on one snapshot; a process runs one at a time, others wait for it.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime

from service.access.rules import Principal
from service.acts.rules import read_cursor, write_cursor
from service.audit import flow as audit
from service.audit.flow import Chosen, note
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid
from service.kernel.invariants import Invariant, check_snapshot
from service.ops.views import InvariantsView, TrailView, Verdict, present, present_entry, verdict

CHECKED = "invariants.check"
SUBJECT = "invariants"
LOOKED_BACK = 20  # checks: a promise that was left out of all of these counts as never checked


class Promises:
    """The promises of this installation; built once, in the root."""

    def __init__(self, db: Database, invariants: Sequence[Invariant]) -> None:
        self._db = db
        self._invariants = tuple(invariants)
        self._turn = asyncio.Lock()

    async def read(self) -> InvariantsView:
        """All promises with the last verdict on each."""
        async with self._db.transaction() as session:
            last = await _last_verdicts(session)
        return self._view(self._invariants, last)

    async def check(self, by: Principal, only: Sequence[str] | None, *, reason: str) -> InvariantsView:
        """Check them now; raises `Invalid` for a name that is none."""
        known = {each.name: each for each in self._invariants}
        if strange := sorted(set(only or ()) - known.keys()):
            raise Invalid([FieldError("only", "unknown_invariant", f"No promise is called {', '.join(strange)}.")])
        wanted = [each for each in self._invariants if only is None or each.name in only]
        async with self._turn, self._db.transaction() as session:
            findings = await check_snapshot(session, wanted)
            at = session.now
        found = {each.invariant.name: verdict(each, at) for each in findings}
        async with self._db.transaction() as session:
            counts = {name: each.violations for name, each in found.items()}
            examples = {name: each.examples for name, each in found.items() if each.examples}
            told = {"at": at.isoformat(), "violations": counts, "examples": examples, "reason": reason}
            note(session, by, CHECKED, SUBJECT, after=told)
        return self._view(wanted, found)

    def _view(self, wanted: Sequence[Invariant], last: dict[str, Verdict]) -> InvariantsView:
        holds = all(last[each.name].violations == 0 for each in wanted if each.name in last) if last else None
        return InvariantsView(holds, [present(each, last.get(each.name)) for each in wanted])


async def _last_verdicts(session: Session) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    for entry in await audit.newest(session, Chosen(action=CHECKED, subject=SUBJECT), limit=LOOKED_BACK):
        told = json.loads(entry.after or "{}")
        for name, count in told["violations"].items():
            at = datetime.fromisoformat(told["at"])
            found.setdefault(name, Verdict(at, count, told["examples"].get(name, [])))
    return found


async def read_trail(session: Session, chosen: Chosen, *, limit: int, cursor: str | None) -> TrailView:
    """One page of the audit trail, newest first, and where the next one begins."""
    rows = await audit.newest(session, chosen, limit=limit + 1, before=read_cursor(cursor))
    follows = write_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return TrailView([present_entry(each) for each in rows[:limit]], follows)
