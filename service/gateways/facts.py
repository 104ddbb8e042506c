"""What a gateway is asked and what it tells, in neutral words: the same for every provider.

Ids are ours, refs are the gateway's; what is not known is None. Amounts are `Money`, times have a zone.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.kernel.money import Money


class EventKind(StrEnum):
    """The business facts an event of any gateway can tell."""

    CHECKOUT_APPROVED = "checkout_approved"  # the buyer has agreed; the money moves when we capture it
    CHECKOUT_PAID = "checkout_paid"  # the buyer is done and the money is there
    CHECKOUT_PENDING = "checkout_pending"  # the buyer is done, the money comes later (a bank debit)
    CHECKOUT_FAILED = "checkout_failed"  # the money that was to come later will not come
    CHECKOUT_EXPIRED = "checkout_expired"  # the gateway takes no payment for it any more
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_CHALLENGED = "payment_challenged"  # the bank asks the buyer to authenticate
    PAYMENT_DECLINED = "payment_declined"  # one try failed; the buyer may try again
    REFUND_CHANGED = "refund_changed"
    DISPUTE_CHANGED = "dispute_changed"
    OTHER = "other"  # of no concern to us; kept and counted


@dataclass(frozen=True)
class LineItem:
    """One line on the gateway's page; `unit_price` is our catalogue's, never the client's."""

    name: str
    unit_price: Money
    quantity: int


@dataclass(frozen=True)
class CheckoutIntent:
    """What is to be asked of a gateway; `now` is when, from which it reckons how long its page stays open."""

    order_id: str
    order_number: str
    payment_id: str
    email: str
    locale: str
    lines: tuple[LineItem, ...]
    total: Money
    success_url: str
    cancel_url: str
    traceparent: str | None
    now: datetime


class CheckoutStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"  # the buyer has agreed; the money moves when we capture it
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Decline:
    """Why one try failed, in the gateway's own code; `payments.rules` turns it into words."""

    code: str
    message: str
    advice: str | None = None  # the gateway's own advice on trying again, where it gives one


@dataclass(frozen=True)
class GatewayCheckout:
    """A checkout as the gateway has it now. `paid` is False as long as the money is not there, decided or not."""

    ref: str
    status: CheckoutStatus
    paid: bool
    url: str | None
    payment_ref: str | None
    amount: Money | None  # None when the gateway has forgotten an expired one
    decline: Decline | None = None


@dataclass(frozen=True)
class RefundIntent:
    """What money is to go back; `refund_id` is our row's id and travels along, so that the refund can be found by it."""

    refund_id: str
    payment_id: str
    order_id: str
    order_number: str
    payment_ref: str
    amount: Money
    reason: str
    traceparent: str | None = None


@dataclass(frozen=True)
class RefundFacts:
    """A refund as the gateway tells it. `refund_id` is our row's id when the refund is ours.

    `status` is one of pending, requires_action, succeeded, failed, canceled.
    """

    ref: str
    status: str
    amount: Money
    payment_ref: str | None
    refund_id: str | None
    reason: str | None
    failure_reason: str | None


class DisputeStatus(StrEnum):
    INQUIRY = "inquiry"  # the bank only asks; no money has moved
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"  # the money is ours again
    LOST = "lost"  # the money stays gone
    CLOSED = "closed"  # an inquiry that came to nothing


@dataclass(frozen=True)
class DisputeFacts:
    """A dispute as the gateway tells it; `due_at` is when evidence must be there."""

    ref: str
    status: DisputeStatus
    amount: Money
    payment_ref: str | None
    reason: str
    due_at: datetime | None


@dataclass(frozen=True)
class Envelope:
    """What the inbox needs of a verified event, without understanding it.

    `is_thin` says that the body only names an object, which is fetched before the event can be applied. Thin and full
    events for one fact carry one `event_id` where the gateway tells that they belong together.
    """

    event_id: str
    type: str
    created_at: datetime
    livemode: bool
    subject: str  # events of one subject are applied in order of arrival
    traceparent: str | None
    is_thin: bool = False


@dataclass(frozen=True)
class GatewayEvent:
    """An event in neutral words. Ids are ours, refs are the gateway's; absent facts are None."""

    provider: str
    event_id: str
    kind: EventKind
    type: str
    occurred_at: datetime
    order_id: str | None = None
    payment_id: str | None = None
    checkout_ref: str | None = None
    payment_ref: str | None = None
    amount: Money | None = None
    decline: Decline | None = None
    refund: RefundFacts | None = None
    dispute: DisputeFacts | None = None
    gift: bool = False  # paid by the festival itself


class SettlementKind(StrEnum):
    """What moved the gateway's balance."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"  # a refund that came back
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    FEE = "fee"
    PAYOUT = "payout"
    PAYOUT_FAILED = "payout_failed"  # one that came back from the bank
    OTHER = "other"


@dataclass(frozen=True)
class Settlement:
    """One movement on the gateway's balance: `amount` before the fee, signed from our point of view; net = amount - fee.

    `payout_ref` is the payout that this movement is, or that came back; `paid_out_by` the one that took it to the bank. Our
    ids are those that travelled along.
    """

    ref: str
    kind: SettlementKind
    amount: Money
    fee: Money
    occurred_at: datetime
    available_at: datetime | None = None
    payment_ref: str | None = None
    refund_ref: str | None = None
    dispute_ref: str | None = None
    payout_ref: str | None = None
    paid_out_by: str | None = None
    order_id: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
