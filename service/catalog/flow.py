"""Stock moves here and nowhere else: take for an order, sell what it holds, or give it back.

The counter is updated last and types in id order, so that the hot row is locked briefly and two orders never wait for each
other in a circle. The conditional update waits for a running transaction on the same row and then looks again, so nobody
is told "sold out" because somebody else is about to roll back.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, cast

import sqlalchemy as sa

from service.catalog.tables import Hold, HoldState, Stock, TicketType
from service.kernel.db import Session
from service.kernel.errors import SoldOut
from service.kernel.money import Money
from service.telemetry import catalogue

_SLUG = re.compile(r"[a-z0-9-]+")  # what the table's CHECK allows, if not more; PostgreSQL takes no NUL in a text


@dataclass(frozen=True)
class TicketTypeOnSale:
    """One row of what is on sale; counts are as of the read."""

    ticket_type: str
    kind: str
    names: dict[str, str]
    descriptions: dict[str, str]
    price: Money
    max_per_order: int
    capacity: int
    held: int
    sold: int
    tax_bp: int = 0
    synthetic: bool = False

    @property
    def available(self) -> int:
        return self.capacity - self.held - self.sold


@dataclass(frozen=True)
class Catalog:
    """What is on sale, in the order of the programme, and when that was read."""

    ticket_types: tuple[TicketTypeOnSale, ...]
    as_of: datetime

    def find(self, ticket_type: str) -> TicketTypeOnSale | None:
        return next((each for each in self.ticket_types if each.ticket_type == ticket_type), None)


async def read_catalog(session: Session, *, only: Collection[str] | None = None, synthetic: bool = False) -> Catalog:
    """Everything on sale now, or what of `only` is; names that no ticket type can have are asked of nobody.

    What is there for the synthetic buyer is on sale for nobody else, and nothing else for it.
    """
    named = {} if only is None else {"only": [each for each in only if _SLUG.fullmatch(each)]}
    rows = (await session.execute(_reading(named=bool(named), synthetic=synthetic), named)).all()
    return Catalog(tuple(_on_sale(ticket_type, stock) for ticket_type, stock in rows), session.now)


@cache
def _reading(*, named: bool, synthetic: bool) -> sa.Select[TicketType, Stock]:
    """Built once, like each statement of every checkout: building one takes as long as running it."""
    query = (
        sa.select(TicketType, Stock)
        .join(Stock, Stock.ticket_type == TicketType.id)
        .where(TicketType.synthetic if synthetic else TicketType.on_sale & ~TicketType.synthetic)
        .order_by(TicketType.position, TicketType.id)
    )
    return query.where(TicketType.id.in_(sa.bindparam("only", expanding=True))) if named else query


def _on_sale(ticket_type: TicketType, stock: Stock) -> TicketTypeOnSale:
    return TicketTypeOnSale(
        ticket_type=ticket_type.id,
        kind=ticket_type.kind,
        names=ticket_type.names,
        descriptions=ticket_type.descriptions,
        price=ticket_type.price,
        max_per_order=ticket_type.max_per_order,
        capacity=stock.capacity,
        held=stock.held,
        sold=stock.sold,
        tax_bp=ticket_type.tax_bp,
        synthetic=ticket_type.synthetic,
    )


async def hold(session: Session, order_id: str, wanted: Sequence[tuple[str, int]]) -> None:
    """Hold (ticket type, quantity) pairs for a written order, all or none; `SoldOut` names the first that fails."""
    in_order = sorted(wanted)
    await session.execute(
        sa.insert(cast("sa.Table", Hold.__table__)),
        [
            {
                "id": session.ids.new("hold"),
                "order_id": order_id,
                "ticket_type": ticket_type,
                "quantity": quantity,
                "state": HoldState.ACTIVE,
                "created_at": session.now,
            }
            for ticket_type, quantity in in_order
        ],
    )
    for ticket_type, quantity in in_order:
        if not await _take(session, ticket_type, quantity, column="held"):
            raise await _sold_out(session, ticket_type)


async def sell(session: Session, order_id: str) -> bool:
    """Turn an order's seats into sold ones. Seats given back before are taken again; False when they are gone."""
    holds = await _holds(session, order_id)
    if any(each.state == HoldState.RELEASED for each in holds):
        return await _sell_again(session, holds)
    active = [each for each in holds if each.state == HoldState.ACTIVE]
    for each in active:
        await _change(session, each.ticket_type, held=-each.quantity, sold=each.quantity)
    await _end(session, active, HoldState.SOLD)
    return True


