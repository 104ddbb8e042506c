"""Count what a trouble costs, list what stands still, and ask a gateway now. Everything is counted by the database.

Orders of a time are a range of the primary key, because ids sort by age; their attempts are found by an index. What
stands still is found by the partial indexes of what is open.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.acts.flow import begin, end, give_up
from service.acts.rules import Affected, Asked, Plan, Told
from service.completion.flow import find_out
from service.gateways.base import Capability
from service.impact.rules import CLOSES_BY, LONGEST, MOVES_BY, Standing, waits_for
from service.impact.views import (
    FailedView,
    Figure,
    ImpactView,
    OrdersView,
    RefundsView,
    RiskView,
    StuckOrdersView,
    StuckView,
    TouchedOrdersView,
    TouchedView,
)
from service.kernel.db import Session
from service.kernel.errors import CubanoError, FieldError, Invalid, NotFound, Parked, WrongState
from service.kernel.ids import earliest, is_id
from service.kernel.money import Money
from service.orders import flow as orders
from service.orders.tables import OF_CUSTOMERS, Order
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.shop.flow import Shop

SLACK = timedelta(minutes=1)  # an id is made a moment after the time its row is told to be from

_ATTEMPTS = f"""
    SELECT o.id AS order_id, o.status AS order_status, o.paid_at IS NOT NULL AS is_paid, o.total_minor, o.total_currency,
        p.provider, p.status, p.surplus AND p.status = 'succeeded' AS is_second, p.amount_minor - p.returned_minor AS stays,
        CASE WHEN p.decline_category IS NOT NULL THEN p.decline_category
             WHEN p.status = 'unknown' OR (p.status = 'canceled' AND p.checkout_ref IS NULL) THEN 'no_answer'
        END AS trouble
    FROM orders o JOIN payments p ON p.order_id = o.id
    WHERE o.id >= :low AND o.id < :high AND o.created_at >= :since AND o.created_at < :until AND {OF_CUSTOMERS}
        AND (CAST(:provider AS text) IS NULL OR p.provider = :provider)
"""  # noqa: S608 - our own words
_ORDERS = """
    SELECT order_id, order_status, is_paid, total_minor, total_currency, count(*) AS sessions, count(trouble) AS troubles,
        bool_or(status IN ('unknown', 'processing')) AS unsure, bool_or(is_second AND stays > 0) AS twice,
        sum(stays) FILTER (WHERE is_second) AS second_minor
    FROM attempts GROUP BY 1, 2, 3, 4, 5
"""
_WHICH = {  # figure: which orders it counts, which attempts, and what it adds up
    "opened": ("true", "sessions", "total_minor"),
    "paid": ("is_paid", "sessions", "total_minor"),
    "troubled": ("troubles > 0", "troubles", "total_minor"),
    "paid_later": ("troubles > 0 AND is_paid", "troubles", "total_minor"),
    "waiting": ("troubles > 0 AND order_status IN ('awaiting_payment', 'processing')", "troubles", "total_minor"),
    "lost": ("troubles > 0 AND order_status IN ('expired', 'canceled')", "troubles", "total_minor"),
    "outcome_unknown": ("unsure AND NOT is_paid", "sessions", "total_minor"),
    "paid_without_seat": ("order_status = 'late_payment'", "sessions", "total_minor"),
    "paid_twice": ("twice", "sessions", "second_minor"),
    "disputed": ("order_status = 'disputed'", "sessions", "total_minor"),
}
_FAILED = """
    SELECT 'failed', provider, trouble, count(*), sum(n), sum(total_minor), total_currency FROM (
        SELECT provider, trouble, order_id, total_minor, total_currency, count(*) AS n
        FROM attempts WHERE trouble IS NOT NULL GROUP BY 1, 2, 3, 4, 5) AS once
    GROUP BY provider, trouble, total_currency
"""
_REFUNDS = """
    SELECT CASE WHEN status = 'failed' THEN 'refund_failed' ELSE 'refund_waiting' END, '', '', count(DISTINCT order_id),
        count(*), sum(amount_minor), amount_currency
    FROM refunds
    WHERE status NOT IN ('succeeded', 'canceled') AND created_at >= :since AND created_at < :until
        AND (CAST(:provider AS text) IS NULL OR provider = :provider)
    GROUP BY 1, amount_currency
