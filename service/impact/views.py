"""Figures of a trouble and orders that stand still; camelCase on the wire. What each figure means is said beside it."""

from datetime import datetime
from typing import Annotated

import msgspec

from service.kernel.money import Money


class Figure(msgspec.Struct, rename="camel", frozen=True):
    """How many, and how much: no order is counted twice in one figure."""

    orders: int = 0
    sessions: Annotated[int, msgspec.Meta(description="Attempts to pay that belong to it.")] = 0
    amounts: Annotated[list[Money], msgspec.Meta(description="Order totals, or refund amounts; one a currency.")] = []


class FailedView(msgspec.Struct, rename="camel", frozen=True):
    """Attempts that failed for one reason at one provider; an order may stand in several of these rows."""

    provider: str
    category: Annotated[
        str,
        msgspec.Meta(description="`no_answer`: the provider did not answer; else why a bank or a provider said no."),
    ]
    figure: Figure


class OrdersView(msgspec.Struct, rename="camel", frozen=True):
    opened: Annotated[Figure, msgspec.Meta(description="Orders placed in the time that came as far as a provider.")]
    paid: Annotated[Figure, msgspec.Meta(description="Of these, paid by now.")]
    troubled: Annotated[Figure, msgspec.Meta(description="Of the opened, with at least one attempt that failed.")]
    paid_later: Annotated[Figure, msgspec.Meta(description="Of the troubled, paid all the same by now.")]
    waiting: Annotated[Figure, msgspec.Meta(description="Of the troubled, still open.")]
    lost: Annotated[Figure, msgspec.Meta(description="Of the troubled, ended without being paid.")]


class RefundsView(msgspec.Struct, rename="camel", frozen=True):
    waiting: Annotated[Figure, msgspec.Meta(description="Refunds asked for in the time that have not ended.")]
    failed: Annotated[Figure, msgspec.Meta(description="Refunds asked for in the time that failed.")]


class RiskView(msgspec.Struct, rename="camel", frozen=True):
    """Customers' money of orders placed in the time whose place is not settled."""

    outcome_unknown: Annotated[
        Figure, msgspec.Meta(description="Not paid as far as we know; the money may be on its way.")
    ]
    paid_without_seat: Annotated[Figure, msgspec.Meta(description="Paid too late for their seats, not given back yet.")]
    paid_twice: Annotated[Figure, msgspec.Meta(description="A second payment for an order, not given back yet.")]
    disputed: Annotated[Figure, msgspec.Meta(description="Under dispute.")]


class ImpactView(msgspec.Struct, rename="camel", frozen=True):
    since: datetime
    until: datetime
    provider: str | None
    orders: OrdersView
    failed: list[FailedView]
    refunds: RefundsView
    money_at_risk: RiskView
    as_of: datetime


class TouchedView(msgspec.Struct, rename="camel", frozen=True):
    order_id: str
    order_number: str
    status: str
    total: Money
    provider: str
    trouble: Annotated[
        str | None, msgspec.Meta(description="Why the attempt failed; none where only its end is unsure.")
    ]
    is_paid: Annotated[bool, msgspec.Meta(description="By now, all the same.")]
    created_at: datetime


class TouchedOrdersView(msgspec.Struct, rename="camel", frozen=True):
    orders: Annotated[list[TouchedView], msgspec.Meta(description="The oldest first.")]
    more: Annotated[bool, msgspec.Meta(description="There are more than were asked for.")]
    as_of: datetime


class StuckView(msgspec.Struct, rename="camel", frozen=True):
    order_id: str
    order_number: str
    status: str
    total: Money
    provider: str
    waits_for: Annotated[
        str, msgspec.Meta(description="closing, gateway_answer, capture, bank, refund, or person: a dead letter.")
    ]
    since: datetime
    next: Annotated[str, msgspec.Meta(description="What happens next, or who has to act.")]
    payment_id: str | None
    payment_status: str | None
    asked_at: Annotated[datetime | None, msgspec.Meta(description="When the gateway was last asked about it.")]
    dead_letters: int


class StuckOrdersView(msgspec.Struct, rename="camel", frozen=True):
    orders: Annotated[list[StuckView], msgspec.Meta(description="The longest waiting first.")]
    total: Annotated[Figure, msgspec.Meta(description="All of them, not only those listed.")]
    as_of: datetime
