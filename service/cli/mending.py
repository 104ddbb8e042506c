"""What `--fix` does: post what our rows say, ask the gateway about what we have not heard, fetch events that never came.

Each only repeats what would have happened by itself, so it may be done twice; each leaves an entry in the audit trail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from service.audit.flow import note
from service.cli.common import operator
from service.cli.sweep import writer
from service.comparison.rules import DifferenceKind
from service.completion.flow import find_out
from service.gateways.base import Capability, Gateway
from service.keeping.flow import keep
from service.kernel.db import Database
from service.kernel.errors import CubanoError
from service.parts import Parts
from service.payments.tables import Payment
from service.reconciliation.rules import KINDS
from service.reconciliation.tables import Difference
from service.reconciliation.views import Report
from service.recovery.flow import read_list
from service.recovery.rules import KEPT

BEFORE, AFTER = timedelta(hours=1), timedelta(days=1)  # the movement, its events may have been made


@dataclass(frozen=True)
class Repair:
    """What was done about one difference."""

    difference: str
    did: str


async def mend(parts: Parts, gateway: Gateway, report: Report, *, by: str) -> list[Repair]:
    """Do what is safe about each difference of a report; one that cannot be mended holds up no other."""
    repairs, unheard = [], []
    for each in (one for one in report.differences if KINDS[DifferenceKind(one.kind)].safe):
        if each.kind == DifferenceKind.UNPOSTED:
            repairs.append(await _keep(parts.db, each, by))
        elif each.subject.startswith("pay_"):
            repairs.append(await _ask(parts, each, by))
        else:
            unheard.append(each)
    if unheard and Capability.LIST_EVENTS in gateway.capabilities:
        found = await _fetch(parts, gateway, unheard, by)
        repairs += [Repair(each.id, found) for each in unheard]
    return repairs


async def _keep(db: Database, one: Difference, by: str) -> Repair:
    async with db.transaction() as session:
        posted = one.order_id is not None and await keep(session, one.order_id)
        note(session, operator(by), "books.post", one.id, after={"subject": one.subject, "posted": posted})
    return Repair(one.id, f"{one.subject} is posted" if posted else f"there was nothing to post for {one.subject}")


async def _ask(parts: Parts, one: Difference, by: str) -> Repair:
    async with parts.db.transaction() as session:
        payment = (await session.execute(sa.select(Payment).where(Payment.id == one.subject))).scalar_one()
        note(session, operator(by), "books.ask", one.id, after={"subject": one.subject})
    try:
        await find_out(parts.shop, payment)
    except CubanoError as error:
        return Repair(one.id, f"{one.subject} cannot be found out: {error}")
    return Repair(one.id, f"the gateway was asked about {one.subject}")


async def _fetch(parts: Parts, gateway: Gateway, unheard: Sequence[Difference], by: str) -> str:
    """The events around these movements, from the gateway's own list into the inbox; the worker applies them."""
    now = parts.db.clock()
    since = max(min(each.occurred_at for each in unheard) - BEFORE, now - KEPT)
    until = min(max(each.occurred_at for each in unheard) + AFTER, now)
    batches = read_list(
        gateway, writer(parts.db, by), parts.db, since=since, until=until, livemode=parts.settings.livemode
    )
    try:
        missing = [event async for batch in batches for event in batch.missing]
    except CubanoError as error:
        return f"its events cannot be listed: {error}"
    return f"{len(missing)} events were fetched; the worker applies them" if missing else "no event was missing"