"""


def _impact_query() -> str:
    parts = [
        f"SELECT '{name}', '', '', count(*), sum({attempts}), sum({minor}), total_currency FROM by_order "  # noqa: S608 - our own words
        f"WHERE {which} GROUP BY total_currency"
        for name, (which, attempts, minor) in _WHICH.items()
    ]
    whole = " UNION ALL ".join([*parts, _FAILED, _REFUNDS])
    return f"WITH attempts AS ({_ATTEMPTS}), by_order AS ({_ORDERS}) {whole}"


def values_of(session: Session, *, since: datetime, until: datetime | None, provider: str | None) -> dict[str, Any]:
    """Which orders: those placed in [since, until), until now when no end is named. `Invalid` for an odd time."""
    end_at = until or session.now
    if not timedelta() < end_at - since <= LONGEST:
        raise Invalid([FieldError("until", "out_of_range", f"After `since`, and at most {LONGEST.days} days later.")])
    return {
        "low": earliest("ord", since),
        "high": earliest("ord", end_at + SLACK),
        "since": since,
        "until": end_at,
        "provider": provider,
    }


async def read_impact(session: Session, *, since: datetime, until: datetime | None, provider: str | None) -> ImpactView:
    """What the orders of a time met."""
    values = values_of(session, since=since, until=until, provider=provider)
    found: dict[tuple[str, str, str], Figure] = {}
    rows = await session.execute(sa.text(_impact_query()), values)
    for name, of, category, *counts in sorted(tuple(row) for row in rows):
        found[name, of, category] = _more(found.get((name, of, category), Figure()), counts)

    def figure(name: str) -> Figure:
        return found.get((name, "", ""), Figure())

    return ImpactView(
        since=since,
        until=values["until"],
        provider=provider,
        orders=OrdersView(**{name: figure(name) for name in OrdersView.__struct_fields__}),
        failed=[FailedView(of, why, each) for (name, of, why), each in found.items() if name == "failed"],
        refunds=RefundsView(waiting=figure("refund_waiting"), failed=figure("refund_failed")),
        money_at_risk=RiskView(**{name: figure(name) for name in RiskView.__struct_fields__}),
        as_of=session.now,
    )


_TOUCHED = """
    SELECT b.order_id, o.number, b.order_status, b.total_minor, b.total_currency, o.created_at, b.is_paid, a.provider, a.trouble
    FROM by_order b JOIN orders o ON o.id = b.order_id
    CROSS JOIN LATERAL (
        SELECT provider, trouble FROM attempts WHERE order_id = b.order_id ORDER BY trouble IS NULL, provider LIMIT 1
    ) a
    WHERE b.troubles > 0 OR b.unsure OR b.twice OR b.order_status IN ('late_payment', 'disputed')
    ORDER BY b.order_id LIMIT :most