async def release(session: Session, order_id: str, *, reason: str) -> int:
    """Give an order's held seats back; how many seats came free."""
    active = [each for each in await _holds(session, order_id) if each.state == HoldState.ACTIVE]
    for each in active:
        await _change(session, each.ticket_type, held=-each.quantity)
    await _end(session, active, HoldState.RELEASED)
    freed = sum(each.quantity for each in active)
    if freed:
        session.count(catalogue.HOLDS_RELEASED, freed, reason=reason)
    return freed


async def return_seats(session: Session, order_id: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """Bring to `wanted` how many sold seats of a locked order are on sale again, by ticket type; how many are.

    More than wanted when seats were to come back and are sold to others.
    """
    sold = [each for each in await _holds(session, order_id) if each.state == HoldState.SOLD]
    for each in sold:
        more = min(wanted.get(each.ticket_type, 0), each.quantity) - each.returned
        if more > 0:
            await _change(session, each.ticket_type, sold=-more)
        elif more < 0:
            more = -await _take_again(session, each.ticket_type, -more)
        each.returned += more
    await session.flush()
    return {each.ticket_type: each.returned for each in sold}


async def returned(session: Session, order_id: str) -> dict[str, int]:
    """How many sold seats of an order are on sale again, by ticket type."""
    return {each.ticket_type: each.returned for each in await _holds(session, order_id)}


async def _take_again(session: Session, ticket_type: str, quantity: int) -> int:
    """As many of them as there are."""
    while quantity and not await _take(session, ticket_type, quantity, column="sold"):
        quantity -= 1
    return quantity


async def _sell_again(session: Session, holds: Sequence[Hold]) -> bool:
    # A savepoint: of several types all are taken again, or none.
    savepoint = await session.begin_nested()
    for each in holds:
        if not await _take(session, each.ticket_type, each.quantity, column="sold"):
            await savepoint.rollback()
            return False
    await savepoint.commit()
    await _end(session, holds, HoldState.SOLD)
    return True


async def _take(session: Session, ticket_type: str, quantity: int, *, column: Literal["held", "sold"]) -> bool:
    """Add to held or sold unless that would pass the capacity."""
    taken = await session.execute(_taking(column), {"of_type": ticket_type, "quantity": quantity})
    return taken.scalar_one_or_none() is not None


@cache
def _taking(column: str) -> sa.Executable:
    """Built once, and of the table: every buyer of a type waits for the one before to be through with this."""
    stock = cast("sa.Table", Stock.__table__)
    quantity = sa.bindparam("quantity", type_=sa.Integer())
    return (
        sa.update(stock)
        .where(
            stock.c.ticket_type == sa.bindparam("of_type"), stock.c.held + stock.c.sold + quantity <= stock.c.capacity
        )
        .values({column: stock.c[column] + quantity})
        .returning(stock.c.ticket_type)
    )


async def _change(session: Session, ticket_type: str, *, held: int = 0, sold: int = 0) -> None:
    await session.execute(_changing(), {"of_type": ticket_type, "more_held": held, "more_sold": sold})


@cache
def _changing() -> sa.Executable:
    """Built once, as `_taking` is: every sale has the row locked from here to its commit."""
    stock = cast("sa.Table", Stock.__table__)
    more = {name: stock.c[name] + sa.bindparam(f"more_{name}", type_=sa.Integer()) for name in ("held", "sold")}
    return sa.update(stock).where(stock.c.ticket_type == sa.bindparam("of_type")).values(more)


async def _holds(session: Session, order_id: str) -> Sequence[Hold]:
    return (await session.execute(_holds_of(), {"of_order": order_id})).scalars().all()


@cache
def _holds_of() -> sa.Select[Hold]:
    """Sorted as Python sorts in `hold`: one lock order, whatever language the database sorts in."""
    query = sa.select(Hold).where(Hold.order_id == sa.bindparam("of_order")).order_by(Hold.ticket_type.collate("C"))
    return query.execution_options(populate_existing=True)


async def _end(session: Session, holds: Sequence[Hold], state: HoldState) -> None:
    ended = {"ids": [each.id for each in holds], "state": state, "ended_at": session.now}
    await session.execute(_ending(), ended)


@cache
def _ending() -> sa.Executable:
    holds = cast("sa.Table", Hold.__table__)
    return sa.update(holds).where(holds.c.id.in_(sa.bindparam("ids", expanding=True)))


async def _sold_out(session: Session, ticket_type: str) -> SoldOut:
    query = sa.select(Stock.capacity - Stock.held - Stock.sold, Stock.held).where(Stock.ticket_type == ticket_type)
    available, held = (await session.execute(query)).one()
    return SoldOut(ticket_type, max(available, 0), held)
