"""Gauges that no single event can keep: how much there is of what, and how old the oldest is.

Computed by the worker from indexed queries every few seconds; `cubano_progress_age_seconds` tells how old the figures
are, so that a stuck collector is not read as "all well".
"""

import time
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import sqlalchemy as sa

from service.kernel.db import Database, Session
from service.kernel.invariants import Invariant, check_snapshot
from service.kernel.vitals import Vitals
from service.orders.tables import OF_CUSTOMERS
from service.telemetry import catalogue
from service.telemetry.foundation import PROVIDERS
from service.telemetry.labels import CaseKind, DisputeState, OrderState
from service.telemetry.logs import get_logger
from service.telemetry.metric import Gauge

log = get_logger("figures")

# Who pays the desk by bank transfer has a week for it: until then such an order is not stuck, and shows no age.
ORDERS = f"""
    SELECT provider, status, count(*), extract(epoch FROM max(:now - updated_at) FILTER (
        WHERE NOT (status = 'awaiting_payment' AND provider = 'manual' AND expires_at > :now)))
    FROM orders
    WHERE status IN ('awaiting_payment', 'processing', 'late_payment', 'disputed') AND {OF_CUSTOMERS}
    GROUP BY 1, 2
"""  # noqa: S608 - our own words
BY_PROVIDER = {  # what is not decided yet, or failed; what has ended well only grows, and counters tell it
    catalogue.PAYMENTS: (
        "SELECT provider, status, count(*) FROM payments WHERE status NOT IN ('succeeded', 'canceled') GROUP BY 1, 2",
        ("created", "requires_action", "processing", "failed", "unknown"),
    ),
    catalogue.REFUNDS: (
        "SELECT provider, status, count(*) FROM refunds WHERE status NOT IN ('succeeded', 'canceled') GROUP BY 1, 2",
        ("requested", "awaiting_approval", "pending", "failed"),
    ),
    catalogue.DISPUTES: (
        "SELECT provider, status, count(*) FROM disputes GROUP BY 1, 2",
        tuple(DisputeState),
    ),
}
CASES_OPEN = """
    SELECT kind, count(*), extract(epoch FROM max(:now - opened_at)) FROM cases WHERE closed_at IS NULL GROUP BY kind
"""
INBOX = """
    SELECT state, count(*) FROM payment_events WHERE state = 'pending' GROUP BY state
    UNION ALL
    SELECT state, count(*) FROM payment_events WHERE state IN ('dead', 'discarded') GROUP BY state
"""
INBOX_OLDEST = (
    "SELECT extract(epoch FROM :now - min(received_at)) FROM payment_events WHERE state = 'pending' AND due_at <= :now"
)
OUTBOX = """
    SELECT kind, state, count(*), extract(epoch FROM max(:now - due_at) FILTER (WHERE due_at <= :now))
    FROM outbox WHERE state = 'pending' GROUP BY kind, state
    UNION ALL
    SELECT kind, state, count(*), 0 FROM outbox WHERE state = 'dead' GROUP BY kind, state
"""
REFUNDS_OLDEST = """
    SELECT provider, status, extract(epoch FROM max(:now - updated_at)) FROM refunds
    WHERE status NOT IN ('succeeded', 'canceled') GROUP BY 1, 2
"""
# Who is being paid keeps the seats until the bank has decided, however long the hold was meant to last.
HOLDS_OVERDUE = f"""
    SELECT provider, extract(epoch FROM :now - min(expires_at)) FROM orders o
    WHERE status = 'awaiting_payment' AND expires_at < :now AND {OF_CUSTOMERS}
        AND EXISTS (SELECT FROM holds WHERE order_id = o.id AND state = 'active')
    GROUP BY provider
"""  # noqa: S608 - our own words
DISPUTE_DUE = (
    "SELECT extract(epoch FROM min(due_at) - :now) FROM disputes WHERE status IN ('inquiry', 'needs_response')"
)
# Of two days, by an index: what is older tells the promise `paid-has-tickets`, which reads everything.
WITHOUT_TICKET = f"""
    SELECT count(*), extract(epoch FROM max(:now - o.paid_at))
    FROM orders o
    WHERE o.status = 'paid' AND {OF_CUSTOMERS}
        AND o.id IN (SELECT order_id FROM payments WHERE paid_at >= :now - interval '2 days')
        AND (SELECT sum(quantity - returned) FROM holds WHERE order_id = o.id)
            > (SELECT count(*) FROM tickets WHERE order_id = o.id AND status = 'valid')
"""  # noqa: S608 - our own words
# A key that was made for a few weeks ends as it was meant to; after a rotation the new one stands in for the old.
KEY_ENDS = """
    SELECT extract(epoch FROM min(expires_at)) FROM api_keys k
    WHERE revoked_at IS NULL AND expires_at > :now AND expires_at - created_at >= interval '28 days'
        AND NOT EXISTS (SELECT FROM api_keys WHERE client_id = k.client_id AND revoked_at IS NULL AND expires_at > k.expires_at)
"""
SHARE = 20  # of the time a check took is waited before the next: at most a twentieth of one core, at any size
UNFINISHED = (OrderState.AWAITING_PAYMENT, OrderState.PROCESSING, OrderState.LATE_PAYMENT, OrderState.DISPUTED)
STOCK = "SELECT ticket_type, capacity, held, sold FROM stock JOIN ticket_types t ON t.id = ticket_type WHERE NOT t.synthetic"
EVENT_STATES = ("pending", "dead", "discarded")  # the others only grow; a counter tells them


