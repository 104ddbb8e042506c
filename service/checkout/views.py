"""The answer to a checkout; camelCase on the wire."""

from datetime import datetime

import msgspec

from service.kernel.money import Money


class Checkout(msgspec.Struct, rename="camel", frozen=True):
    """Where to pay, until when the seats are held, and the token that lets its holder see the order."""

    order_id: str
    order_number: str
    provider: str
    checkout_url: str
    expires_at: datetime
    total: Money
    access_token: str
