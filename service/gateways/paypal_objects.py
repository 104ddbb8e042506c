"""PayPal's objects as far as we read them, and its spelling of money and time. Pure.

The shapes are those of the vendor's OpenAPI files (orders v2, payments v2) and of its disputes. A decode error, or any
`ValueError` from here, says that an object is not what the vendor documents (`UNREADABLE`).
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from service.kernel.money import Money, UnknownCurrency

# https://developer.paypal.com/api/rest/reference/currency-codes/: of these PayPal takes no decimals.
WHOLE = frozenset({"HUF", "JPY", "TWD"})
_PLACES = 2  # of all others it takes
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)  # what reading an object may raise


class Amount(msgspec.Struct):
    currency_code: str
    value: str


class Link(msgspec.Struct):
    href: str
    rel: str


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Processor(msgspec.Struct):
    response_code: str | None = None


class _RelatedIds(msgspec.Struct):
    order_id: str | None = None


class _Supplement(msgspec.Struct):
    related_ids: _RelatedIds | None = None


class Capture(msgspec.Struct):
    id: str
    status: str
    amount: Amount
    custom_id: str | None = None
    status_details: _Reason | None = None
    processor_response: _Processor | None = None
    supplementary_data: _Supplement | None = None

    @property
    def order_ref(self) -> str | None:
        related = self.supplementary_data.related_ids if self.supplementary_data else None
        return related.order_id if related else None


class Refund(msgspec.Struct):
    id: str
    status: str
    amount: Amount
    custom_id: str | None = None
    status_details: _Reason | None = None
    links: list[Link] = []


class _Payments(msgspec.Struct):
    captures: list[Capture] = []
    refunds: list[Refund] = []


class _Unit(msgspec.Struct):
    amount: Amount
    custom_id: str | None = None
    payments: _Payments | None = None


class Order(msgspec.Struct):
    id: str
    status: str
    purchase_units: list[_Unit]
    links: list[Link] = []

    @property
    def unit(self) -> _Unit:
        if len(self.purchase_units) != 1:
            raise ValueError("an order of ours has one purchase unit")
        return self.purchase_units[0]

    @property
    def captures(self) -> list[Capture]:
        return self.unit.payments.captures if self.unit.payments else []

    @property
    def refunds(self) -> list[Refund]:
        return self.unit.payments.refunds if self.unit.payments else []

    def link(self, *rels: str) -> str | None:
        return next((link.href for link in self.links if link.rel in rels), None)


class _Disputed(msgspec.Struct):
    seller_transaction_id: str | None = None
    custom: str | None = None


class _Outcome(msgspec.Struct):
    outcome_code: str | None = None
    amount_refunded: Amount | None = None


class Dispute(msgspec.Struct):
    dispute_id: str
    status: str
    dispute_amount: Amount
    reason: str = "OTHER"
    dispute_life_cycle_stage: str = "CHARGEBACK"
    dispute_outcome: _Outcome | None = None
    seller_response_due_date: str | None = None
    disputed_transactions: list[_Disputed] = []


def written(money: Money) -> dict[str, str]:
    """The amount as PayPal takes it; ValueError for a fraction where it takes none."""
    places = 0 if money.currency in WHOLE else _PLACES
    count = money.at_scale(places)
    return {"currency_code": money.currency, "value": f"{Decimal(count).scaleb(-places):.{places}f}"}


def money_of(amount: Amount) -> Money:
    """ValueError for what is no amount; `UnknownCurrency` is one of those."""
    try:
        return Money.from_decimal(Decimal(amount.value), amount.currency_code)
    except InvalidOperation as error:
        raise ValueError(f"{amount.value!r} is no amount") from error


def money_or_none(amount: Amount) -> Money | None:
    """None for a currency that no order of ours can have."""
    try:
        return money_of(amount)
    except UnknownCurrency:
        return None


def time_of(text: str) -> datetime:
    """ValueError for what is no Internet date and time with its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is no time") from error
