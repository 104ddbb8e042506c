"""Why money goes back, and what a gateway's word for a refund means for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from service.audit.rules import Actor
from service.kernel.money import Money
from service.mail.rules import LATE_PAYMENT, SURPLUS_PAYMENT
from service.orders.rules import SYNTHETIC
from service.refunds.machine import RefundEvent, RefundStatus
from service.refunds.tables import Refund

EVENTS = {
    "pending": RefundEvent.SEND,
    "requires_action": RefundEvent.SEND,
    "succeeded": RefundEvent.SUCCEED,
    "failed": RefundEvent.FAIL,
    "canceled": RefundEvent.CANCEL,
}


class Reason(StrEnum):
    """What a person may say; `AUTOMATIC` ones are ours."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    TICKET_RETURNED = "ticket_returned"
    EVENT_CHANGED = "event_changed"
    DUPLICATE = "duplicate"
    GOODWILL = "goodwill"
    FRAUDULENT = "fraudulent"


MEANINGS: Mapping[Reason, str] = {
    Reason.REQUESTED_BY_CUSTOMER: "The customer has asked for it, and that is all there is to say.",
    Reason.TICKET_RETURNED: "A ticket was given back within the terms of the sale.",
    Reason.EVENT_CHANGED: "A class, an artist or a date is not what was sold.",
    Reason.DUPLICATE: "The customer bought the same twice by mistake.",
    Reason.GOODWILL: "Nothing is owed; it is given to make up for something.",
    Reason.FRAUDULENT: "The card was not the buyer's. Stripe also blocks the card, so say it only when it is known.",
}
AUTOMATIC = frozenset(
    {LATE_PAYMENT, SURPLUS_PAYMENT, SYNTHETIC}
)  # goes back by itself; if anything says so, its own letter


def is_for_customers(refund: Refund) -> bool:
    """Whether a customer is shown it: not while it waits for approval, nor when it got none."""
    undecided = refund.status == RefundStatus.AWAITING_APPROVAL
    return not undecided and (refund.status != RefundStatus.CANCELED or refund.refund_ref is not None)


def reason_for_customers(refund: Refund) -> str:
    """A suspicion is nothing to tell."""
    return "other" if refund.reason == Reason.FRAUDULENT else refund.reason


@dataclass(frozen=True)
class Part:
    """So many tickets of one line of the order, and what they cost."""

    order_item_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True)
class Asked:
    """What is known of a refund that a person asks for; `by` is None where it goes back by itself."""

    by: Actor | None = None
    note: str | None = None
    parts: tuple[Part, ...] = ()
