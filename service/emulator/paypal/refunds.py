"""Refunds of captures: whole or in parts, COMPLETED at once, PENDING where an e-check paid, FAILED days later if control says.

A refund carries the custom id it was asked with, else its capture's where the published pattern allows that; the link `up`
always leads to the capture.
"""

import re
from typing import Any

from service.emulator.paypal import captures, events, ids, ledger, money, orders, times
from service.emulator.paypal.errors import invalid, not_found, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

PATH = "/paypal/v2/payments/refunds"
WITHIN_S = 180 * 86_400  # the vendor's time limit for refunds
CUSTOM = re.compile(r"[A-Za-z0-9\-_.,]{1,127}")  # payments_payment_v2.json, refund.custom_id
REFUSALS = {
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "Capture could not be refunded due to insufficient funds. Please check to see if "
    "you have sufficient funds in your PayPal account or if the bank account linked to your PayPal account is verified "
    "and has sufficient funds.",
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
    "REFUND_TIME_LIMIT_EXCEEDED": "You are over the time limit to perform a refund on this capture",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer "
    "has funded the transaction using e-check/bank funded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "Refunds are not allowed on this capture due to a chargeback on the card or "
    "bank. Please contact the payee to resolve the chargeback.",
    "TRANSACTION_DISPUTED": "Partial refunds cannot be offered at this time because there is an open case on this "
    "transaction. Visit the PayPal Resolution Center to review this case.",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "The payer account cannot be used for this transaction.",
}


def create(world: World, identifier: str, body: Obj, *, mock: str | None) -> Obj:
    """A refund of the capture; an empty body refunds what is left."""
    capture, book = world.store.get("paypal.capture", identifier), world.store.get("paypal.book", identifier)
    if capture is None or book is None:
        raise not_found()
    minor = _amount(world, capture, book, body.get("amount"))
    wrong = captures.mocked(mock, REFUSALS)
    if wrong is not None:
        raise wrong
    return _made(world, capture, book, minor, _texts(body))


def refund_outside(world: World, capture: Obj, minor: int | None) -> Obj:
    """As from the dashboard: nobody asked by the API, so it carries no id of ours."""
    book = world.store.must("paypal.book", capture["id"])
    asked = None if minor is None else money.written(minor, capture["amount"]["currency_code"])
    return _made(world, capture, book, _amount(world, capture, book, asked), {})


def _amount(world: World, capture: Obj, book: Obj, asked: Any) -> int:
    if capture["status"] == "PENDING":
        raise _refusal("PENDING_CAPTURE")
    if capture["status"] == "DECLINED":
        raise _refusal("REFUND_NOT_ALLOWED")
    total, currency = money.minor_of(capture["amount"]), capture["amount"]["currency_code"]
    left = total - book["refunded"]
    if left == 0:
        raise _refusal("CAPTURE_FULLY_REFUNDED")
    if world.now() > (times.parsed(capture["create_time"]) or 0) + WITHIN_S:
        raise _refusal("REFUND_TIME_LIMIT_EXCEEDED")
    minor, code = (left, currency) if asked is None else money.read(asked, "/amount", least=1)
    if code != currency:
        raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency as the capture")
    if minor > left:
        raise _refusal("REFUND_AMOUNT_EXCEEDED")
    _check_disputes(world, book, whole=minor == total)
    return minor


