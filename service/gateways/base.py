"""What the nouns know of a gateway: a small protocol and neutral types, no vendor's words.

Calls never guess: they answer, raise `GatewayRejected` (a definite no) or `GatewayUnavailable` (outcome unknown). The
request of a call that moves money is built once (`checkout_request`, `refund_request`), stored with its intent row, and
sent as stored, so that a repetition under the same key is the same request to the letter. What a provider can do it
declares in `capabilities`; nobody asks for what is not declared. To add a provider, see `docs/payment-system/08-integration.md`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from service.gateways.facts import (
    CheckoutIntent,
    Envelope,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
    RefundIntent,
    Settlement,
)
from service.kernel.clock import Seconds


class Capability(StrEnum):
    """What a provider may be asked for beyond opening and fetching a checkout."""

    OFFERED = "offered"  # customers may choose it in the store; else it is for staff
    CLOSES_PAGES = "closes_pages"  # an open page can be closed there before its time
    CAPTURE = "capture"  # the money moves by our own call, after the buyer has approved
    DELAYED_PAYMENTS = "delayed_payments"  # the buyer may be done days before the money comes
    REFUND = "refund"
    PARTIAL_REFUND = "partial_refund"
    FIND_CHECKOUT = "find_checkout"  # by our own ids, when no answer ever told its ref
    FIND_REFUND = "find_refund"
    WEBHOOKS = "webhooks"
    RUNTIME_SECRETS = "runtime_secrets"  # what verifies webhooks may be replaced while it runs
    THIN_EVENTS = "thin_events"  # events that name an object which is then fetched
    LIST_EVENTS = "list_events"
    LIST_SETTLEMENTS = "list_settlements"
    ITEMISED_PAYOUTS = "itemised_payouts"  # which movements a payout is made of
    DISPUTES = "disputes"


@dataclass(frozen=True)
class Lifetimes:
    """How long a provider remembers: a page it opened, and the answer to a key. After that a repetition is a new request."""

    page: timedelta
    checkout_key: timedelta
    capture_key: timedelta
    refund_key: timedelta
    hold: timedelta | None = None  # how long seats wait for this provider, where it is not the setting's time


class Gateway(Protocol):
    """One provider. Every coroutine ends within the time-out it was built with."""

    provider: str
    page_origin: str  # where the hosted page lives, for the Content-Security-Policy; empty when there is none
    capabilities: frozenset[Capability]
    lifetimes: Lifetimes
    event_types: tuple[str, ...]  # the vendor's names of the events we act on; what is listed for recovery
    webhook_secrets: tuple[str, ...]  # `RUNTIME_SECRETS`: those of the settings

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        """The exact request for `open_checkout`; pure, to be stored before it is sent."""
        ...

    async def open_checkout(
        self, request: dict[str, Any], *, key: str, within_s: Seconds | None = None
    ) -> GatewayCheckout:
        """Open a hosted checkout; the same key and request give the same checkout.

        `within_s` is how long all of it may take where that is not what `calls.TERMS` says.
        """
        ...

    async def find_checkout(self, request: dict[str, Any], *, since: datetime) -> GatewayCheckout | None:
        """`FIND_CHECKOUT`: the checkout this request opened after `since`, by our ids in it; None when there is none."""
        ...

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        """The checkout as it is now."""
        ...

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        """Close it if it is still open; answers what it is after that, which may be complete.

        Without `CLOSES_PAGES` a checkout that nobody paid answers `EXPIRED` when no payment can come of it any more by
        itself: where the capture is our act, not to capture is to close.
        """
        ...

    async def capture(self, ref: str, *, key: str) -> GatewayCheckout:
        """`CAPTURE`: take the approved money; a decline is an answer with `decline` set, for the buyer to approve anew."""
        ...

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        """The exact request for `refund`; pure, to be stored before it is sent."""
        ...

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        """`REFUND`: give money back; the same key and request give the same refund."""
        ...

    async def find_refund(self, request: dict[str, Any]) -> RefundFacts | None:
        """`FIND_REFUND`: the refund this request made, by our id in it; None when there is none."""
        ...

    async def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        """Check signature and time on the raw bytes, then read the envelope; raises `Unauthenticated` or `Invalid`.

        It may wait for a certificate that is not known yet, and for nothing else.
        """
        ...

    def accept_secrets(self, secrets: tuple[str, ...]) -> None:
        """`RUNTIME_SECRETS`: from now on `verify` takes these, in this order, and no other."""
        ...

    def read_envelope(self, body: bytes) -> Envelope:
        """The envelope of an event that was fetched, not delivered; raises `Invalid`."""
        ...

    async def fetch_event(self, body: bytes) -> bytes:
        """`THIN_EVENTS`: the full event that a thin one stands for, as `normalise` takes it."""
        ...

    def normalise(self, body: bytes) -> GatewayEvent:
        """The event in neutral words; `Parked` when its shape is not what the vendor documents."""
        ...

    def list_events(self, *, since: datetime, until: datetime, undelivered: bool = False) -> AsyncIterator[bytes]:
        """`LIST_EVENTS`: every event of `event_types` created in [since, until], each as a body, oldest first.

        `undelivered` asks only for those the gateway could not deliver, where it can tell them apart.
        """
        ...

    def list_settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
        """`LIST_SETTLEMENTS`: every movement on the gateway's balance in [since, until), oldest first."""
        ...

    def list_paid_out(self, payout_ref: str) -> AsyncIterator[Settlement]:
        """`ITEMISED_PAYOUTS`: the movements this payout took to the bank, itself not among them; perhaps not all yet."""
        ...

    async def probe(self) -> None:
        """Raise unless the gateway answers and takes our credentials."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
