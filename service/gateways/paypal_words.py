"""What PayPal's objects say in neutral words, and where our ids travel in them. Pure.

Our ids stand in `custom_id`: of a purchase unit as JSON, of a refund as plain words, because there the vendor answers with
letters, digits and `-_.,` only. Every `read_…` takes a body and may raise what `paypal_objects.UNREADABLE` lists.
"""

from typing import Any

import msgspec

from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    Decline,
    DisputeFacts,
    DisputeStatus,
    GatewayCheckout,
    RefundFacts,
    RefundIntent,
)
from service.gateways.paypal_objects import Capture, Dispute, Order, Refund, money_of, time_of, written
from service.kernel.errors import Parked

_HAS_MONEY = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
_FAILED = ("DECLINED", "FAILED")


LOCALES = {"en": "en-US", "es": "es-ES"}
LONGEST_NAME = 127  # of an item


def checkout_request(intent: CheckoutIntent) -> dict[str, Any]:
    """The custom id has room for our two ids and none for the trace, which is the unit's reference id instead."""
    items = [
        {
            "name": line.name[:LONGEST_NAME],
            "quantity": str(line.quantity),
            "unit_amount": written(line.unit_price),
            "category": "DIGITAL_GOODS",
        }
        for line in intent.lines
    ]
    unit = {
        "reference_id": intent.traceparent or "default",
        "custom_id": custom_id_of(intent.order_id, intent.payment_id),
        "invoice_id": intent.payment_id,  # PayPal refuses a second capture under it
        "description": f"Order {intent.order_number}",
        "amount": {**written(intent.total), "breakdown": {"item_total": written(intent.total)}},
        "items": items,
    }
    context = {
        "return_url": intent.success_url,
        "cancel_url": intent.cancel_url,
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
    }
    if intent.locale in LOCALES:
        context["locale"] = LOCALES[intent.locale]
    source = {"paypal": {"experience_context": context}}
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}


def refund_request(intent: RefundIntent) -> dict[str, Any]:
    """The capture stands in the address of the call, the rest is its body."""
    body = {
        "amount": written(intent.amount),
        "custom_id": refund_words(intent.refund_id, intent.payment_id, intent.order_id),
        "note_to_payer": f"Order {intent.order_number}",
    }
    return {"capture_id": intent.payment_ref, "body": body}


def custom_id_of(order_id: str, payment_id: str) -> str:
    """91 characters of the 127 there are."""
    return msgspec.json.encode({"order_id": order_id, "payment_id": payment_id}).decode()


def ids_of(custom_id: str | None) -> dict[str, str]:
    """Our `order_id` and `payment_id` of a purchase unit; nothing where the words are not ours."""
    try:
        return msgspec.json.decode(custom_id or "", type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        return {}


def refund_words(refund_id: str, payment_id: str, order_id: str) -> str:
    return f"{refund_id},{payment_id},{order_id}"


def refund_ids_of(custom_id: str | None) -> dict[str, str]:
    """Our ids of a refund of ours; one that was made in the dashboard has none, or those of its capture."""
    words = (custom_id or "").split(",")
    names = ("refund_id", "payment_id", "order_id")
    return dict(zip(names, words, strict=True)) if len(words) == len(names) and all(words) else ids_of(custom_id)


def read_checkout(content: bytes) -> GatewayCheckout:
    return checkout_of(msgspec.json.decode(content, type=Order))


def checkout_of(order: Order) -> GatewayCheckout:
    """A captured order is complete; whether there is money, only its capture says."""
    capture = _telling(order.captures)
    return GatewayCheckout(
        ref=order.id,
        status=_status(order),
        paid=capture is not None and capture.status in _HAS_MONEY,
        url=order.link("payer-action", "approve"),
        payment_ref=capture.id if capture else None,
        amount=money_of(capture.amount if capture else order.unit.amount),
        decline=decline_of(capture) if capture else None,
    )


def _telling(captures: list[Capture]) -> Capture | None:
    """Of several captures the one that says how the order stands, in whatever order they are listed: money before hope."""
    with_money = (each for each in captures if each.status in _HAS_MONEY)
    pending = (each for each in captures if each.status == "PENDING")
    return next(with_money, None) or next(pending, None) or (captures[-1] if captures else None)


def forgotten(ref: str) -> GatewayCheckout:
    """One that PayPal knows no more: nobody can pay it."""
    return GatewayCheckout(ref, CheckoutStatus.EXPIRED, paid=False, url=None, payment_ref=None, amount=None)


def _status(order: Order) -> CheckoutStatus:
    match order.status:
        case "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED":
            return CheckoutStatus.OPEN
        case "APPROVED":
            return CheckoutStatus.APPROVED
        case "COMPLETED":
            return CheckoutStatus.COMPLETE
        case "VOIDED":
            return CheckoutStatus.EXPIRED
    raise ValueError(f"{order.status!r} is no status of an order")


def decline_of(capture: Capture) -> Decline | None:
    """Why a capture that failed did, as far as PayPal says."""
    if capture.status not in _FAILED:
        return None
    processor = capture.processor_response.response_code if capture.processor_response else None
    reason = capture.status_details.reason if capture.status_details else None
    return Decline(code=processor or reason or f"CAPTURE_{capture.status}", message="The funds could not be captured.")


_REFUND_STATUSES = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "canceled"}


