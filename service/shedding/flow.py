"""While the switch `load` stands on shed, nobody new begins; whoever holds an open order goes on as always.

A new checkout is let in for an address that has an open order, a page for a browser whose cookie names one. What was begun
under an Idempotency-Key is no new checkout, and is not asked here.
"""

import random

import sqlalchemy as sa

from service.kernel.db import Session
from service.kernel.ids import is_id
from service.kernel.shedding import LoadShed
from service.orders.machine import OPEN
from service.orders.tables import Order
from service.shop.flow import Shop
from service.telemetry import catalogue
from service.telemetry.labels import Shed
from service.vault import flow as vault


async def let_in(session: Session, shop: Shop, *, email: str, provider: str | None) -> None:
    """Raise `LoadShed` for a new checkout of somebody who holds no open order; staff's ways to pay are not asked."""
    is_staff = provider is not None and provider not in shop.offered
    if not shop.sheds() or is_staff:
        return
    theirs = sa.exists().where(Order.id.in_(vault.orders_of(session, email)), Order.status.in_(OPEN))
    if not (await session.execute(sa.select(theirs))).scalar_one():
        raise refusal(shop, Shed.CHECKOUT)


async def holds_open(shop: Shop, order_id: str) -> bool:
    """Whether there is such an order and its buyer may still pay; a text that is no id costs nothing."""
    if not is_id(order_id, "ord"):
        return False
    found = sa.exists().where(Order.id == order_id, Order.status.in_(OPEN))
    async with shop.db.transaction() as session:
        return bool((await session.execute(sa.select(found))).scalar_one())


def refusal(shop: Shop, what: Shed) -> LoadShed:
    """Count it; each is told another time to come again."""
    shop.db.telemetry.count(catalogue.SHED, what=what)
    return LoadShed(random.random())  # noqa: S311 - spreads a crowd, protects nothing
