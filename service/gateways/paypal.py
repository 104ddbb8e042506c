"""PayPal Checkout over our own client (ADR 0007): an order is opened, the buyer approves it, we capture it.

`paypal_client` is the line with its token, `paypal_words` what PayPal's objects say, `paypal_events` signatures and
events, `paypal_certs` who signs them, `paypal_lists` whatever is listed. The money moves when we capture, and not before:
an order that is not captured costs nobody anything, so to close a checkout is to leave it. `payment_ref` is the capture's id.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from service.gateways import paypal_events, paypal_lists, paypal_words
from service.gateways.base import Capability, Lifetimes
from service.gateways.calls import Operation
from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    Decline,
    Envelope,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
    RefundIntent,
    Settlement,
)
from service.gateways.paypal_certs import PATH, Certificates, Places
from service.gateways.paypal_client import PROVIDER, PayPalClient, Refused, Request
from service.gateways.paypal_words import forgotten, read_checkout, read_order_ref, read_refund, read_refund_of
from service.gateways.registry import Context
from service.gateways.undeclared import Undeclared

LIVE, SANDBOX = "paypal.com", "sandbox.paypal.com"
SIGNER = "messageverificationcerts"
ORDERS = "/v2/checkout/orders"
CAPTURES = "/v2/payments/captures"
# https://developer.paypal.com/docs/api/orders/v2/: unless the account manager extends it.
APPROVAL = timedelta(hours=6)
ORDER_KEYS, PAYMENT_KEYS = timedelta(hours=6), timedelta(days=45)  # a PayPal-Request-Id may be forgotten after this

GONE = frozenset({"INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"})
ALREADY = "ORDER_ALREADY_CAPTURED"
# Of the issues of a capture those that are about this buyer's way to pay: another may work. The rest is about us.
DECLINES = frozenset(
    {
        "INSTRUMENT_DECLINED",
        "CARD_BRAND_NOT_SUPPORTED",
        "CARD_CLOSED",
        "CARD_EXPIRED",
        "COMPLIANCE_VIOLATION",
        "DOMESTIC_TRANSACTION_REQUIRED",
        "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
        "PAYEE_BLOCKED_TRANSACTION",
        "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYER_ACCOUNT_RESTRICTED",
        "PAYER_ACTION_REQUIRED",
        "PAYER_CANNOT_PAY",
        "PAYER_COUNTRY_NOT_SUPPORTED",
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
        "TRANSACTION_BLOCKED_BY_PAYEE",
        "TRANSACTION_LIMIT_EXCEEDED",
        "TRANSACTION_REFUSED",
    }
)


def create(context: Context) -> "PayPalGateway":
    """What the entry point names."""
    return PayPalGateway(context)


class PayPalGateway(Undeclared):
    """One PayPal application. An empty `base_url` means the real PayPal, its sandbox where no real money moves."""

    provider = PROVIDER
    capabilities = frozenset(
        {
            Capability.OFFERED,
            Capability.CAPTURE,
            Capability.DELAYED_PAYMENTS,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.FIND_REFUND,
            Capability.WEBHOOKS,
            Capability.RUNTIME_SECRETS,
            Capability.THIN_EVENTS,
            Capability.LIST_EVENTS,
            Capability.LIST_SETTLEMENTS,
            Capability.DISPUTES,
        }
    )
    lifetimes = Lifetimes(page=APPROVAL, checkout_key=ORDER_KEYS, capture_key=PAYMENT_KEYS, refund_key=PAYMENT_KEYS)
    event_types = paypal_events.TYPES

    def __init__(self, context: Context) -> None:
        options, host = context.options, LIVE if context.livemode else SANDBOX
        stand_in = options["base_url"]
        tls = httpx.create_ssl_context()  # once for both: reading all authorities takes 40 ms
        self._client = PayPalClient(context, base_url=stand_in or f"https://api-m.{host}", tls=tls)
        self._page = f"{stand_in or f'https://www.{host}'}/checkoutnow?token="
        self._certificates = Certificates(_places(stand_in, host, options["ca_file"]), tls=tls)
        self.webhook_secrets = self._webhook_ids = tuple(options["webhook_ids"])
        self._livemode = context.livemode
        page = urlsplit(self._page)
        self.page_origin = f"{page.scheme}://{page.netloc}"

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        return paypal_words.checkout_request(intent)

    async def open_checkout(
        self, request: dict[str, Any], *, key: str, within_s: float | None = None
    ) -> GatewayCheckout:
        asked = Request("POST", ORDERS, body=request, key=key)
        return await self._client.ask(Operation.OPEN_CHECKOUT, asked, read_checkout, within_s=within_s)

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        """An order that nobody captured is forgotten in time; it answers `EXPIRED`, without an amount."""
        asked = Request("GET", f"{ORDERS}/{ref}")
        found = await self._client.ask_or_refused(Operation.FETCH_CHECKOUT, asked, read_checkout, accepts=GONE)
        return forgotten(ref) if isinstance(found, Refused) else found

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        checkout = await self.fetch_checkout(ref)
        if checkout.status is CheckoutStatus.COMPLETE:
            return checkout
        return replace(checkout, status=CheckoutStatus.EXPIRED, url=None)

    async def capture(self, ref: str, *, key: str) -> GatewayCheckout:
        """201 does not mean money: `paid` is what the capture itself says. Declined, `url` leads the buyer back to pay."""
        asked = Request("POST", f"{ORDERS}/{ref}/capture", body={}, key=key)
        accepts = DECLINES | {ALREADY}
        taken = await self._client.ask_or_refused(Operation.CAPTURE, asked, read_checkout, accepts=accepts)
        if not isinstance(taken, Refused):
            return taken
        checkout = await self.fetch_checkout(ref)
        if taken.issue == ALREADY or checkout.status is CheckoutStatus.COMPLETE:
            return checkout
        return replace(
            checkout,
            status=CheckoutStatus.OPEN,
            url=taken.link("payer-action", "redirect") or checkout.url or self._page + ref,
            decline=Decline(code=taken.issue, message=taken.message),
        )

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        return paypal_words.refund_request(intent)

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        capture_id = request["capture_id"]
        asked = Request("POST", f"{CAPTURES}/{capture_id}/refund", body=request["body"], key=key)
        return await self._client.ask(Operation.REFUND, asked, partial(read_refund, capture_id=capture_id))

    async def find_refund(self, request: dict[str, Any]) -> RefundFacts | None:
        """By the order of its capture, which shows all refunds with their custom ids."""
        capture_id, words = request["capture_id"], request["body"]["custom_id"]
        of_capture = Request("GET", f"{CAPTURES}/{capture_id}")
        order_ref = await self._client.ask(Operation.FIND_REFUND, of_capture, read_order_ref)
        of_order = Request("GET", f"{ORDERS}/{order_ref}")
        find = partial(read_refund_of, capture_id=capture_id, custom_id=words)
        return await self._client.ask(Operation.FIND_REFUND, of_order, find)

    async def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        await paypal_events.check_signature(
            body, headers, certificates=self._certificates, webhook_ids=self._webhook_ids, now=now
        )
        return replace(self.read_envelope(body), is_thin=True)  # its body is no proof: see `paypal_events`

    async def fetch_event(self, body: bytes) -> bytes:
        return await paypal_events.fetch_event(self._client, body)

    def accept_secrets(self, secrets: tuple[str, ...]) -> None:
        self._webhook_ids = secrets  # no secrets, but they say the same: which webhook is ours

    def read_envelope(self, body: bytes) -> Envelope:
        return paypal_events.read_envelope(body, livemode=self._livemode)

    def normalise(self, body: bytes) -> GatewayEvent:
        return paypal_events.normalise(body)

    def list_events(self, *, since: datetime, until: datetime, undelivered: bool = False) -> AsyncIterator[bytes]:
        """PayPal cannot tell apart what it could not deliver: `undelivered` is all."""
        del undelivered
        return paypal_lists.list_events(self._client, since=since, until=until)

    def list_settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
        return paypal_lists.list_settlements(self._client, since=since, until=until)

    async def probe(self) -> None:
        """An order that cannot exist: PayPal has to take the token and look it up to say so."""
        asked = Request("GET", f"{ORDERS}/0")
        await self._client.ask_or_refused(Operation.PROBE, asked, bytes, accepts=GONE)

    async def close(self) -> None:
        await self._client.close()
        await self._certificates.close()


def _places(stand_in: str, host: str, ca_file: str) -> Places:
    """The stand-in's own address and nothing else, or PayPal's two names of the interface in this mode."""
    if stand_in:
        return Places((stand_in + PATH,), (f"{SIGNER}.{LIVE}",), ca_file)
    starts = tuple(f"https://{api}.{host}{PATH}" for api in ("api", "api-m"))
    return Places(starts, tuple(dict.fromkeys((f"{SIGNER}.{host}", f"{SIGNER}.{LIVE}"))))
