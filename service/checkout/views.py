"""The answer to a checkout; camelCase on the wire."""

from datetime import datetime

import msgspec

from service.kernel.money import Money
from service.orders.tables import Order


class Checkout(msgspec.Struct, rename="camel", frozen=True):
    """Where to pay, until when the seats are held, and the token that lets its holder see the order."""

    order_id: str
    order_number: str
    provider: str
    checkout_url: str
    expires_at: datetime
    total: Money
    access_token: str


def present(order: Order, *, provider: str, url: str, token: str) -> Checkout:
    """`provider` is whose page `url` is. The same for the same order each time but for its token, which the present first key makes."""
    return Checkout(
        order_id=order.id,
        order_number=order.number,
        provider=provider,
        checkout_url=url,
        expires_at=order.expires_at,
        total=order.total,
        access_token=token,
    )
