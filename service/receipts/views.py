"""What a customer or a member of staff is shown of an order; camelCase on the wire."""

from datetime import datetime

import msgspec

from service.kernel.money import Money
from service.refunds.machine import UNDER_WAY as REFUND_UNDER_WAY


class ItemView(msgspec.Struct, rename="camel", frozen=True):
    ticket_type: str
    name: str
    quantity: int
    unit_price: Money
    total: Money


class TicketView(msgspec.Struct, rename="camel", frozen=True):
    ticket_id: str
    ticket_type: str
    name: str
    code: str
    status: str


class DeclineView(msgspec.Struct, rename="camel", frozen=True):
    """Why the last try to pay failed, in words for the customer."""

    category: str
    message: str
    retry: bool
    advice: str | None = None  # the gateway's own, where it gives one


class PaymentView(msgspec.Struct, rename="camel", frozen=True):
    """One attempt. A `surplus` one came for an order that was paid already; what has gone back of it is in `returned`."""

    payment_id: str
    provider: str
    status: str
    amount: Money
    created_at: datetime
    surplus: bool
    returned: Money


class RefundItemView(msgspec.Struct, rename="camel", frozen=True):
    ticket_type: str
    name: str
    quantity: int


class RefundView(msgspec.Struct, rename="camel", frozen=True):
    """`items` says which tickets it is of; none for one of an amount. Customers see no refund that nobody has agreed to."""

    refund_id: str
    status: str
    amount: Money
    reason: str
    created_at: datetime
    provider: str
    items: list[RefundItemView]


class DisputeView(msgspec.Struct, rename="camel", frozen=True):
    """What a buyer's bank has asked for; evidence must be there at `due_at`."""

    dispute_id: str
    provider: str
    status: str
    amount: Money
    reason: str
    due_at: datetime | None
    created_at: datetime


class OrderView(msgspec.Struct, rename="camel", frozen=True):
    """`checkout_url` is there only while the order waits for payment and the gateway's page is open.

    Name and address are gone once the customer was erased, and then it says when. `refunded` is what of the order's price has gone back, by refunds or because the buyer's bank took it.
    """

    order_id: str
    order_number: str
    status: str
    payment_status: str
    provider: str
    locale: str
    customer_name: str | None
    email: str | None
    total: Money
    refunded: Money
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    items: list[ItemView]
    tickets: list[TicketView]
    payments: list[PaymentView]
    refunds: list[RefundView]
    decline: DeclineView | None
    checkout_url: str | None
    customer_erased_at: datetime | None = None
    disputes: list[DisputeView] | None = None  # for staff; a customer is told nothing of them

    @property
    def is_refund_coming(self) -> bool:
        """Whether money that goes back by itself is still on its way, as far as anybody can tell."""
        return not self.refunds or any(each.status in REFUND_UNDER_WAY for each in self.refunds)
