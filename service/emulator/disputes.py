"""Disputes: the buyer's bank takes the money back and charges for it; an inquiry only asks.

What a dispute moves is booked at once. Answering one and its end are not part of this stand-in yet.
"""

from service.emulator import balance
from service.emulator.cards import Later
from service.emulator.errors import invalid
from service.emulator.events import happened
from service.emulator.ids import new_id
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

FEE = 1500  # minor units, the list price of a dispute
ANSWER_WITHIN_S = 9 * 86_400
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
_TEXTS = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
]


def open_dispute(world: World, charge: Obj, *, reason: str, amount: int | None, inquiry: bool) -> Obj:
    """The dispute, with its events; raises the gateway's refusal where no dispute can be."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise invalid(f"Charge {charge['id']} cannot be disputed.", param="charge")
    disputed = charge["amount"] if amount is None else amount
    if not 0 < disputed <= charge["amount"]:
        raise invalid("A dispute is about at most the charge.", param="amount")
    dispute = _dispute(world, charge, disputed, reason, inquiry=inquiry)
    charge["disputed"] = True
    raw_charge = world.store.put("charge", charge)
    if not inquiry:
        movement = balance.transaction(
            "adjustment",
            dispute,
            -disputed,
            fee=FEE,
            now=world.now(),
            category="dispute",
            description=f"Chargeback withdrawal for {charge['id']}",
        )
        movement["fee_details"][0]["description"] = "Dispute fee"
        world.store.put("balance_transaction", movement)
        dispute["balance_transactions"] = [movement]
    raw = world.store.put("dispute", dispute)
    happened(world, "charge.dispute.created", raw, Cause())
    happened(world, "charge.updated", raw_charge, Cause(), previous={"disputed": False})
    if not inquiry:
        happened(world, "charge.dispute.funds_withdrawn", raw, Cause())
    return dispute


def reason_of(later: str) -> tuple[str, bool]:
    """What the card's row would dispute for, and whether it is only an inquiry."""
    if later == Later.DISPUTE_NOT_RECEIVED.value:
        return "product_not_received", False
    return "fraudulent", later == Later.INQUIRY.value


def _dispute(world: World, charge: Obj, amount: int, reason: str, *, inquiry: bool) -> Obj:
    code = NETWORK_CODES.get(reason, "10.4")
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    details = {
        "brand": brand,
        "case_type": "inquiry" if inquiry else "chargeback",
        "network": brand,
        "network_reason_code": code,
    }
    return {
        "id": new_id("dispute"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now() + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": details, "type": "card"},
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
