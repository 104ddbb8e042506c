"""Stripe's objects and events in neutral words.

What Stripe counts otherwise than ISO 4217 stands in `PLACES`. A new type of event is a row of `_KINDS`; `TYPES` is what
is asked for in recovery, at most the twenty a list takes at once.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from service.gateways.facts import (
    CheckoutStatus,
    Decline,
    DisputeFacts,
    DisputeStatus,
    EventKind,
    GatewayCheckout,
    GatewayEvent,
    RefundFacts,
)
from service.kernel.errors import Parked
from service.kernel.money import EXPONENTS, Money

PAID = ("paid", "no_payment_required")
PLACES = {"ISK": 2, "UGX": 2, "MGA": 0}  # https://docs.stripe.com/currencies#special-cases
_FAILED = ("requires_payment_method", "canceled")  # of an intent whose session is complete
THIN = "v2.core.event"  # the `object` of a thin event
VERSIONED = "v1."  # thin types of v1 objects are the snapshot's types behind this

_KINDS = {
    "checkout.session.async_payment_succeeded": EventKind.CHECKOUT_PAID,
    "checkout.session.async_payment_failed": EventKind.CHECKOUT_FAILED,
    "checkout.session.expired": EventKind.CHECKOUT_EXPIRED,
    "payment_intent.succeeded": EventKind.PAYMENT_SUCCEEDED,
    "payment_intent.requires_action": EventKind.PAYMENT_CHALLENGED,
    "payment_intent.payment_failed": EventKind.PAYMENT_DECLINED,
    "refund.created": EventKind.REFUND_CHANGED,
    "refund.updated": EventKind.REFUND_CHANGED,
    "refund.failed": EventKind.REFUND_CHANGED,
    "charge.dispute.created": EventKind.DISPUTE_CHANGED,
    "charge.dispute.updated": EventKind.DISPUTE_CHANGED,
    "charge.dispute.funds_withdrawn": EventKind.DISPUTE_CHANGED,
    "charge.dispute.funds_reinstated": EventKind.DISPUTE_CHANGED,
    "charge.dispute.closed": EventKind.DISPUTE_CHANGED,
}
TYPES = ("checkout.session.completed", *_KINDS)

_DISPUTES = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "prevented": DisputeStatus.CLOSED,  # settled before it became one
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "appeal_needs_response": DisputeStatus.NEEDS_RESPONSE,  # a second round before the end; the bank has the money
    "appeal_under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def minor_of(money: Money) -> int:
    """The amount as Stripe counts it."""
    return money.at_scale(PLACES.get(money.currency, EXPONENTS[money.currency]))


def money_of(count: int, currency: str) -> Money:
    """An amount of Stripe's; ValueError for a currency nobody here pays with."""
    code = currency.upper()
    return Money.from_scale(count, code, PLACES.get(code, EXPONENTS.get(code, 0)))


def checkout_of(session: dict[str, Any]) -> GatewayCheckout:
    """Complete and unpaid is a bank debit under way, or one that failed; which, only the intent says, where it was expanded."""
    status, paid = CheckoutStatus(session["status"]), session["payment_status"] in PAID
    return GatewayCheckout(
        ref=session["id"],
        status=status,
        paid=paid,
        url=session.get("url"),
        payment_ref=ref_of(session.get("payment_intent")),
        amount=money_of(session["amount_total"], session["currency"]),
        decline=_failure(session.get("payment_intent")) if status is CheckoutStatus.COMPLETE and not paid else None,
    )


def _failure(intent: str | dict[str, Any] | None) -> Decline | None:
    if not isinstance(intent, dict) or intent["status"] not in _FAILED:
        return None
    return _decline(intent) or Decline(code=intent["status"], message="The payment failed.")


