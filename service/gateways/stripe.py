"""Stripe Checkout over its own SDK, asynchronous; one file a concern:

`stripe_line` is the SDK and its errors, `stripe_words` what its objects and events say, `stripe_events` the door and thin
events, `stripe_lists` whatever is looked for, `stripe_money` refunds and the balance. Requests carry our ids in metadata,
on the session and on its payment intent, because the intent is created only when the buyer pays and its events know
nothing of the session; a refund carries its own.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from service.gateways import stripe_events, stripe_lists, stripe_money, stripe_words
from service.gateways.base import Capability, Lifetimes
from service.gateways.calls import Operation
from service.gateways.facts import (
    CheckoutIntent,
    Envelope,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
    RefundIntent,
    Settlement,
)
from service.gateways.registry import Context
from service.gateways.stripe_line import PROVIDER, Line
from service.gateways.undeclared import Undeclared
from service.kernel.clock import Seconds
from service.kernel.errors import GatewayRejected

# Stripe takes 30 min at least, also from a request that is sent again at the end of the longest hold (25 min, settings);
# one more for clocks that differ. Our own timer closes the page when the hold runs out.
SESSION_LIFETIME = timedelta(minutes=56)
KEPT = timedelta(hours=24)  # an Idempotency-Key may be forgotten after this
LOCALES = {"en": "en", "es": "es"}


def create(context: Context) -> "StripeGateway":
    """What the entry point names."""
    return StripeGateway(context)


class StripeGateway(Undeclared):
    """One Stripe account. An empty `base_url` means the real Stripe."""

    provider = PROVIDER
    capabilities = frozenset(
        {
            Capability.OFFERED,
            Capability.CLOSES_PAGES,
            Capability.DELAYED_PAYMENTS,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.FIND_CHECKOUT,
            Capability.FIND_REFUND,
            Capability.WEBHOOKS,
            Capability.RUNTIME_SECRETS,
            Capability.THIN_EVENTS,
            Capability.LIST_EVENTS,
            Capability.LIST_SETTLEMENTS,
            Capability.ITEMISED_PAYOUTS,
            Capability.DISPUTES,
        }
    )
    lifetimes = Lifetimes(page=SESSION_LIFETIME, checkout_key=KEPT, capture_key=KEPT, refund_key=KEPT)
    event_types = stripe_words.TYPES

    def __init__(self, context: Context) -> None:
        self.webhook_secrets = tuple(each.get_secret_value() for each in context.options["webhook_secrets"])
        self._secrets = self.webhook_secrets
        self._line = Line(context)
        self.page_origin = context.options["base_url"] or "https://checkout.stripe.com"

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        metadata = {"order_id": intent.order_id, "payment_id": intent.payment_id, "order_number": intent.order_number}
        if intent.traceparent:
            metadata["traceparent"] = intent.traceparent
        return {
            "mode": "payment",
            "client_reference_id": intent.order_id,
            "customer_email": intent.email,
            "locale": LOCALES.get(intent.locale, "auto"),
            "line_items": [
                {
                    "quantity": line.quantity,
                    "price_data": {
                        "currency": line.unit_price.currency.lower(),
                        "unit_amount": stripe_words.minor_of(line.unit_price),
                        "product_data": {"name": line.name},
                    },
                }
                for line in intent.lines
            ],
            "success_url": intent.success_url,
            "cancel_url": intent.cancel_url,
            "expires_at": int((intent.now + SESSION_LIFETIME).timestamp()),
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": f"Order {intent.order_number}"},
        }

    async def open_checkout(
        self, request: dict[str, Any], *, key: str, within_s: Seconds | None = None
    ) -> GatewayCheckout:
        params: Any = request
        async with self._line.call(Operation.OPEN_CHECKOUT, within_s=within_s):
            session = await self._line.v1.checkout.sessions.create_async(params, {"idempotency_key": key})
        return stripe_words.checkout_of(session.to_dict())

    async def find_checkout(self, request: dict[str, Any], *, since: datetime) -> GatewayCheckout | None:
        return await stripe_lists.find_checkout(self._line, request, since=since)

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        async with self._line.call(Operation.FETCH_CHECKOUT):
            session = await self._line.v1.checkout.sessions.retrieve_async(ref, {"expand": ["payment_intent"]})
        return stripe_words.checkout_of(session.to_dict(for_json=True))

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        try:
            async with self._line.call(Operation.EXPIRE_CHECKOUT):
                session = await self._line.v1.checkout.sessions.expire_async(ref)
        except GatewayRejected:
            # Not open any more: it was paid or has expired, and only the object itself says which.
            return await self.fetch_checkout(ref)
        return stripe_words.checkout_of(session.to_dict())

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        return stripe_money.refund_request(intent)

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        return await stripe_money.refund(self._line, request, key=key)

    async def find_refund(self, request: dict[str, Any]) -> RefundFacts | None:
        return await stripe_lists.find_refund(self._line, request)

    async def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        stripe_events.check_signature(body, headers.get("stripe-signature", ""), self._secrets, now=now)
        return stripe_events.read_envelope(body)

    def accept_secrets(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def read_envelope(self, body: bytes) -> Envelope:
        return stripe_events.read_envelope(body)

    async def fetch_event(self, body: bytes) -> bytes:
        return await stripe_events.fetch_event(self._line, body)

    def normalise(self, body: bytes) -> GatewayEvent:
        return stripe_words.normalise(body)

    def list_events(self, *, since: datetime, until: datetime, undelivered: bool = False) -> AsyncIterator[bytes]:
        return stripe_lists.list_events(self._line, since=since, until=until, undelivered=undelivered)

    def list_settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
        return stripe_money.list_settlements(self._line, since=since, until=until)

    def list_paid_out(self, payout_ref: str) -> AsyncIterator[Settlement]:
        return stripe_money.list_paid_out(self._line, payout_ref)

    async def probe(self) -> None:
        async with self._line.call(Operation.PROBE):
            await self._line.v1.events.list_async({"limit": 1})

    async def close(self) -> None:
        await self._line.close()
