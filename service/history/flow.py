"""Read transactions from the tables that know them, newest first, each kind by its own index.

A page begins behind a place, not after so many rows: what is written meanwhile moves no row to another page, so of what
existed at the start nothing comes twice and nothing is left out. `read_all` goes on so in batches, each a short statement
in a transaction of its own: a slow reader holds no connection and no snapshot, and each row is as it is when it is read.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from service.disputes.machine import RUNNING, DisputeState
from service.disputes.tables import Dispute
from service.gateways.facts import SettlementKind
from service.history.rules import SETTLED, STATES, WITHDRAWN, Filters, Place, TransactionType
from service.history.views import Row, TotalView, present_total
from service.kernel.db import Database, Session
from service.orders import flow as orders
from service.orders.tables import Order, of_customers
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import RefundStatus
from service.refunds.tables import Refund
from service.settlements.tables import Movement
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
    """Find the order of a number and the orders of an address: by its digest, the address itself is not kept."""
    order_id = await orders.find_id(session, filters.order_id) if filters.order_id else None
    if filters.email is None:
        return Chosen(filters, (order_id or "",) if filters.order_id else None)
    query = vault.orders_of(session, filters.email).limit(MOST_ORDERS)
    found = [str(each) for each in (await session.execute(query)).scalars()]
    return Chosen(filters, tuple(each for each in found if not filters.order_id or each == order_id))


async def read_page(session: Session, chosen: Chosen, *, after: Place | None, limit: int) -> list[Row]:
    """The next rows behind a place, newest first."""
    if not (branches := _branches(chosen, after)):
        return []
    page = _union([each.query(chosen).limit(limit) for each in branches])
    page = sa.select(page).order_by(page.c.created_at.desc(), page.c.id.desc()).limit(limit).subquery("page")
    settled, own = _settled(page), page.c.own_fee
    query = (
        sa.select(
            page,
            Order.number.label("order_number"),
            sa.func.coalesce(settled.c.fee_minor, own).label("fee_minor"),
            sa.func.coalesce(settled.c.net_minor, page.c.amount_minor - own).label("net_minor"),
            sa.func.coalesce(settled.c.fee_currency, sa.case((own.is_not(None), page.c.currency))).label(
                "fee_currency"
            ),
        )
        .join(Order, Order.id == page.c.order_id, isouter=True)
        .join(settled, sa.true(), isouter=True)
        .order_by(page.c.created_at.desc(), page.c.id.desc())
    )
    return list((await session.execute(query)).all())


async def read_all(
    db: Database, chosen: Chosen, *, after: Place | None = None, batch: int = BATCH
) -> AsyncGenerator[Sequence[Row], None]:
    """All rows behind a place, a batch at a time, in constant memory; the last batch may be empty."""
    while True:
        async with db.transaction() as session:
            rows = await read_page(session, chosen, after=after, limit=batch)
        yield rows
        if len(rows) < batch:
            return
        after = place_of(rows[-1])


async def read_totals(session: Session, chosen: Chosen) -> list[TotalView]:
    """What all that match come to, by type and currency: reads every one of them."""
    if not (branches := _branches(chosen, None)):
        return []
    await session.execute(sa.text(f"SET LOCAL statement_timeout = '{TOTALS_S}s'"))
    every = _union([each.query(chosen, ordered=False) for each in branches])
    group, moved = (every.c.type, every.c.currency), every.c.occurred_at.is_not(None) & ~every.c.gift
    taken = Movement.__table__.c
    of_it = (taken.subject == every.c.id) & (taken.amount_currency == every.c.currency) & taken.withdrawn_at.is_(None)
    fees = sa.select(*group, sa.func.sum(taken.fee_minor)).join(Movement, of_it).group_by(*group)
    sums = sa.select(
        *group,
        sa.func.count(),
        sa.func.count().filter(moved),
        sa.func.coalesce(sa.func.sum(every.c.amount_minor).filter(moved), 0),
        sa.func.coalesce(sa.func.sum(every.c.own_fee).filter(moved), 0),
    ).group_by(*group)
    known = {(kind, currency): int(fee) for kind, currency, fee in await session.execute(fees)}
    rows = await session.execute(sums.order_by(*group))
    return [
        present_total(kind, currency, (count, done), int(amount), int(own) + known.get((kind, currency), 0))
        for kind, currency, count, done, amount, own in rows
    ]


def place_of(row: Row) -> Place:
    return Place(row.created_at, row.id)


def _settled(page: sa.Subquery) -> sa.FromClause:
    """What the gateway's balance says of a transaction, once it does, in the one currency that it says it in."""
    taken = Movement.__table__.c
    return (
        sa.select(
            _whole(sa.func.sum(taken.fee_minor)).label("fee_minor"),
            _whole(sa.func.sum(taken.amount_minor - taken.fee_minor)).label("net_minor"),
            sa.func.min(taken.amount_currency).label("fee_currency"),
        )
        .where(taken.subject == page.c.id, taken.withdrawn_at.is_(None))
        .having(sa.func.count(taken.amount_currency.distinct()) == 1)
        .lateral("settled")
    )


