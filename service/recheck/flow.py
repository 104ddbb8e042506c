"""Read a day anew at the gateways and compare it with the books, as the worker does each morning.

That it begins is written down first, then what was found: how many differences, and what they come to. What differs is kept as
always, until it is gone or somebody has accepted it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from service.acts.flow import begin, end, give_up
from service.acts.rules import Affected, Asked, Plan, Told, sums
from service.comparison.rules import Terms
from service.gateways.base import Capability, Gateway
from service.kernel.db import Database, Session
from service.kernel.errors import CubanoError, FieldError, GatewayError, Invalid, WrongState
from service.recheck.views import RecheckAsked
from service.reconciliation.flow import reconcile
from service.reconciliation.tables import Difference
from service.reconciliation.views import Report
from service.settlements.flow import refresh

LOOK_S = 30  # how long reading and comparing may take while somebody waits
LONGEST_AGO = timedelta(days=400)  # gateways do not list older movements


@dataclass(frozen=True)
class Books:
    """Whose days can be compared, and what is expected of each; built once, in the root."""

    db: Database
    gateways: Mapping[str, Gateway]
    terms: Mapping[str, Terms]

    @property
    def able(self) -> list[Gateway]:
        return [each for each in self.gateways.values() if Capability.LIST_SETTLEMENTS in each.capabilities]


async def run(books: Books, asked: Asked, wish: RecheckAsked) -> Told:
    """Compare the day; a list that cannot be read leaves its gateway compared as far as it is known.

    Raises `Invalid`, and `WrongState` when it takes too long.
    """
    chosen = _chosen(books, wish)
    async with books.db.transaction() as session:
        if asked.act.dry_run:
            return (await _plan(session, chosen, wish.day)).told(dry_run=True)
        begun, claim = await begin(session, asked, lambda: _plan(session, chosen, wish.day))
    if isinstance(begun, Told):
        return begun
    try:
        async with asyncio.timeout(LOOK_S):
            compared = [await _compare(books, each, wish.day) for each in chosen]
    except (CubanoError, TimeoutError) as error:
        async with books.db.transaction() as session:
            await give_up(session, asked, claim)
        if isinstance(error, TimeoutError):
            raise WrongState(f"It takes longer than {LOOK_S} s; `cubano books reconcile` has time.") from None
        raise
    async with books.db.transaction() as session:
        told = _found(begun, compared).told(dry_run=False)
        await end(session, asked, claim, told, action="reconciliation.done")
    return told


def _chosen(books: Books, wish: RecheckAsked) -> list[Gateway]:
    today = books.db.clock().date()
    if not today - LONGEST_AGO <= wish.day <= today:
        raise Invalid([FieldError("day", "out_of_range", f"From {today - LONGEST_AGO} to {today}.")])
    chosen = [each for each in books.able if wish.provider in {None, each.provider}]
    if not chosen:
        known = ", ".join(each.provider for each in books.able)
        raise Invalid([FieldError("provider", "lists_no_movements", f"One of {known}.")])
    return chosen


async def _plan(session: Session, chosen: Sequence[Gateway], day: date) -> Plan:
    names = [each.provider for each in chosen]
    mine = Difference.day == day, Difference.provider.in_(names), Difference.resolved_at.is_(None)
    still = (await session.execute(sa.select(sa.func.count()).select_from(Difference).where(*mine))).scalar_one()
    return Plan(
        action="reconciliation.run",
        subject=f"{day}",
        before={"differences": still},
        after={"day": f"{day}", "providers": ",".join(names)},
        affects=Affected(events=still),
    )


async def _compare(books: Books, gateway: Gateway, day: date) -> tuple[Report, bool]:
    """The report, and whether the gateway's list was read to its end."""
    try:
        await refresh(books.db, gateway, day)
    except GatewayError:
        is_read = False
    else:
        is_read = True
    async with books.db.transaction() as session:
        return await reconcile(session, day, books.terms[gateway.provider], anew=is_read), is_read


def _found(plan: Plan, compared: Sequence[tuple[Report, bool]]) -> Plan:
    differences = [each for report, _ in compared for each in report.differences]
    after = {
        **(plan.after or {}),
        "compared": len(compared),
        "differences": len(differences),
        "cents": sum(abs(each.amount.minor) for each in differences),
        "unread": ",".join(report.provider for report, is_read in compared if not is_read),
    }
    amounts = sums((abs(each.amount.minor), each.amount.currency) for each in differences)
    touched = len({each.order_id for each in differences if each.order_id})
    affects = Affected(orders=touched, events=len(differences), amounts=amounts)
    return Plan(plan.action, plan.subject, plan.before, after, affects=affects)
