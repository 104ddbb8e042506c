"""What the nouns know of a gateway: a small protocol and neutral types, no vendor's words.

Calls never guess: they answer, raise `GatewayRejected` (a definite no) or `GatewayUnavailable` (outcome unknown). The
request of a call that moves money is built once (`checkout_request`), stored with its intent row, and sent as stored, so
that a repetition under the same key is the same request to the letter. To add a provider, implement `Gateway` in a file of
its own and give it a name among the gateways of `service.parts.build_parts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from service.kernel.money import Money


class EventKind(StrEnum):
    """The business facts an event of any gateway can tell."""

    CHECKOUT_PAID = "checkout_paid"  # the buyer is done and the money is there
    CHECKOUT_PENDING = "checkout_pending"  # the buyer is done, the money comes later (a bank debit)
    CHECKOUT_FAILED = "checkout_failed"  # the money that was to come later will not come
    CHECKOUT_EXPIRED = "checkout_expired"  # the gateway takes no payment for it any more
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_CHALLENGED = "payment_challenged"  # the bank asks the buyer to authenticate
    PAYMENT_DECLINED = "payment_declined"  # one try failed; the buyer may try again
    REFUND_CHANGED = "refund_changed"
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
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True)
class GatewayCheckout:
    """A checkout as the gateway has it now. `paid` is False as long as the money is not there, decided or not."""

    ref: str
    status: CheckoutStatus
    paid: bool
    url: str | None
    payment_ref: str | None
    amount: Money


@dataclass(frozen=True)
class Decline:
    """Why one try failed, in the gateway's own code; `payments.rules` turns it into words."""

    code: str
    message: str


@dataclass(frozen=True)
class RefundFacts:
    """A refund as the gateway tells it. `refund_id` is our row's id when the refund is ours."""

    ref: str
    status: str
    amount: Money
    payment_ref: str | None
    refund_id: str | None
    reason: str | None
    failure_reason: str | None


@dataclass(frozen=True)
class Envelope:
    """What the inbox needs of a verified event, without understanding it."""

    event_id: str
    type: str
    created_at: datetime
    livemode: bool
    subject: str  # events of one subject are applied in order of arrival
    traceparent: str | None


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


class Gateway(Protocol):
    """One provider. Every coroutine ends within the time-out it was built with."""

    provider: str
    page_origin: str  # where the hosted page lives, for the Content-Security-Policy

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        """The exact request for `open_checkout`; pure, to be stored before it is sent."""
        ...

    async def open_checkout(self, request: dict[str, Any], *, key: str) -> GatewayCheckout:
        """Open a hosted checkout; the same key and request give the same checkout."""
        ...

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        """The checkout as it is now."""
        ...

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        """Close it if it is still open; answers what it is after that, which may be complete."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        """Check signature and time on the raw bytes, then read the envelope; raises `Unauthenticated` or `Invalid`."""
        ...

    def normalise(self, body: bytes) -> GatewayEvent:
        """The event in neutral words; `Parked` when its shape is not what the vendor documents."""
        ...

    async def probe(self) -> None:
        """Raise unless the gateway answers and takes our credentials."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
