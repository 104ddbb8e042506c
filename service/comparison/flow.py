"""Find what is out: the database compares by subject, the rules say why.

Money is compared wherever its other half lies in time, so what settles a day later is out of the list as soon as it has.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from service.comparison.rules import (
    PAID_OUT_WITHIN,
    DifferenceKind,
    Found,
    Payout,
    Side,
    Stray,
    Terms,
    judge,
    judge_payout,
    judge_stray,
    merged,
)
from service.journal.rules import clearing
from service.keeping import flow as keeping
from service.kernel.db import Session
from service.kernel.money import Money
from service.settlements.flow import bounds

_PARAM = re.compile(r"(?<!:):([a-z_]+)")
_SIDES = """
    WITH subjects AS (
        SELECT subject FROM journal_entries
        WHERE day = :day AND provider = :provider AND kind IN ('payment', 'refund', 'dispute')
        UNION
        SELECT subject FROM settlements
        WHERE provider = :provider AND occurred_at >= :start AND occurred_at < :end AND subject IS NOT NULL
    ), told AS (
        SELECT e.subject, l.amount_currency AS currency, sum(l.amount_minor) AS minor, max(e.occurred_at) AS at
        FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq AND l.account = :clearing
        WHERE e.subject IN (SELECT subject FROM subjects) GROUP BY e.subject, l.amount_currency
    ), moved AS (
        SELECT s.subject, s.amount_currency AS currency, sum(s.amount_minor) AS minor, count(*) AS movements,
               max(s.occurred_at) AS at
        FROM settlements s
        WHERE s.subject IN (SELECT subject FROM subjects) AND s.withdrawn_at IS NULL
        GROUP BY s.subject, s.amount_currency
    ), out AS (
        SELECT subject, currency, coalesce(t.minor, 0) AS told, coalesce(m.minor, 0) AS moved,
               coalesce(m.movements, 0) AS movements, coalesce(t.at, m.at) AS at, coalesce(t.at >= m.at, false) AS ahead
        FROM told t FULL JOIN moved m USING (subject, currency)
        WHERE coalesce(t.minor, 0) <> coalesce(m.minor, 0)
    )
    SELECT o.subject, coalesce(p.order_id, r.order_id, d.order_id) AS order_id,
           coalesce(p.status, r.status, d.status, '') AS status, o.currency, o.told, o.moved, o.movements, o.at, o.ahead
    FROM out o LEFT JOIN payments p ON p.id = o.subject LEFT JOIN refunds r ON r.id = o.subject
    LEFT JOIN disputes d ON d.id = o.subject
    ORDER BY o.subject, o.currency
"""
_STRAYS = """
    SELECT coalesce(s.refund_ref, s.ref) AS ref, s.kind, s.amount_minor, s.amount_currency AS currency, s.occurred_at AS at,
           p.id AS payment_id, p.status, p.order_id,
           (SELECT coalesce(sum(x.amount_minor), s.amount_minor) FROM settlements x
            WHERE x.provider = s.provider AND x.payment_ref = s.payment_ref AND x.subject IS NULL
                AND x.withdrawn_at IS NULL AND x.amount_currency = s.amount_currency) AS left_minor,
           s.kind <> 'payment' AND EXISTS (
               SELECT FROM settlements x
               WHERE x.provider = s.provider AND x.payment_ref = s.payment_ref AND x.subject IS NULL
                   AND x.withdrawn_at IS NULL AND x.kind = 'payment') AS follows
    FROM settlements s LEFT JOIN LATERAL (
        SELECT id, status, order_id FROM payments
        WHERE provider = s.provider AND (payment_ref = s.payment_ref OR id = s.told_payment_id)
        ORDER BY (payment_ref = s.payment_ref) DESC NULLS LAST LIMIT 1) p ON true
    WHERE s.provider = :provider AND s.occurred_at >= :start AND s.occurred_at < :end AND s.subject IS NULL
        AND s.withdrawn_at IS NULL AND s.kind NOT IN ('fee', 'payout', 'payout_failed')
    ORDER BY s.ref
"""
_FEES = """
    SELECT ref, order_id, occurred_at AS at, fee_minor, expected, currency FROM (
        SELECT s.ref, s.order_id, s.occurred_at, s.fee_minor, s.amount_currency AS currency,
               (s.amount_minor * :basis_points + 5000) / 10000 + :fixed AS expected
        FROM settlements s JOIN payments p ON p.id = s.subject AND p.amount_currency = s.amount_currency
            AND p.amount_minor = s.amount_minor
        WHERE s.provider = :provider AND s.occurred_at >= :start AND s.occurred_at < :end AND s.kind = 'payment'
            AND s.withdrawn_at IS NULL
    ) AS charged WHERE abs(fee_minor - expected) > :tolerance ORDER BY ref
"""
_SURPLUS = """
    SELECT id AS subject, order_id, amount_minor - returned_minor AS minor, amount_currency AS currency, paid_at AS at
    FROM payments
    WHERE provider = :provider AND paid_at >= :start AND paid_at < :end AND surplus AND returned_minor < amount_minor
"""
_EXTERNAL = """
    SELECT r.refund_ref AS subject, r.order_id, -r.amount_minor AS minor, r.amount_currency AS currency, r.returned_at AS at
    FROM refunds r
    WHERE r.provider = :provider AND r.external AND r.status = 'succeeded' AND r.id IN (
        SELECT id FROM refunds WHERE provider = :provider AND returned_at >= :start AND returned_at < :end
        UNION
        SELECT subject FROM settlements
        WHERE provider = :provider AND occurred_at >= :start AND occurred_at < :end AND kind = 'refund')