"""


async def read_touched(session: Session, *, values: dict[str, Any], limit: int) -> TouchedOrdersView:
    """The orders that the figures count as troubled, unsure, paid twice, late or disputed; the oldest first."""
    query = f"WITH attempts AS ({_ATTEMPTS}), by_order AS ({_ORDERS}) {_TOUCHED}"
    rows = (await session.execute(sa.text(query), values | {"most": limit + 1})).all()
    found = [
        TouchedView(order, number, status, Money(int(minor), currency), provider, trouble, paid, at)
        for order, number, status, minor, currency, at, paid, provider, trouble in rows[:limit]
    ]
    return TouchedOrdersView(found, more=len(rows) > limit, as_of=session.now)


def _more(figure: Figure, counts: list[Any]) -> Figure:
    count, sessions, minor, currency = counts
    amounts = [*figure.amounts, Money(int(minor or 0), currency)]
    return Figure(figure.orders + count, figure.sessions + int(sessions or 0), amounts)


# ---- what stands still ---------------------------------------------------------------------------------------------

_STUCK = """
WITH dead AS (
    SELECT subject AS order_id, min(received_at) AS since, count(*) AS n
    FROM payment_events WHERE state = 'dead' GROUP BY subject
    UNION ALL
    SELECT payload->>'order_id', min(created_at), count(*) FROM outbox WHERE state = 'dead' GROUP BY 1
),
letters AS (SELECT order_id, min(since) AS since, sum(n) AS n FROM dead GROUP BY order_id),
still AS (
    SELECT id FROM orders WHERE status = 'awaiting_payment' AND expires_at <= :closed_by
    UNION
    SELECT id FROM orders WHERE status IN ('processing', 'late_payment') AND updated_at <= :moved_by
    UNION
    SELECT order_id FROM payments WHERE status NOT IN ('succeeded', 'canceled') AND status = 'unknown' AND updated_at <= :moved_by
    UNION
    SELECT order_id FROM letters
),
stuck AS (
    SELECT o.*, p.id AS payment_id, p.status AS payment_status, p.looked_at, coalesce(p.captures, 0) AS captures,
        coalesce(l.n, 0) AS letters,
        coalesce(l.since, CASE WHEN o.status <> 'awaiting_payment' THEN o.updated_at
                               WHEN p.status = 'unknown' THEN p.updated_at ELSE o.expires_at END) AS since
    FROM still JOIN orders o USING (id) LEFT JOIN letters l ON l.order_id = o.id
    LEFT JOIN LATERAL (
        SELECT * FROM payments WHERE order_id = o.id
        ORDER BY status IN ('unknown', 'processing') DESC, created_at DESC LIMIT 1
    ) p ON true
    WHERE CAST(:provider AS text) IS NULL OR o.provider = :provider
)
"""
_LISTED = _STUCK + "SELECT * FROM stuck ORDER BY since, id LIMIT :limit"  # noqa: S608 - our own words
_SUMS = "SELECT count(*), count(payment_id), sum(total_minor), total_currency FROM stuck GROUP BY total_currency"
_COUNTED = _STUCK + _SUMS


async def read_stuck(session: Session, *, provider: str | None, limit: int) -> StuckOrdersView:
    """Orders that wait for something longer than it should take, the longest waiting first."""
    values = {"closed_by": session.now - CLOSES_BY, "moved_by": session.now - MOVES_BY, "provider": provider}
    rows = await session.execute(sa.text(_LISTED), {**values, "limit": limit})
    total = Figure()
    for counts in (await session.execute(sa.text(_COUNTED), values)).all():
        total = _more(total, list(counts))
    return StuckOrdersView([_stuck(row) for row in rows], total, session.now)


def _stuck(row: Any) -> StuckView:
    word, following = waits_for(Standing(row.status, row.payment_status, row.captures, int(row.letters)))
    return StuckView(
        order_id=row.id,
        order_number=row.number,
        status=row.status,
        total=Money(row.total_minor, row.total_currency),
        provider=row.provider,
        waits_for=word,
        since=row.since,
        next=following,
        payment_id=row.payment_id,
        payment_status=row.payment_status,
        asked_at=row.looked_at,
        dead_letters=int(row.letters),
    )


# ---- ask now -------------------------------------------------------------------------------------------------------


async def ask_now(shop: Shop, order_id: str, asked: Asked) -> Told:
    """Ask the gateways how every undecided attempt of an order stands, and apply what they say.

    Raises `NotFound`, `WrongState` when a person has to judge what they say, and `GatewayError` when they say nothing.
    """
    async with shop.db.transaction() as session:
        if asked.act.dry_run:
            return (await _plan(session, shop, order_id)).told(dry_run=True)
        begun, claim = await begin(session, asked, lambda: _plan(session, shop, order_id))
        undecided = await _undecided(session, shop, order_id)
    if isinstance(begun, Told):
        return begun
    try:
        for payment in undecided:
            await find_out(shop, payment)
    except CubanoError as error:
        async with shop.db.transaction() as session:
            await give_up(session, asked, claim)
        if isinstance(error, Parked):
            raise WrongState(f"A person has to judge what the gateway says: {error.cause}.") from error
        raise
    async with shop.db.transaction() as session:
        after = await _facts(session, order_id)
        plan = Plan(begun.action, order_id, begun.before, after, begun.changes, begun.affects)
        told = plan.told(dry_run=False)
        await end(session, asked, claim, told, action="order.found_out")
    return told


async def _plan(session: Session, shop: Shop, order_id: str) -> Plan:
    before, undecided = await _facts(session, order_id), await _undecided(session, shop, order_id)
    _, amounts = await orders.add_up(session, Order.id == order_id)
    return Plan(
        action="order.find_out",
        subject=order_id,
        before=before,
        after={"asks": [each.id for each in undecided]},
        changes=bool(undecided),
        affects=Affected(orders=1, sessions=len(undecided), amounts=amounts),
    )


async def _facts(session: Session, order_id: str) -> dict[str, Any]:
    order = await session.get(Order, order_id) if is_id(order_id, "ord") else None
    if order is None:
        raise NotFound
    attempts = await payments.of_order(session, order_id)
    return {"status": order.status, "payments": {each.id: each.status for each in attempts}}


async def _undecided(session: Session, shop: Shop, order_id: str) -> list[Payment]:
    """Attempts a gateway can be asked about; one that has left the settings cannot."""
    told = {name for name, each in shop.gateways.items() if Capability.WEBHOOKS in each.capabilities}
    decided = {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED}
    attempts = await payments.of_order(session, order_id)
    return [each for each in attempts if each.status not in decided and each.provider in told]