class Figures:
    """Reads the database and sets the gauges of one process."""

    def __init__(self, db: Database, invariants: Iterable[Invariant]) -> None:
        self._db = db
        self._set = db.telemetry.set
        self._invariants = tuple(invariants)
        self._vitals = Vitals(db)
        self._refreshed_at = time.monotonic()
        self._next_check = 0.0
        self._next_tickets = 0.0
        self._providers = set(PROVIDERS.known)

    def measure_age(self) -> None:
        """How old the figures are, now."""
        self._set(catalogue.PROGRESS_AGE, time.monotonic() - self._refreshed_at)

    async def refresh(self) -> bool:
        """Compute all gauges once."""
        async with self._db.transaction() as session:
            orders = await _rows(session, ORDERS)
            inbox = await _rows(session, INBOX)
            oldest = await _rows(session, INBOX_OLDEST)
            outbox = await _rows(session, OUTBOX)
            stock = await _rows(session, STOCK)
            cases = await _rows(session, CASES_OPEN)
            refunds = await _rows(session, REFUNDS_OLDEST)
            overdue = await _rows(session, HOLDS_OVERDUE)
            due = await _rows(session, DISPUTE_DUE)
            key_ends = await _rows(session, KEY_ENDS)
            by_provider = {gauge: await _rows(session, query) for gauge, (query, _) in BY_PROVIDER.items()}
        self._providers |= {row[0] for row in orders}
        self._show_orders({(row[0], row[1]): (row[2], row[3]) for row in orders})
        self._show_cases({row[0]: (row[1], row[2]) for row in cases})
        self._show_inbox({row[0]: row[1] for row in inbox}, oldest[0][0])
        self._show_outbox(outbox)
        self._show_stock(stock)
        for gauge, rows in by_provider.items():
            self._show_by_provider(gauge, {(provider, state): count for provider, state, count in rows})
        self._show_refunds({(row[0], row[1]): row[2] for row in refunds})
        self._show_overdue({row[0]: row[1] for row in overdue})
        self._show_or_forget(catalogue.DISPUTE_DUE, due[0][0])  # below zero when a deadline has passed
        self._show_or_forget(catalogue.API_KEY_ENDS, key_ends[0][0])
        await self._look_for_tickets()
        self._refreshed_at = time.monotonic()
        await self._vitals.refresh()
        return False

    async def _look_for_tickets(self) -> None:
        """Who has paid and lacks one; a look that takes long, as after a sale, is repeated less often."""
        started = time.monotonic()
        if started < self._next_tickets:
            return
        async with self._db.transaction() as session:
            count, oldest_s = (await _rows(session, WITHOUT_TICKET))[0]
        self._next_tickets = time.monotonic() + SHARE * (time.monotonic() - started)
        self._set(catalogue.PAID_WITHOUT_TICKET, count)
        self._set(catalogue.PAID_WITHOUT_TICKET_OLDEST, oldest_s or 0)

    async def check_invariants(self) -> bool:
        """Count what breaks each promise; a check that takes long is repeated less often."""
        started = time.monotonic()
        if started < self._next_check:
            return False
        async with self._db.transaction() as session:
            findings = await check_snapshot(session, self._invariants)
        self._next_check = time.monotonic() + SHARE * (time.monotonic() - started)
        self._set(catalogue.INVARIANTS_CHECKED, self._db.clock().timestamp())
        for finding in findings:
            self._set(catalogue.INVARIANT, finding.count, invariant=finding.invariant.name)
            if finding.count:
                log.error(
                    "invariant broken",
                    invariant=finding.invariant.name,
                    count=finding.count,
                    examples=str(finding.examples[:3]),
                )
        return False

    def _show_orders(self, found: dict[tuple[str, str], tuple[int, float | None]]) -> None:
        for provider, state in product(self._providers, UNFINISHED):
            count, oldest_s = found.get((provider, state), (0, 0))
            self._set(catalogue.ORDERS, count, provider=provider, state=state)
            self._set(catalogue.ORDERS_OLDEST, oldest_s or 0, provider=provider, state=state)

    def _show_cases(self, found: dict[str, tuple[int, float]]) -> None:
        for kind in CaseKind:
            count, oldest_s = found.get(kind, (0, 0))
            self._set(catalogue.CASES, count, kind=kind)
            self._set(catalogue.CASES_OLDEST, oldest_s, kind=kind)

    def _show_refunds(self, found: dict[tuple[str, str], float]) -> None:
        for provider, state in product(self._providers, BY_PROVIDER[catalogue.REFUNDS][1]):
            self._set(catalogue.REFUNDS_OLDEST, found.get((provider, state), 0), provider=provider, state=state)

    def _show_overdue(self, found: dict[str, float]) -> None:
        for provider in self._providers:
            self._set(catalogue.HOLDS_OVERDUE, found.get(provider, 0), provider=provider)

    def _show_or_forget(self, gauge: Gauge, seconds: float | None) -> None:
        if seconds is None:
            self._db.telemetry.forget(gauge)
        else:
            self._set(gauge, seconds)

    def _show_inbox(self, found: dict[str, int], oldest_s: float | None) -> None:
        for state in EVENT_STATES:
            self._set(catalogue.INBOX, found.get(state, 0), state=state)
        self._set(catalogue.INBOX_OLDEST, oldest_s or 0)

    def _show_stock(self, rows: Sequence[Any]) -> None:
        for ticket_type, *counts in rows:
            for kind, count in zip(("capacity", "held", "sold"), counts, strict=True):
                self._set(catalogue.STOCK, count, ticket_type=ticket_type, kind=kind)
            # From now on at zero, so that a first sale is an increase.
            self._db.telemetry.expect(catalogue.TICKETS_ISSUED, ticket_type=ticket_type)
            self._db.telemetry.expect(catalogue.REVENUE, ticket_type=ticket_type)

    def _show_by_provider(self, gauge: Gauge, found: dict[tuple[str, str], int]) -> None:
        self._providers |= {provider for provider, _ in found}  # a state that is empty again is shown as zero
        for provider in self._providers:
            for state in BY_PROVIDER[gauge][1]:
                self._set(gauge, found.get((provider, state), 0), provider=provider, state=state)

    def _show_outbox(self, rows: Sequence[Any]) -> None:
        found = {(kind, state): (count, oldest_s) for kind, state, count, oldest_s in rows}
        kinds = {kind for kind, _ in found} | set(catalogue.MESSAGE_KINDS.known)
        for kind in kinds:
            for state in ("pending", "dead"):
                self._set(catalogue.OUTBOX, found.get((kind, state), (0, 0))[0], kind=kind, state=state)
            self._set(catalogue.OUTBOX_OLDEST, found.get((kind, "pending"), (0, 0))[1] or 0, kind=kind)


async def _rows(session: Session, query: str) -> Sequence[Any]:
    return (await session.execute(sa.text(query), {"now": session.now} if ":now" in query else {})).all()