def _check_disputes(world: World, book: Obj, *, whole: bool) -> None:
    for each in book["disputes"]:
        dispute = world.store.must("paypal.dispute", each)
        if dispute["status"] == "RESOLVED":
            continue
        if dispute["dispute_life_cycle_stage"] != "INQUIRY":
            raise _refusal("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if not whole:
            raise _refusal("TRANSACTION_DISPUTED")


def _refusal(issue: str) -> Exception:
    return unprocessable(issue, REFUSALS[issue])


def _texts(body: Obj) -> Obj:
    texts = {name: body[name] for name in ("invoice_id", "note_to_payer", "custom_id") if body.get(name) is not None}
    for name, value in texts.items():
        if not isinstance(value, str) or not value or (name == "custom_id" and not CUSTOM.fullmatch(value)):
            raise invalid(
                "INVALID_PARAMETER_SYNTAX", f"/{name}", "The value of a field does not conform to the expected format."
            )
    return texts


def _made(world: World, capture: Obj, book: Obj, minor: int, texts: Obj) -> Obj:
    currency, now = capture["amount"]["currency_code"], times.now(world)
    identifier = ids.signs()
    base = world.options.api_base
    carried = {"custom_id": capture.get("custom_id", "")} if CUSTOM.fullmatch(capture.get("custom_id", "")) else {}
    book["refunded"] += minor
    book["refunds"].append(identifier)
    refund: Obj = {
        "id": identifier,
        "amount": money.written(minor, currency),
        **{name: capture[name] for name in ("invoice_id",) if name in capture},
        **carried,
        **texts,
        "seller_payable_breakdown": {
            "gross_amount": money.written(minor, currency),
            "paypal_fee": money.written(0, currency),  # the fee of the payment is not given back
            "net_amount": money.written(minor, currency),
            "total_refunded_amount": money.written(book["refunded"], currency),
        },
        "payer": orders.MERCHANT,
        "status": "PENDING" if book["pending"] else "COMPLETED",
        "create_time": now,
        "update_time": now,
        "links": [
            {"href": f"{base}{PATH}/{identifier}", "rel": "self", "method": "GET"},
            {"href": f"{base}{captures.PATH}/{capture['id']}", "rel": "up", "method": "GET"},
        ],
    }
    own: Obj = {"id": identifier, "capture": capture["id"]}
    if book["pending"]:
        refund["status_details"] = {"reason": "ECHECK"}
        own["settles_ms"] = world.clock.now_ms() + world.options.settle_ms
        world.timers.at(own["settles_ms"], settle_when_due, identifier)
    world.store.put("paypal.book", own)
    world.store.put("paypal.refund", refund)
    captures.moved(world, capture, book)
    ledger.refunded(world, refund, capture)
    _tell(world, refund, "PAYMENT.REFUND.PENDING" if book["pending"] else "PAYMENT.CAPTURE.REFUNDED")
    return refund


def settle(world: World, identifier: str) -> Obj | None:
    """The bank took a pending one: None when there was nothing to wait for."""
    refund, own = world.store.get("paypal.refund", identifier), world.store.must("paypal.book", identifier)
    if refund is None or refund["status"] != "PENDING":
        return None
    own.pop("settles_ms", None)
    world.store.put("paypal.book", own)
    del refund["status_details"]
    return _end(world, refund, own, "COMPLETED", "PAYMENT.CAPTURE.REFUNDED")


def settle_when_due(world: World, identifier: str) -> None:
    if "settles_ms" in world.store.must("paypal.book", identifier):
        settle(world, identifier)


def fail(world: World, identifier: str) -> Obj | None:
    """The money comes back to the merchant: None when it already had."""
    refund, own = world.store.must("paypal.refund", identifier), world.store.must("paypal.book", identifier)
    if refund["status"] in {"FAILED", "CANCELLED"}:
        return None
    own.pop("settles_ms", None)
    world.store.put("paypal.book", own)
    refund.pop("status_details", None)
    capture, book = world.store.must("paypal.capture", own["capture"]), world.store.must("paypal.book", own["capture"])
    book["refunded"] -= money.minor_of(refund["amount"])
    captures.moved(world, capture, book)
    return _end(world, refund, own, "FAILED", "PAYMENT.REFUND.FAILED")


def _end(world: World, refund: Obj, own: Obj, status: str, event_type: str) -> Obj:
    refund |= {"status": status, "update_time": times.now(world)}
    world.store.put("paypal.refund", refund)
    ledger.refunded(world, refund, world.store.must("paypal.capture", own["capture"]))
    _tell(world, refund, event_type)
    return refund


def _tell(world: World, refund: Obj, event_type: str) -> None:
    """A refund is what these carry, even the one that is named after the capture."""
    events.happened(world, event_type, refund, kind="refund")


def retrieve(world: World, identifier: str) -> Obj:
    found = world.store.get("paypal.refund", identifier)
    if found is None:
        raise not_found()
    return found


def minimal(refund: Obj) -> Obj:
    """What is answered unless the caller prefers the whole."""
    return {name: refund[name] for name in ("id", "status", "links")}