"""
_PAYOUTS = """
    SELECT s.ref, s.payout_ref, s.kind, s.amount_minor, s.amount_currency AS currency, s.occurred_at AS at, s.paid_out_by,
           count(m.ref) AS items, coalesce(sum(m.amount_minor - m.fee_minor), 0) AS minor
    FROM settlements s LEFT JOIN settlements m
        ON m.provider = s.provider AND m.paid_out_by = s.payout_ref AND m.withdrawn_at IS NULL AND s.kind = 'payout'
    WHERE s.provider = :provider AND s.occurred_at >= :start AND s.occurred_at < :end AND s.withdrawn_at IS NULL
        AND s.kind IN ('payout', 'payout_failed')
    GROUP BY s.provider, s.ref ORDER BY s.ref
"""
_UNPAID = """
    SELECT amount_currency AS currency, sum(amount_minor - fee_minor) AS minor, min(occurred_at) AS at FROM settlements
    WHERE provider = :provider AND occurred_at >= :start AND occurred_at < :end AND withdrawn_at IS NULL
        AND kind NOT IN ('payout', 'payout_failed') AND paid_out_by IS NULL
        AND available_at < (SELECT read_until FROM settlement_sweeps WHERE provider = :provider) - CAST(:within AS interval)
    GROUP BY amount_currency HAVING sum(amount_minor - fee_minor) > 0
"""


async def find(session: Session, day: date, terms: Terms) -> AsyncIterator[Found]:
    """Every difference of one UTC day of a gateway, as far as it is known here; one for each kind and subject."""
    for each in merged([each async for each in _find(session, day, terms)]):
        yield each


async def _find(session: Session, day: date, terms: Terms) -> AsyncIterator[Found]:
    start, end = bounds(day)
    given = {"provider": terms.provider, "day": day, "start": start, "end": end, "clearing": clearing(terms.provider)}
    unposted = await keeping.of_day(session, terms.provider, day)
    told = {each.subject for each in unposted}
    for late in unposted:
        note = "our books do not say what our rows say"
        yield Found(DifferenceKind.UNPOSTED, late.subject, late.amount, late.at, note, late.order_id)
    for judged in (*await _sides(session, given), *await _strays(session, given)):
        if judged is not None and judged.subject not in told:
            yield judged
    for row in await _rows(session, _SURPLUS, given):
        yield _found(DifferenceKind.DUPLICATE_CHARGE, row, "a second payment of its order; it goes back by itself")
    for row in await _rows(session, _EXTERNAL, given):
        yield _found(DifferenceKind.EXTERNAL_REFUND, row, "made in the gateway's dashboard; its event has been posted")
    for fee in await _fees(session, terms, given):
        yield fee
    for payout in await _payouts(session, terms, given):
        yield payout


async def _sides(session: Session, given: Mapping[str, Any]) -> list[Found | None]:
    sides = [
        Side(
            subject=row.subject,
            order_id=row.order_id,
            status=row.status,
            told=Money(int(row.told), row.currency),
            moved=Money(int(row.moved), row.currency),
            movements=row.movements,
            at=row.at,
            ahead=row.ahead,
        )
        for row in await _rows(session, _SIDES, given)
    ]
    return [judge(list(each), now=session.now) for _, each in groupby(sides, key=lambda side: side.subject)]


async def _strays(session: Session, given: Mapping[str, Any]) -> list[Found | None]:
    return [
        judge_stray(
            Stray(
                ref=row.ref,
                kind=row.kind,
                amount=Money(row.amount_minor, row.currency),
                at=row.at,
                left=Money(int(row.left_minor), row.currency),
                payment_id=row.payment_id,
                payment_status=row.status,
                order_id=row.order_id,
                follows=row.follows,
            )
        )
        for row in await _rows(session, _STRAYS, given)
    ]


async def _fees(session: Session, terms: Terms, given: Mapping[str, Any]) -> list[Found]:
    if terms.price is None:
        return []
    price = {"basis_points": terms.price.basis_points, "fixed": terms.price.fixed, "tolerance": terms.tolerance}
    return [
        Found(
            DifferenceKind.FEE,
            row.ref,
            Money(int(row.fee_minor - row.expected), row.currency),
            row.at,
            f"a fee of {Money(row.fee_minor, row.currency)}, expected {Money(int(row.expected), row.currency)}",
            row.order_id,
        )
        for row in await _rows(session, _FEES, {**given, **price})
    ]


async def _payouts(session: Session, terms: Terms, given: Mapping[str, Any]) -> list[Found]:
    """Where the gateway tells what is in them: those that do not add up or came back, and money that no payout took."""
    if not terms.itemised:
        return []
    judged = [judge_payout(_payout(row), now=session.now) for row in await _rows(session, _PAYOUTS, given)]
    unpaid = [
        Found(
            DifferenceKind.PAYOUT,
            f"unpaid {given['day']} {row.currency}",
            Money(int(row.minor), row.currency),
            row.at,
            "available for days, and in no payout",
        )
        for row in await _rows(session, _UNPAID, {**given, "within": PAID_OUT_WITHIN})
    ]
    return [each for each in judged if each is not None] + unpaid


def _payout(row: Any) -> Payout:
    return Payout(
        ref=row.payout_ref,
        came_back=row.kind == "payout_failed",
        amount=Money(-row.amount_minor, row.currency),
        items=Money(int(row.minor), row.currency),
        count=row.items,
        at=row.at,
        paid_out_by=row.paid_out_by,
    )


async def _rows(session: Session, query: str, given: Mapping[str, Any]) -> Sequence[Any]:
    return (await session.execute(sa.text(query), {name: given[name] for name in _PARAM.findall(query)})).all()


def _found(kind: DifferenceKind, row: Any, note: str) -> Found:
    return Found(kind, row.subject, Money(int(row.minor), row.currency), row.at, note, row.order_id)
