"""Bring the books to where the rows stand: what was never written, for a database older than its journal too.

Payments, refunds and disputes post when they move. Whatever stopped that, their rows are the truth, and `keep` posts all of
one order again from them; what stands already is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from service.books import flow as books
from service.disputes import flow as disputes
from service.disputes.tables import Dispute
from service.journal.rules import GIFTS
from service.kernel.db import Database, Session
from service.kernel.errors import CubanoError
from service.kernel.money import Money
from service.orders import flow as orders
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.rules import money_of
from service.payments.tables import Payment
from service.refunds import flow as refunds
from service.settlements.flow import bounds
from service.telemetry import catalogue
from service.telemetry.logs import get_logger
from service.tickets import flow as tickets

CHUNK = 500  # orders looked at in one transaction
EVERY = timedelta(hours=24)  # between two walks over all orders
log = get_logger("keeping")

# What the rows of some orders say, and what of it the journal does not: `minor` here, `stands` there.
_UNPOSTED = f"""
    WITH wanted AS (
        SELECT id, order_id, coalesce(paid_at, updated_at) AS at, amount_currency AS currency,
               CASE WHEN status = 'succeeded' THEN amount_minor ELSE 0 END AS minor
        FROM payments WHERE order_id = ANY(:orders)
        UNION ALL
        SELECT id, order_id, coalesce(returned_at, updated_at), amount_currency,
               CASE WHEN status = 'succeeded' THEN -amount_minor ELSE 0 END
        FROM refunds WHERE order_id = ANY(:orders)
        UNION ALL
        SELECT id, order_id, updated_at, amount_currency,
               CASE WHEN status IN ('needs_response', 'under_review', 'lost') THEN -amount_minor ELSE 0 END
        FROM disputes WHERE order_id = ANY(:orders)
    ), stands AS (
        SELECT e.subject, sum(l.amount_minor) AS minor
        FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
            AND (l.account LIKE 'clearing:%' OR l.account = '{GIFTS}')
        WHERE e.subject IN (SELECT id FROM wanted)
        GROUP BY e.subject
    )
    SELECT w.id, w.order_id, w.at, w.currency, w.minor, coalesce(s.minor, 0) FROM wanted w
    LEFT JOIN stands s ON s.subject = w.id
    WHERE w.minor <> coalesce(s.minor, 0) ORDER BY w.id
"""  # noqa: S608 - our own constant
_OF_DAY = """
    SELECT order_id FROM payments WHERE provider = :provider AND paid_at >= :start AND paid_at < :end
    UNION
    SELECT order_id FROM refunds WHERE provider = :provider AND returned_at >= :start AND returned_at < :end
    UNION
    SELECT order_id FROM disputes WHERE provider = :provider AND updated_at >= :start AND updated_at < :end
"""


@dataclass(frozen=True)
class Unposted:
    """A payment, refund or dispute of which the books say something else."""

    subject: str
    order_id: str
    at: datetime
    amount: Money  # what is missing there


async def keep(session: Session, order_id: str) -> bool:
    """Post all of an order, which this locks, as its rows say; whether anything was to be written."""
    order = await orders.lock(session, order_id)
    if order is None:
        return False
    attempts = {each.id: each for each in await payments.of_order(session, order_id)}
    seated = bool(await tickets.of_order(session, order_id))
    wrote = [await _keep_payment(session, order, each, seated=seated) for each in attempts.values()]
    back = await refunds.of_order(session, order_id)
    wrote += [await refunds.keep_books(session, order, attempts[each.payment_id], each) for each in back]
    query = sa.select(Dispute).where(Dispute.order_id == order_id).order_by(Dispute.id)
    disputed = (await session.execute(query)).scalars().all()
    wrote += [await disputes.keep_books(session, order, each, each.updated_at) for each in disputed]
    return any(wrote)


async def _keep_payment(session: Session, order: Order, payment: Payment, *, seated: bool) -> bool:
    if payment.status != PaymentStatus.SUCCEEDED:
        return False
    if payment.surplus or not seated or order.synthetic:
        return await books.owe(session, order, money_of(payment))
    return await books.sell(session, order, money_of(payment), gift=payment.gift)


async def find_unposted(session: Session, order_ids: Sequence[str]) -> list[Unposted]:
    """What of these orders the books do not say."""
    rows = await session.execute(sa.text(_UNPOSTED), {"orders": list(order_ids)})
    return [
        Unposted(subject, order_id, at, Money(int(minor - stands), currency))
        for subject, order_id, at, currency, minor, stands in rows
    ]


async def of_day(session: Session, provider: str, day: date) -> list[Unposted]:
    """The same for everything of a gateway that moved on one UTC day."""
    start, end = bounds(day)
    given = {"provider": provider, "start": start, "end": end}
    order_ids = list((await session.execute(sa.text(_OF_DAY), given)).scalars())
    chunks = [order_ids[start : start + CHUNK] for start in range(0, len(order_ids), CHUNK)]
    return [each for chunk in chunks for each in await find_unposted(session, chunk)]


class Walk:
    """Goes over all orders once a day, some at a time, and posts what is missing: the first time with the worker's start."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._after = ""
        self._rests_until: datetime | None = None

    async def turn(self) -> bool:
        """Look at the next orders; whether there are more. One that cannot be posted holds up no other."""
        if self._rests_until is not None and self._db.clock() < self._rests_until:
            return False
        async with self._db.transaction() as session:
            query = sa.select(Order.id).where(Order.id > self._after).order_by(Order.id).limit(CHUNK)
            chunk = list((await session.execute(query)).scalars())
            late = sorted({each.order_id for each in await find_unposted(session, chunk)})
        for order_id in late:
            await self._catch_up(order_id)
        self._after = chunk[-1] if chunk else ""
        self._rests_until = None if chunk else self._db.clock() + EVERY
        return bool(chunk)

    async def _catch_up(self, order_id: str) -> None:
        """In a transaction of its own, so that nobody waits for more than one order."""
        try:
            async with self._db.transaction() as session:
                if await keep(session, order_id):
                    session.count(catalogue.BOOKS_CAUGHT_UP)
                    log.warning("posted late", order_id=order_id)
        except (CubanoError, sa.exc.IntegrityError, ValueError, LookupError):  # left as it is, and tried again tomorrow
            self._db.telemetry.count(catalogue.WORKER_FAILURES, loop="keeping")
            log.exception("cannot be posted", order_id=order_id)