def _whole(total: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(total, sa.BigInteger)  # the sum of bigints is a numeric, for which there is no end


# ---- where transactions stand ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Branch:
    """One table of transactions by what is filtered and sorted, and the rest of its columns."""

    holds: tuple[TransactionType, ...]
    type: sa.ColumnElement[str]
    id: sa.ColumnElement[str]
    at: sa.ColumnElement[Any]
    provider: sa.ColumnElement[str]
    status: sa.ColumnElement[str]
    order_id: sa.ColumnElement[Any]
    rest: Mapping[str, sa.ColumnElement[Any]]
    only: tuple[sa.ColumnElement[bool], ...] = ()
    after: Place | None = None

    def query(self, chosen: Chosen, *, ordered: bool = True) -> sa.Select[*tuple[Any, ...]]:
        shown = {"type": self.type, "id": self.id, "provider": self.provider, "status": self.status}
        shown |= {"order_id": self.order_id, "created_at": self.at, **self.rest}
        found = sa.select(*(column.label(name) for name, column in shown.items())).where(*self._conditions(chosen))
        return found.order_by(self.at.desc(), self.id.desc()) if ordered else found

    def _conditions(self, chosen: Chosen) -> list[sa.ColumnElement[bool]]:
        wanted, found = chosen.filters, list(self.only)
        kind = wanted.type if len(self.holds) > 1 else None
        equal = ((self.type, kind), (self.provider, wanted.provider), (self.status, wanted.status))
        found += [column == value for column, value in equal if value is not None]
        if wanted.since is not None:
            found.append(self.at >= wanted.since)
        if wanted.until is not None:
            found.append(self.at < wanted.until)
        if chosen.orders is not None:
            found.append(self.order_id.in_(chosen.orders))
        else:  # what the synthetic buyer did is listed for nobody who does not ask for that very order
            found.append(~sa.exists().where(Order.id == self.order_id, ~of_customers()))
        if self.after is not None:
            found.append(sa.tuple_(self.at, self.id) < sa.tuple_(sa.literal(self.after.at), sa.literal(self.after.id)))
        return found


def _branches(chosen: Chosen, after: Place | None) -> list[Branch]:
    """Those that can hold what is asked for: none where no transaction of that type is ever in that state."""
    wanted, every = chosen.filters, (_payments(), _refunds(), _disputes(), _movements())
    typed = (each for each in every if wanted.type in {None, *each.holds})
    return [replace(each, after=after) for each in typed if wanted.status in {None, *STATES[each.holds[0]]}]


def _union(queries: Sequence[sa.Select[*tuple[Any, ...]]]) -> sa.Subquery:
    parts = [
        sa.select(query.subquery()) for query in queries
    ]  # in parentheses: each has an order and an end of its own
    return sa.union_all(*parts).subquery("every")


def _payments() -> Branch:
    table = Payment.__table__.c
    paid = sa.case((table.status == PaymentStatus.SUCCEEDED, sa.func.coalesce(table.paid_at, table.updated_at)))
    own = _rest(sa.cast(sa.null(), sa.Text), table.amount_minor, table, at=paid, ref=table.payment_ref)
    return _branch(TransactionType.PAYMENT, table, {**own, "gift": table.gift})


def _refunds() -> Branch:
    table = Refund.__table__.c
    back = sa.case((table.status == RefundStatus.SUCCEEDED, sa.func.coalesce(table.returned_at, table.updated_at)))
    own = _rest(table.payment_id, -table.amount_minor, table, at=back, ref=table.refund_ref)
    return _branch(TransactionType.REFUND, table, own)


def _disputes() -> Branch:
    table = Dispute.__table__.c
    taken = sa.case((table.status.in_((*RUNNING, DisputeState.LOST)), table.updated_at))
    own = _rest(table.payment_id, -table.amount_minor, table, at=taken, ref=table.dispute_ref)
    return _branch(TransactionType.DISPUTE, table, own)


def _movements() -> Branch:
    """What stands on the gateway's balance alone; what is about one of the others is that one's fee and net."""
    table = Movement.__table__.c
    kind = sa.case(
        (table.kind == SettlementKind.FEE, TransactionType.FEE.value),
        (table.kind.in_((SettlementKind.PAYOUT, SettlementKind.PAYOUT_FAILED)), TransactionType.PAYOUT.value),
        else_=TransactionType.ADJUSTMENT.value,
    )
    stands = table.withdrawn_at.is_(None)
    ref = sa.func.coalesce(table.payout_ref, table.ref)
    own = _rest(
        sa.cast(sa.null(), sa.Text), table.amount_minor, table, at=sa.case((stands, table.occurred_at)), ref=ref
    )
    return Branch(
        holds=(TransactionType.FEE, TransactionType.PAYOUT, TransactionType.ADJUSTMENT),
        type=kind,
        id=table.provider + sa.literal_column("':'") + table.ref,  # as the index says it
        at=table.occurred_at,
        provider=table.provider,
        status=sa.case((stands, SETTLED), else_=WITHDRAWN),
        order_id=table.order_id,
        rest={**own, "own_fee": table.fee_minor},
        only=(table.subject.is_(None),),
    )


def _branch(type_: TransactionType, table: Any, rest: Mapping[str, sa.ColumnElement[Any]]) -> Branch:
    literal = sa.literal(type_.value)
    return Branch((type_,), literal, table.id, table.created_at, table.provider, table.status, table.order_id, rest)


def _rest(
    payment_id: sa.ColumnElement[Any], minor: sa.ColumnElement[int], table: Any, *, at: Any, ref: Any
) -> dict[str, sa.ColumnElement[Any]]:
    """The columns that nothing is filtered by, in the order of all branches."""
    return {
        "payment_id": payment_id,
        "amount_minor": minor,
        "currency": table.amount_currency,
        "occurred_at": at,
        "provider_ref": ref,
        "gift": sa.false(),
        "own_fee": sa.cast(sa.null(), sa.BigInteger),
    }
