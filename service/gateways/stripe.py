"""Stripe through its own SDK: hosted Checkout Sessions in payment mode, and signed snapshot events.

The SDK's time-out (80 s by default) and retries are set on purpose: two tries fit into the ten seconds a customer waits.
It repeats connection errors, 409 and 5xx under the same Idempotency-Key, and does not repeat 429. Session metadata does not
flow to the payment intent, so it is set on both; the payment intent itself exists only from the first try to pay.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
import stripe

from service.gateways import stripe_events
from service.gateways.base import Capability, Lifetimes
from service.gateways.calls import Calls, Operation
from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    Envelope,
    GatewayCheckout,
    GatewayEvent,
)
from service.gateways.registry import Context
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable
from service.kernel.money import Money

CONNECT_TIMEOUT_S = 2
RETRY_AFTER_S = {"auth": 60}  # a refused key is for a person to mend; others may pass in seconds
RETRIES = 1  # of the SDK, on connection errors, 409 and 5xx
# Stripe takes 30 min at least, also from a request that is sent again at the end of the longest hold (25 min, settings);
# one more for clocks that differ. Our own timer closes the page when the hold runs out.
SESSION_LIFETIME = timedelta(minutes=56)
KEPT = timedelta(hours=24)  # an Idempotency-Key may be forgotten after this
LOCALES = {"en": "en", "es": "es"}


def create(context: Context) -> "StripeGateway":
    """What the entry point names."""
    return StripeGateway(context)


class StripeGateway:
    """One Stripe account. An empty `base_url` means the real Stripe."""

    provider = "stripe"
    capabilities = frozenset({Capability.OFFERED, Capability.CLOSES_PAGES, Capability.WEBHOOKS})
    lifetimes = Lifetimes(page=SESSION_LIFETIME, checkout_key=KEPT, capture_key=KEPT, refund_key=KEPT)
    event_types = stripe_events.TYPES

    def __init__(self, context: Context) -> None:
        stripe.enable_telemetry = False
        options, timeout_s = context.options, context.timeout_s
        self._secrets = tuple(each.get_secret_value() for each in options["webhook_secrets"])
        self._calls = Calls(
            self.provider,
            telemetry=context.telemetry,
            guard=context.guard,
            errors=stripe.StripeError,
            translate=_translate,
        )
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)))
        base_url = options["base_url"]
        self._client = stripe.StripeClient(
            options["api_key"].get_secret_value(),
            base_addresses={"api": base_url} if base_url else {},
            http_client=self._http,
            max_network_retries=RETRIES,
        )
        self.page_origin = base_url or "https://checkout.stripe.com"

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
                        "unit_amount": line.unit_price.minor,
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

    async def open_checkout(self, request: dict[str, Any], *, key: str) -> GatewayCheckout:
        params: Any = request
        async with self._calls.call(Operation.OPEN_CHECKOUT):
            session = await self._client.v1.checkout.sessions.create_async(params, {"idempotency_key": key})
        return _checkout(session)

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        async with self._calls.call(Operation.FETCH_CHECKOUT):
            session = await self._client.v1.checkout.sessions.retrieve_async(ref)
        return _checkout(session)

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        try:
            async with self._calls.call(Operation.EXPIRE_CHECKOUT):
                session = await self._client.v1.checkout.sessions.expire_async(ref)
        except GatewayRejected:
            # Not open any more: it was paid or has expired, and only the object itself says which.
            return await self.fetch_checkout(ref)
        return _checkout(session)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        stripe_events.check_signature(body, headers.get("stripe-signature", ""), self._secrets, now=now)
        return stripe_events.read_envelope(body)

    def read_envelope(self, body: bytes) -> Envelope:
        return stripe_events.read_envelope(body)

    def normalise(self, body: bytes) -> GatewayEvent:
        return stripe_events.normalise(body)

    async def probe(self) -> None:
        async with self._calls.call(Operation.PROBE):
            await self._client.v1.events.list_async({"limit": 1})

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def _translate(error: stripe.StripeError) -> GatewayError:
    """A definite no, or an outcome that nobody knows."""
    outcome = _outcome(error)
    if outcome == "rejected":
        return GatewayRejected("stripe", error.code or "invalid_request", str(error))
    maybe_acted = outcome not in {"rate_limited", "auth"}  # both are told before anything is done
    retry_after_s = RETRY_AFTER_S.get(outcome, 5)
    return GatewayUnavailable("stripe", outcome, retry_after_s=retry_after_s, maybe_acted=maybe_acted)


def _outcome(error: stripe.StripeError) -> str:
    match error:
        case stripe.RateLimitError():
            word = "rate_limited"
        case stripe.APIConnectionError():
            word = "timeout" if isinstance(error.__cause__, httpx.TimeoutException) else "unreachable"
        case stripe.AuthenticationError() | stripe.PermissionError():
            word = "auth"
        case stripe.InvalidRequestError() | stripe.IdempotencyError() | stripe.CardError():
            # A conflict is no refusal: the try before this one is still at work there.
            word = "error" if error.http_status == HTTPStatus.CONFLICT else "rejected"
        case _:
            word = "error"
    return word


def _checkout(session: Any) -> GatewayCheckout:
    values = session.to_dict()  # the SDK's objects are no dicts and raise on absent fields
    intent = values.get("payment_intent")
    return GatewayCheckout(
        ref=values["id"],
        status=CheckoutStatus(values["status"]),
        paid=values["payment_status"] in stripe_events.PAID,
        url=values.get("url"),
        payment_ref=intent["id"] if isinstance(intent, dict) else intent,
        amount=Money(values["amount_total"], values["currency"].upper()),
    )
