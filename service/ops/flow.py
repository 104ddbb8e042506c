"""Check the promises of the data when asked, read the audit trail, forget a customer.

What a check found is remembered in the audit trail, for every process to tell.
A check reads whole tables on one snapshot; a process runs one at a time, others wait for it.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from service.access.rules import Principal
from service.acts.flow import Prepared
from service.acts.rules import Affected, Plan, read_cursor, write_cursor
from service.audit import flow as audit
from service.audit.flow import Chosen, note
from service.erasure import flow as erasure
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid, WrongState
from service.kernel.invariants import Invariant, check_snapshot
from service.ops.views import EraseAsked, InvariantsView, TrailView, Verdict, present, present_entry, verdict
from service.orders.flow import add_up
from service.orders.tables import Order

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


async def prepare_erase(session: Session, wish: EraseAsked, by: Principal) -> Prepared:
    """Forget a customer, with all orders of the address; nothing of the plan names them. `NotFound`, `WrongState`."""
    if (wish.email is None) == (wish.order_id is None):
        raise Invalid([FieldError("email", "one_of_two", "Name an e-mail address or an order, and only one of them.")])
    wanted = wish.email or wish.order_id or ""
    found = await erasure.find(session, wanted)
    waits = [each for each in found if each.under_way and not each.erased]
    if waits and not wish.force:
        told = ", ".join(f"{each.number} ({each.under_way})" for each in waits)
        raise WrongState(f"Still under way: {told}. Wait for its end, or force it where the law demands that.")
    remain = [each for each in found if not each.erased]
    ids = [each.order_id for each in found]
    _, amounts = await add_up(session, Order.id.in_([each.order_id for each in remain]))
    plan = Plan(
        action="customers.erase",
        subject=ids[0],
        before={"orders": {each.order_id: "erased" if each.erased else each.status for each in found}},
        after={"erased": [each.order_id for each in remain], "forced": bool(waits)},
        changes=bool(remain),
        affects=Affected(orders=len(remain), amounts=amounts),
    )
    return Prepared(plan, partial(erasure.erase, session, by, wanted, force=wish.force))
