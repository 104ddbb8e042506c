"""Money that a person takes or hands out: cash at the door, a bank transfer, a ticket that is a gift.

There is no outside. A checkout is the order's own page, a refund waits until somebody says that it was handed out, and
what a person says becomes an event of ours (`received`, `returned`), written to the inbox by `cubano desk` and from there
on like any gateway's. Customers are not offered it, and nothing can come in by a webhook.

Everything a call answers stands in its request or its ref, so each may be repeated for ever.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from service.gateways.base import Capability, Lifetimes
from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    Envelope,
    EventKind,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
    RefundIntent,
)
from service.gateways.registry import Context
from service.gateways.undeclared import Undeclared
from service.kernel.clock import Seconds
from service.kernel.errors import FieldError, GatewayRejected, Invalid, Parked, Unauthenticated
from service.kernel.money import Money

PROVIDER = "manual"
HOLD = timedelta(days=7)  # a bank transfer takes some working days
FOR_EVER = timedelta(days=3650)  # nothing outside could forget a key
RECEIVED, RETURNED = "received", "returned"


class Method(StrEnum):
    """How the money came; a gift is paid by the festival itself, at its full price."""

    CASH = "cash"
    BANK = "bank"
    COMPLIMENTARY = "complimentary"


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    """The refund a person speaks of: handed out, or not to be handed out and why."""

    id: str
    failure_reason: str | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says, as it lies in the inbox; `type` is `received` or `returned`, then the method."""

    id: str
    type: str
    created: datetime
    livemode: bool
    order_id: str
    payment_id: str
    payment_ref: str
    amount: Money
    reference: str
    by: str
    refund: Refunded | None = None


def create(context: Context) -> "ManualGateway":
    """What the entry point names."""
    del context  # nothing is kept and nobody is called
    return ManualGateway()


class ManualGateway(Undeclared):
    """The desk."""

    provider = PROVIDER
    page_origin = ""
    capabilities = frozenset({Capability.REFUND, Capability.PARTIAL_REFUND})
    lifetimes = Lifetimes(page=HOLD, checkout_key=FOR_EVER, capture_key=FOR_EVER, refund_key=FOR_EVER, hold=HOLD)
    event_types = (RECEIVED, RETURNED)

    def checkout_request(self, intent: CheckoutIntent) -> dict[str, Any]:
        return {
            "order_id": intent.order_id,
            "payment_id": intent.payment_id,
            "amount": msgspec.to_builtins(intent.total),
            "page": intent.success_url.partition("?token=")[0],  # it is stored as the page's address; the token is not
        }

    async def open_checkout(
        self, request: dict[str, Any], *, key: str, within_s: Seconds | None = None
    ) -> GatewayCheckout:
        del within_s  # nobody is asked
        amount = msgspec.convert(request["amount"], Money)
        return self._checkout(ref_of(key, amount), CheckoutStatus.OPEN, url=request["page"])

    async def fetch_checkout(self, ref: str) -> GatewayCheckout:
        return self._checkout(ref, CheckoutStatus.OPEN)  # until somebody says that the money is there

    async def expire_checkout(self, ref: str) -> GatewayCheckout:
        return self._checkout(ref, CheckoutStatus.EXPIRED)

    def _checkout(self, ref: str, status: CheckoutStatus, *, url: str | None = None) -> GatewayCheckout:
        amount = _amount_of(ref)
        return GatewayCheckout(ref=ref, status=status, paid=False, url=url, payment_ref=None, amount=amount)

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        return {
            "refund_id": intent.refund_id,
            "payment_ref": intent.payment_ref,
            "amount": msgspec.to_builtins(intent.amount),
            "reason": intent.reason,
        }

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        del key  # the same request is the same refund
        amount = msgspec.convert(request["amount"], Money)
        paid = _amount_of(request["payment_ref"])
        if amount.currency != paid.currency or amount > paid:
            raise GatewayRejected(PROVIDER, "amount_too_large", "More is to go back than came in.")
        return RefundFacts(
            ref=f"back-{request['refund_id']}",
            status="pending",
            amount=amount,
            payment_ref=request["payment_ref"],
            refund_id=request["refund_id"],
            reason=request["reason"],
            failure_reason=None,
        )

    async def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Envelope:
        """Always `Unauthenticated`: what a person says comes by `cubano desk`."""
        del body, headers, now
        raise Unauthenticated("bad_signature")

    def read_envelope(self, body: bytes) -> Envelope:
        try:
            said = msgspec.json.decode(body, type=Said)
        except (msgspec.DecodeError, ValueError) as error:
            raise Invalid([FieldError("body", "not_an_event", "The body is nothing the desk has said.")]) from error
        return Envelope(
            event_id=said.id,
            type=said.type,
            created_at=said.created,
            livemode=said.livemode,
            subject=said.order_id,
            traceparent=None,
        )

    def normalise(self, body: bytes) -> GatewayEvent:
        try:
            said = msgspec.json.decode(body, type=Said)
        except (msgspec.DecodeError, ValueError) as error:
            raise Parked("malformed", f"This is nothing the desk has said: {error}") from error
        known: dict[str, Any] = {
            "provider": PROVIDER,
            "event_id": said.id,
            "type": said.type,
            "occurred_at": said.created,
            "order_id": said.order_id,
            "payment_id": said.payment_id,
            "payment_ref": said.payment_ref,
        }
        what = said.type.partition(".")[0]
        if what == RECEIVED and said.refund is None:
            known |= {"checkout_ref": said.payment_ref, "gift": said.type.endswith(f".{Method.COMPLIMENTARY}")}
            return GatewayEvent(**known, kind=EventKind.CHECKOUT_PAID, amount=said.amount)
        if what == RETURNED and said.refund is not None:
            return GatewayEvent(**known, kind=EventKind.REFUND_CHANGED, refund=_refund(said, said.refund))
        raise Parked("malformed", f"{said.type} is nothing the desk says")

    async def probe(self) -> None:
        """A desk is always there."""

    async def close(self) -> None:
        """There is nothing to give back."""


def ref_of(payment_id: str, amount: Money) -> str:
    """The checkout's ref, and the payment's: it says all that can be asked of it later."""
    return f"{payment_id}.{amount.minor}.{amount.currency}"


def _amount_of(ref: str) -> Money:
    """The amount a ref speaks of; `GatewayRejected` for one that is none of ours."""
    try:
        _, minor, currency = ref.rsplit(".", 2)
        return Money(int(minor), currency)
    except ValueError as error:
        raise GatewayRejected(PROVIDER, "unknown_checkout", f"{ref!r} is no checkout of the desk") from error


def _refund(said: Said, refund: Refunded) -> RefundFacts:
    return RefundFacts(
        ref=f"back-{refund.id}",
        status="failed" if refund.failure_reason else "succeeded",
        amount=said.amount,
        payment_ref=said.payment_ref,
        refund_id=refund.id,
        reason=None,
        failure_reason=refund.failure_reason,
    )
