"""Read transactions from the tables that know them, newest first, each kind by its own index.

A page begins behind a place, not after so many rows: what is written meanwhile moves no row to another page, so of what
existed at the start nothing comes twice and nothing is left out. `read_all` goes on so in batches, each a short statement
in a transaction of its own: a slow reader holds no connection and no snapshot, and each row is as it is when it is read.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from service.disputes.machine import RUNNING, DisputeState
from service.disputes.tables import Dispute
from service.history.rules import Filters, Place, TransactionType
from service.history.views import Row
from service.kernel.db import Database, Session
from service.orders.tables import Order
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import RefundStatus
from service.refunds.tables import Refund
from service.vault import flow as vault

BATCH = 2_000  # rows of one statement when all are read
TOTALS_S = 30  # a sum over all that match reads them, which the limit of other statements does not allow for
MOST_ORDERS = 10_000  # of one address


@dataclass(frozen=True)
class Chosen:
    """The filters, with the orders of an address looked up."""

    filters: Filters
    orders: tuple[str, ...] | None = None


async def choose(session: Session, filters: Filters) -> Chosen:
    """Find the orders of the address, if one is asked for: by its digest, the address itself is not kept."""
    if filters.email is None:
        return Chosen(filters, (filters.order_id,) if filters.order_id else None)
    query = vault.orders_of(session, filters.email).limit(MOST_ORDERS)
    found = [str(each) for each in (await session.execute(query)).scalars()]
    return Chosen(filters, tuple(each for each in found if filters.order_id in {None, each}))


async def read_page(session: Session, chosen: Chosen, *, after: Place | None, limit: int) -> list[Row]:
    """The next rows behind a place, newest first."""
    page = _union([each.query(chosen).limit(limit) for each in _branches(chosen, after)])
    page = sa.select(page).order_by(page.c.created_at.desc(), page.c.id.desc()).limit(limit).subquery("page")
    query = (
        sa.select(page, Order.number.label("order_number"), *_settled())
        .join(Order, Order.id == page.c.order_id, isouter=True)
        .order_by(page.c.created_at.desc(), page.c.id.desc())
    )
    return list((await session.execute(query)).all())


async def read_all(db: Database, chosen: Chosen, *, after: Place | None = None) -> AsyncGenerator[Sequence[Row], None]:
    """All rows behind a place, a batch at a time, in constant memory; the last batch may be empty."""
    while True:
        async with db.transaction() as session:
            rows = await read_page(session, chosen, after=after, limit=BATCH)
        yield rows
        if len(rows) < BATCH:
            return
        after = place_of(rows[-1])


async def read_totals(session: Session, chosen: Chosen) -> list[Row]:
    """What all that match come to, by type and currency: reads every one of them."""
    await session.execute(sa.text(f"SET LOCAL statement_timeout = '{TOTALS_S}s'"))
    every = _union([each.query(chosen, ordered=False) for each in _branches(chosen, None)])
    moved = every.c.occurred_at.is_not(None) & ~every.c.gift
    query = (
        sa.select(
            every.c.type,
            every.c.currency,
            sa.func.count().label("matching"),
            sa.func.count().filter(moved).label("moved"),
            sa.func.coalesce(sa.func.sum(every.c.amount_minor).filter(moved), 0).label("amount"),
            sa.literal(0).label("fee"),
        )
        .group_by(every.c.type, every.c.currency)
        .order_by(every.c.type, every.c.currency)
    )
    return list((await session.execute(query)).all())


def place_of(row: Row) -> Place:
    return Place(row.created_at, row.id)


def _settled() -> tuple[sa.ColumnElement[Any], ...]:
    nothing = sa.cast(sa.null(), sa.BigInteger)
    return (nothing.label("fee_minor"), nothing.label("net_minor"), sa.cast(sa.null(), sa.Text).label("fee_currency"))


# ---- where transactions stand ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Branch:
    """One kind of transaction: its table by what is filtered and sorted, and the rest of its columns in their order."""

    type: TransactionType
    id: sa.ColumnElement[str]
    at: sa.ColumnElement[Any]
    provider: sa.ColumnElement[str]
    status: sa.ColumnElement[str]
    order_id: sa.ColumnElement[Any]
    rest: tuple[sa.ColumnElement[Any], ...]
    after: Place | None = None

    def query(self, chosen: Chosen, *, ordered: bool = True) -> sa.Select[Any]:
        named = {"id": self.id, "provider": self.provider, "status": self.status, "order_id": self.order_id}
        columns = (column.label(name) for name, column in {**named, "created_at": self.at}.items())
        found = sa.select(sa.literal(self.type.value).label("type"), *columns, *self.rest)
        found = found.where(*self._conditions(chosen))
        return found.order_by(self.at.desc(), self.id.desc()) if ordered else found

    def _conditions(self, chosen: Chosen) -> list[sa.ColumnElement[bool]]:
        wanted = chosen.filters
        found: list[sa.ColumnElement[bool]] = []
        if wanted.since is not None:
            found.append(self.at >= wanted.since)
        if wanted.until is not None:
            found.append(self.at < wanted.until)
        if wanted.provider is not None:
            found.append(self.provider == wanted.provider)
        if wanted.status is not None:
            found.append(self.status == wanted.status)
        if chosen.orders is not None:
            found.append(self.order_id.in_(chosen.orders))
        if self.after is not None:
            found.append(sa.tuple_(self.at, self.id) < sa.tuple_(sa.literal(self.after.at), sa.literal(self.after.id)))
        return found


def _branches(chosen: Chosen, after: Place | None) -> list[Branch]:
    every = (_payments(), _refunds(), _disputes())
    return [replace(each, after=after) for each in every if chosen.filters.type in {None, each.type}]


def _union(queries: Sequence[sa.Select[Any]]) -> sa.Subquery:
    parts = [
        sa.select(query.subquery()) for query in queries
    ]  # in parentheses: each has an order and an end of its own
    return sa.union_all(*parts).subquery("every")


def _payments() -> Branch:
    table = Payment.__table__.c
    paid = sa.case((table.status == PaymentStatus.SUCCEEDED, sa.func.coalesce(table.paid_at, table.updated_at)))
    own = (sa.cast(sa.null(), sa.Text), table.amount_minor, table.amount_currency, paid, table.payment_ref, table.gift)
    return _branch(TransactionType.PAYMENT, table, own)


def _refunds() -> Branch:
    table = Refund.__table__.c
    back = sa.case((table.status == RefundStatus.SUCCEEDED, sa.func.coalesce(table.returned_at, table.updated_at)))
    own = (table.payment_id, -table.amount_minor, table.amount_currency, back, table.refund_ref, sa.false())
    return _branch(TransactionType.REFUND, table, own)


def _disputes() -> Branch:
    table = Dispute.__table__.c
    taken = sa.case((table.status.in_((*RUNNING, DisputeState.LOST)), table.updated_at))
    own = (table.payment_id, -table.amount_minor, table.amount_currency, taken, table.dispute_ref, sa.false())
    return _branch(TransactionType.DISPUTE, table, own)


def _branch(type_: TransactionType, table: Any, own: tuple[sa.ColumnElement[Any], ...]) -> Branch:
    names = ("payment_id", "amount_minor", "currency", "occurred_at", "provider_ref", "gift")
    rest = tuple(column.label(name) for name, column in zip(names, own, strict=True))
    return Branch(type_, table.id, table.created_at, table.provider, table.status, table.order_id, rest)
