"""The provider: what it declares, its calls, and what the bank's answers and events mean in neutral words."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from service.gateways.base import Capability, Lifetimes
from service.gateways.calls import Calls, Operation
from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    Decline,
    Envelope,
    EventKind,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
    RefundIntent,
)
from service.gateways.registry import Context
from service.gateways.undeclared import Undeclared
from service.kernel.errors import (
    FieldError,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    Invalid,
    Parked,
    Unauthenticated,
)
from service.kernel.money import Money

PROVIDER = "bearbank"
WINDOW = timedelta(minutes=10)  # the bank signs the time; what is older or comes from the future is not let in
KINDS = {
    "link.paid": EventKind.CHECKOUT_PAID,
    "link.declined": EventKind.PAYMENT_DECLINED,
    "link.closed": EventKind.CHECKOUT_EXPIRED,
    "refund.done": EventKind.REFUND_CHANGED,
}


class Link(msgspec.Struct):
    """A payment link as the bank shows it."""

    id: str
    state: str  # open, paid, closed
    url: str
    minor: int
    currency: str
    order_id: str
    payment_id: str


class Refund(msgspec.Struct):
    id: str
    link: str
    minor: int
    currency: str
    our_id: str


class Event(msgspec.Struct):
    id: str
    type: str
    at: datetime
    live: bool
    link: Link
    refund: Refund | None = None
    why: str = ""


def create(context: Context) -> "BearBank":
    """What the entry point names; its return type is where the kit and the documents read the declaration."""
    return BearBank(context)


class BearBank(Undeclared):
    """One account at the bank."""

    provider = PROVIDER
    capabilities = frozenset(
        {
            Capability.OFFERED,
            Capability.CLOSES_PAGES,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.WEBHOOKS,
        }
    )
    lifetimes = Lifetimes(
        page=timedelta(hours=1),
        checkout_key=timedelta(hours=24),
        capture_key=timedelta(hours=24),
        refund_key=timedelta(days=30),
    )
    event_types = tuple(KINDS)

    def __init__(self, context: Context) -> None:
        options = context.options  # CUBANO_BEARBANK_TOKEN is `token` here, as a secret
        self._secret = options["webhook_secret"].get_secret_value().encode()
        self.page_origin = options["base_url"].get_secret_value()
        self._http = httpx.AsyncClient(
            base_url=self.page_origin,
            headers={"Authorization": f"Bearer {options['token'].get_secret_value()}"},
            timeout=context.timeout_s,
        )
        self._calls = Calls(
            PROVIDER,
            telemetry=context.telemetry,
            guard=context.guard,
            errors=(httpx.HTTPError, msgspec.DecodeError),
            translate=translate,
        )

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        return {
            "minor": intent.total.minor,
            "currency": intent.total.currency,
            "text": f"Order {intent.order_number}",
            "return_to": intent.success_url,
            "order_id": intent.order_id,
            "payment_id": intent.payment_id,
        }

    async def open_checkout(
        self, request: dict[str, Any], *, key: str, within_s: float | None = None
    ) -> GatewayCheckout:
        return _checkout(await self._link(Operation.OPEN_CHECKOUT, "/links", request, key=key, within_s=within_s))

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        return _checkout(await self._link(Operation.FETCH_CHECKOUT, f"/links/{ref}"))

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        return _checkout(await self._link(Operation.EXPIRE_CHECKOUT, f"/links/{ref}/close", {}))

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        money = {"minor": intent.amount.minor, "currency": intent.amount.currency}
        return {"link": intent.payment_ref, **money, "our_id": intent.refund_id}

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        async with self._calls.call(Operation.REFUND):
            answer = await self._ask("/refunds", request, key)
            return _refund(msgspec.json.decode(answer, type=Refund))

    async def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        at, _, given = headers.get("bear-signature", "").partition(".")
        expected = hmac.new(self._secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Unauthenticated("bad_signature")
        if abs(now.timestamp() - int(at)) > WINDOW.total_seconds():  # signed, so it is a number
            raise Unauthenticated("too_old")
        return self.read_envelope(body)

    def read_envelope(self, body: bytes) -> Envelope:
        try:
            event = msgspec.json.decode(body, type=Event)
        except (msgspec.DecodeError, ValueError) as error:
            raise Invalid([FieldError("body", "not_an_event", "The body is no event of Bear Bank.")]) from error
        return Envelope(event.id, event.type, event.at, event.live, subject=event.link.order_id, traceparent=None)

    def normalise(self, body: bytes) -> GatewayEvent:
        try:
            event = msgspec.json.decode(body, type=Event)
            return _event(event)
        except (msgspec.DecodeError, ValueError) as error:
            raise Parked("malformed", f"This is no event of Bear Bank: {error}") from error

    async def probe(self) -> None:
        async with self._calls.call(Operation.PROBE):
            await self._ask("/account")

    async def close(self) -> None:
        await self._http.aclose()

    async def _link(
        self,
        operation: Operation,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        within_s: float | None = None,
    ) -> Link:
        async with self._calls.call(operation, within_s=within_s):
            return msgspec.json.decode(await self._ask(path, body, key), type=Link)

    async def _ask(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> bytes:
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self._http.request("GET" if body is None else "POST", path, json=body, headers=headers)
        return answer.raise_for_status().content


def translate(error: httpx.HTTPError | msgspec.DecodeError) -> GatewayError:
    """A definite no, or an outcome that nobody knows."""
    match error:
        case httpx.HTTPStatusError(response=response) if response.status_code in {401, 403}:
            return GatewayUnavailable(PROVIDER, "auth", retry_after_s=60, maybe_acted=False)
        case httpx.HTTPStatusError(response=response) if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return GatewayUnavailable(PROVIDER, "rate_limited", maybe_acted=False)
        case httpx.HTTPStatusError(response=response) if response.is_client_error:
            return GatewayRejected(PROVIDER, response.text or "refused", str(error))
        case httpx.TimeoutException():
            return GatewayUnavailable(PROVIDER, "timeout")
        case httpx.TransportError():
            return GatewayUnavailable(PROVIDER, "unreachable")
        case _:
            return GatewayUnavailable(PROVIDER, "error")


def _checkout(link: Link) -> GatewayCheckout:
    states = {"open": CheckoutStatus.OPEN, "paid": CheckoutStatus.COMPLETE, "closed": CheckoutStatus.EXPIRED}
    paid = link.state == "paid"
    return GatewayCheckout(
        ref=link.id,
        status=states[link.state],
        paid=paid,
        url=link.url,
        payment_ref=link.id if paid else None,  # the bank has one name for both
        amount=Money(link.minor, link.currency),
    )


def _refund(refund: Refund) -> RefundFacts:
    return RefundFacts(
        ref=refund.id,
        status="succeeded",
        amount=Money(refund.minor, refund.currency),
        payment_ref=refund.link,
        refund_id=refund.our_id,
        reason=None,
        failure_reason=None,
    )


def _event(event: Event) -> GatewayEvent:
    return GatewayEvent(
        provider=PROVIDER,
        event_id=event.id,
        kind=KINDS.get(event.type, EventKind.OTHER),
        type=event.type,
        occurred_at=event.at.astimezone(UTC),
        order_id=event.link.order_id,
        payment_id=event.link.payment_id,
        checkout_ref=event.link.id,
        payment_ref=event.link.id if event.link.state == "paid" else None,
        amount=Money(event.link.minor, event.link.currency),
        decline=Decline(event.why, event.why) if event.why else None,
        refund=_refund(event.refund) if event.refund else None,
    )
