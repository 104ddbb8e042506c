"""Ask for a letter with the links to one's orders, and put it together when the worker comes to it.

Whoever asks learns nothing: the same two statements run for every address, and the worker alone looks whether there are
orders. The message holds the address's blind index, never the address; the letter goes to what the orders themselves say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.outbox import OutboxMessage
from service.mail.rules import ORDER_LINK
from service.orders.machine import OrderStatus
from service.orders.tables import Order, of_customers
from service.shop.flow import Shop
from service.vault import flow as vault
from service.vault.tables import OrderCustomer

KIND = f"mail.{ORDER_LINK}"
PAUSE = timedelta(minutes=10)  # between two letters to one address, whoever asks however often
MOST_A_DAY = 5  # of UTC; whoever asks for somebody else fills no letter box
KEPT = timedelta(days=1)  # then nobody needs to know any more that there was a letter
FORGOTTEN_AT_ONCE = 1_000
REACH = timedelta(days=365)  # older orders are of a festival that is over
MOST_ORDERS = 20
_UNPAID = (OrderStatus.EXPIRED, OrderStatus.CANCELED)


@dataclass(frozen=True)
class Linked:
    number: str
    placed_at: datetime
    link: str


@dataclass(frozen=True)
class Links:
    """What the letter says: the newest order decides on the language and on how the address is written."""

    to: str
    name: str
    locale: str
    orders: tuple[Linked, ...]


async def ask(session: Session, email: str) -> None:
    """One letter to this address, unless one went out within `PAUSE` or is on its way, or it had enough of them today."""
    digests, day = session.master_keys.digests(vault.normalise(email)), session.now.date().isoformat()
    await outbox.enqueue(session, KIND, {"digests": list(digests), "day": day, "letters": 1}, key=digests[0])
    kept = OutboxMessage.payload
    today = sa.case((kept["day"].as_string() == day, kept["letters"].as_integer()), else_=0)
    told = sa.func.json_build_object(
        *("digests", kept["digests"]), *("day", sa.literal(day)), *("letters", today + 1)
    )  # fmt: skip
    await outbox.revive(
        session, KIND, today < MOST_A_DAY, key=digests[0], done_before=session.now - PAUSE, payload=told
    )


async def forget_old(session: Session) -> int:
    """Forget who has asked, a day after the letter: anybody may ask for any address; how many were forgotten."""
    over = OutboxMessage.kind == KIND, OutboxMessage.done_at < session.now - KEPT
    old = sa.select(OutboxMessage.seq).where(*over).limit(FORGOTTEN_AT_ONCE)
    gone = sa.delete(OutboxMessage).where(OutboxMessage.seq.in_(old)).returning(OutboxMessage.seq)
    return len((await session.execute(gone)).all())


async def collect(session: Session, shop: Shop, payload: dict[str, Any]) -> Links | None:
    """The letter this message asks for; None when there is nobody to write to."""
    theirs = sa.select(OrderCustomer.order_id).where(OrderCustomer.email_digest.in_(payload["digests"]))
    query = (
        sa.select(Order)
        .where(Order.id.in_(theirs), Order.created_at > session.now - REACH, Order.status.not_in(_UNPAID))
        .where(of_customers())
        .order_by(Order.created_at.desc(), Order.id)
        .limit(MOST_ORDERS)
    )
    orders = list((await session.execute(query)).scalars())
    buyer = await vault.open_buyer(session, orders[0].id) if orders else None
    if buyer is None:
        return None
    tokens = [(each, await vault.order_token(session, each.id, before=shop.tokens)) for each in orders]
    found = [
        Linked(each.number, each.created_at, shop.order_link(each.id, each.locale, token))
        for each, token in tokens
        if token
    ]
    return Links(buyer.email, buyer.name, orders[0].locale, tuple(found))