def refund_of(refund: Refund, *, payment_ref: str | None = None) -> RefundFacts:
    """`payment_ref` is the capture where it is known; else the link `up` leads to it."""
    up = next((link.href for link in refund.links if link.rel == "up"), "")
    status = _REFUND_STATUSES.get(refund.status)
    if status is None:
        raise ValueError(f"{refund.status!r} is no status of a refund")
    reason = refund.status_details.reason if refund.status_details else None
    return RefundFacts(
        ref=refund.id,
        status=status,
        amount=money_of(refund.amount),
        payment_ref=payment_ref or up.rstrip("/").rpartition("/")[2] or None,
        refund_id=refund_ids_of(refund.custom_id).get("refund_id"),
        reason=None,
        failure_reason=(reason or refund.status) if status in {"failed", "canceled"} else None,
    )


# https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-dispute_outcome. With a payout PayPal itself bears
# the loss; one that the buyer withdrew, or PayPal denied, leaves the money with us.
_OUTCOMES = {
    "RESOLVED_BUYER_FAVOUR": DisputeStatus.LOST,
    "ACCEPTED": DisputeStatus.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeStatus.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStatus.WON,
    "CANCELED_BY_BUYER": DisputeStatus.WON,
    "DENIED": DisputeStatus.WON,
}
NO_OUTCOME = "dispute_without_outcome"


def dispute_of(dispute: Dispute) -> DisputeFacts:
    """Of a lost one the amount is what went back, which may be less than what was disputed; zero says nothing of it."""
    status = _dispute_status(dispute)
    amount = money_of(dispute.dispute_amount)
    if status is DisputeStatus.LOST and dispute.dispute_outcome and dispute.dispute_outcome.amount_refunded:
        back = money_of(dispute.dispute_outcome.amount_refunded)
        amount = back if back.minor else amount
    disputed = dispute.disputed_transactions[0] if dispute.disputed_transactions else None
    return DisputeFacts(
        ref=dispute.dispute_id,
        status=status,
        amount=amount,
        payment_ref=disputed.seller_transaction_id if disputed else None,
        reason=dispute.reason.lower(),
        due_at=time_of(dispute.seller_response_due_date) if dispute.seller_response_due_date else None,
    )


def _dispute_status(dispute: Dispute) -> DisputeStatus:
    is_inquiry = dispute.dispute_life_cycle_stage == "INQUIRY"
    if dispute.status == "RESOLVED":
        code = dispute.dispute_outcome.outcome_code if dispute.dispute_outcome else None
        if code in {None, "NONE"}:  # whose the money is now, only a person can find out
            raise Parked(NO_OUTCOME, f"{dispute.dispute_id} is resolved and PayPal does not say for whom")
        status = _OUTCOMES.get(code or "")
        if status is None:
            raise ValueError(f"{code!r} is no outcome of a dispute")
        return DisputeStatus.CLOSED if is_inquiry and status is DisputeStatus.WON else status
    if is_inquiry:
        return DisputeStatus.INQUIRY
    waits_for_us = dispute.status in {"OPEN", "WAITING_FOR_SELLER_RESPONSE"}
    return DisputeStatus.NEEDS_RESPONSE if waits_for_us else DisputeStatus.UNDER_REVIEW


def read_refund(content: bytes, *, capture_id: str) -> RefundFacts:
    return refund_of(msgspec.json.decode(content, type=Refund), payment_ref=capture_id)


def read_order_ref(content: bytes) -> str:
    """The order a capture belongs to."""
    ref = msgspec.json.decode(content, type=Capture).order_ref
    if ref is None:
        raise ValueError("the capture names no order")
    return ref


def read_refund_of(content: bytes, *, capture_id: str, custom_id: str) -> RefundFacts | None:
    """Of all refunds that an order shows the one with these words."""
    refunds = msgspec.json.decode(content, type=Order).refunds
    found = next((each for each in refunds if each.custom_id == custom_id), None)
    return None if found is None else refund_of(found, payment_ref=capture_id)