def refund_of(refund: dict[str, Any]) -> RefundFacts:
    metadata = refund.get("metadata") or {}
    return RefundFacts(
        ref=refund["id"],
        status=refund["status"],
        amount=money_of(refund["amount"], refund["currency"]),
        payment_ref=ref_of(refund.get("payment_intent")),
        refund_id=metadata.get("refund_id"),
        reason=refund.get("reason"),
        failure_reason=refund.get("failure_reason"),
    )


def normalise(body: bytes) -> GatewayEvent:
    """The event in neutral words; `Parked` when it lacks what Stripe documents for its type."""
    try:
        return _neutral(msgspec.json.decode(body))
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Parked("malformed", f"The event lacks what its type promises: {error!r}") from error


def _neutral(event: dict[str, Any]) -> GatewayEvent:
    if event.get("object") == THIN and event["type"].removeprefix(VERSIONED) in TYPES:
        raise ValueError("a thin event tells nothing before its object is fetched")
    thing = event["data"]["object"] if "data" in event else {}
    kind = _kind(event["type"], thing)
    metadata = thing.get("metadata") or {}
    known = {
        "provider": "stripe",
        "event_id": event["id"],
        "kind": kind,
        "type": event["type"],
        "occurred_at": time_of(event["created"]),
        "order_id": metadata.get("order_id"),
        "payment_id": metadata.get("payment_id"),
    }
    return GatewayEvent(**known, **_told(kind, thing))


def _told(kind: EventKind, thing: dict[str, Any]) -> dict[str, Any]:
    """What an event of this kind says beyond whose it is."""
    match kind:
        case EventKind.OTHER:
            return {}
        case EventKind.REFUND_CHANGED:
            return {"payment_ref": ref_of(thing.get("payment_intent")), "refund": refund_of(thing)}
        case EventKind.DISPUTE_CHANGED:
            return {"payment_ref": ref_of(thing.get("payment_intent")), "dispute": _dispute(thing)}
        case EventKind.PAYMENT_SUCCEEDED | EventKind.PAYMENT_DECLINED | EventKind.PAYMENT_CHALLENGED:
            count = thing["amount_received"] if kind is EventKind.PAYMENT_SUCCEEDED else thing["amount"]
            amount = _amount(count, thing["currency"])
            return {"payment_ref": thing["id"], "amount": amount, "decline": _decline(thing)}
        case _:
            return {
                "checkout_ref": thing["id"],
                "payment_ref": ref_of(thing.get("payment_intent")),
                "amount": _amount(thing["amount_total"], thing["currency"]),
            }


def _kind(event_type: str, thing: dict[str, Any]) -> EventKind:
    if event_type == "checkout.session.completed":  # completed is not paid: a bank debit completes unpaid
        return EventKind.CHECKOUT_PAID if thing["payment_status"] in PAID else EventKind.CHECKOUT_PENDING
    return _KINDS.get(event_type, EventKind.OTHER)


def _amount(count: int | None, currency: str | None) -> Money | None:
    """None for what no order of ours can be: a session without an amount, or a currency we do not know."""
    if count is None or currency is None or currency.upper() not in EXPONENTS:
        return None
    return money_of(count, currency)


def _decline(intent: dict[str, Any]) -> Decline | None:
    error = intent.get("last_payment_error")
    if not error:
        return None
    return Decline(
        code=error.get("decline_code") or error.get("code") or "unknown",
        message=error.get("message") or "",
        advice=error.get("advice_code"),
    )


def _dispute(dispute: dict[str, Any]) -> DisputeFacts:
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeFacts(
        ref=dispute["id"],
        status=_DISPUTES[dispute["status"]],
        amount=money_of(dispute["amount"], dispute["currency"]),
        payment_ref=ref_of(dispute.get("payment_intent")),
        reason=dispute["reason"],
        due_at=None if due_by is None else time_of(due_by),
    )


def ref_of(value: str | dict[str, Any] | None) -> str | None:
    """An expandable field is an id, or the object itself where it was expanded."""
    return value["id"] if isinstance(value, dict) else value


def time_of(value: int | str) -> datetime:
    """v1 counts seconds, v2 writes ISO 8601."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)
