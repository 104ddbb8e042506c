"""Disputes: the buyer's bank takes the money back and charges for it; an inquiry only asks.

Opened, answered with evidence (`under_review`), and closed: `won` brings the money back, `lost` does not, an inquiry
ends `warning_closed` and never moved any. Who does not answer in time has lost. As in the vendor's test mode,
`winning_evidence` and `losing_evidence` as `uncategorized_text` decide the bank after the settling time.
"""

from service.emulator import balance, params, payouts
from service.emulator.cards import Later
from service.emulator.errors import after_start, invalid, no_such
from service.emulator.events import happened
from service.emulator.ids import new_id
from service.emulator.params import boolean, one_of, text
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
_ENHANCED = {"enhanced_evidence": params.anything}
UPDATE = {
    "evidence": {**dict.fromkeys(_TEXTS, text), **_ENHANCED},
    "intended_submission_method": one_of("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
    "metadata": params.metadata,
    "submit": boolean,
}
DECIDES = {"winning_evidence": "won", "losing_evidence": "lost"}  # docs.stripe.com/testing#disputes
WAITING = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
CLOSED = ("won", "lost", "warning_closed")


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
        dispute["balance_transactions"] = [_withdrawal(world, dispute)]
    raw = world.store.put("dispute", dispute)
    happened(world, "charge.dispute.created", raw, Cause())
    happened(world, "charge.updated", raw_charge, Cause(), previous={"disputed": False})
    if not inquiry:
        happened(world, "charge.dispute.funds_withdrawn", raw, Cause())
    world.timers.at(dispute["evidence_details"]["due_by"] * 1000, lapse, dispute["id"])
    return dispute


def reason_of(later: str) -> tuple[str, bool]:
    """What the card's row would dispute for, and whether it is only an inquiry."""
    if later == Later.DISPUTE_NOT_RECEIVED.value:
        return "product_not_received", False
    return "fraudulent", later == Later.INQUIRY.value


def update(world: World, identifier: str, given: Obj, cause: Cause) -> bytes:
    """The merchant's answer: evidence is staged or, unless `submit` is false, sent to the bank."""
    dispute = _open(world, identifier)
    asked = params.read(given, UPDATE)
    before = {name: dispute[name] for name in ("evidence", "metadata", "intended_submission_method")}
    evidence = {name: value or None for name, value in asked.get("evidence", {}).items()}
    dispute["evidence"] = {**dispute["evidence"], **evidence}
    dispute["metadata"] = _merged(dispute["metadata"], given.get("metadata", {}))
    dispute["intended_submission_method"] = asked.get(
        "intended_submission_method", before["intended_submission_method"]
    )
    changed = {name: value for name, value in before.items() if dispute[name] != value}
    if "evidence" in changed:
        dispute["evidence_details"] = {**dispute["evidence_details"], "has_evidence": True}
    if asked.get("submit", "evidence" in asked):
        return submit(world, dispute, cause, changed)
    raw = world.store.put("dispute", dispute)
    happened(world, "charge.dispute.updated", raw, cause, previous=changed)
    return raw


def submit(world: World, dispute: Obj, cause: Cause, changed: Obj | None = None) -> bytes:
    """From here the bank decides; raises the gateway's refusal when there is nothing left to answer."""
    if dispute["status"] not in WAITING:
        raise after_start(invalid(f"The dispute {dispute['id']} has already been answered or closed."))
    before = {"status": dispute["status"], "evidence_details": dispute["evidence_details"]}
    dispute["status"] = WAITING[dispute["status"]]
    count = dispute["evidence_details"]["submission_count"] + 1
    dispute["evidence_details"] = {
        **dispute["evidence_details"],
        "has_evidence": True,
        "submission_count": count,
        "submission_method": "manual",
    }
    raw = world.store.put("dispute", dispute)
    happened(world, "charge.dispute.updated", raw, cause, previous={**before, **(changed or {})})
    outcome = DECIDES.get(dispute["evidence"].get("uncategorized_text") or "")
    if outcome is not None:
        due = world.clock.now_ms() + world.options.settle_ms
        world.store.put("secret", {"id": dispute["id"], "later": outcome, "settles_ms": due})
        world.timers.at(due, decide, dispute["id"])
    return raw


def accept(world: World, identifier: str, given: Obj, cause: Cause) -> bytes:
    """`POST /v1/disputes/{id}/close`: the merchant gives in."""
    params.read(given, {})
    return _close(world, _open(world, identifier), "lost", cause)


def decide(world: World, identifier: str) -> None:
    """The bank's decision, once."""
    secret = world.store.get("secret", identifier)
    if secret is not None and "settles_ms" in secret:
        close(world, identifier, secret["later"])


def lapse(world: World, identifier: str) -> None:
    """The day the answer was due is over: silence loses."""
    dispute = world.store.get("dispute", identifier)
    if dispute is None or dispute["evidence_details"]["due_by"] > world.now():
        return
    if dispute["status"] in WAITING:
        dispute["evidence_details"] = {**dispute["evidence_details"], "past_due": True}
        _close(world, dispute, "lost", Cause())


def close(world: World, identifier: str, outcome: str) -> Obj | None:
    """The bank has decided; None when it already had."""
    dispute = world.store.must("dispute", identifier)
    if dispute["status"] in CLOSED:
        return None
    _close(world, dispute, outcome, Cause())
    return dispute


def escalate(world: World, identifier: str) -> Obj | None:
    """The bank has asked long enough and takes the money; None for what is no open inquiry."""
    dispute = world.store.must("dispute", identifier)
    if dispute["status"] not in {"warning_needs_response", "warning_under_review"}:
        return None
    before = {"status": dispute["status"], "is_charge_refundable": True}
    details = dispute["payment_method_details"]
    dispute |= {
        "status": "needs_response",
        "is_charge_refundable": False,
        "payment_method_details": {**details, "card": {**details["card"], "case_type": "chargeback"}},
        "evidence_details": {**dispute["evidence_details"], "due_by": world.now() + ANSWER_WITHIN_S},
        "balance_transactions": [_withdrawal(world, dispute)],
    }
    raw = world.store.put("dispute", dispute)
    happened(world, "charge.dispute.updated", raw, Cause(), previous=before)
    happened(world, "charge.dispute.funds_withdrawn", raw, Cause())
    world.timers.at(dispute["evidence_details"]["due_by"] * 1000, lapse, dispute["id"])
    return dispute


def _open(world: World, identifier: str) -> Obj:
    dispute = world.store.get("dispute", identifier)
    if dispute is None:
        raise no_such("dispute", identifier, param="dispute")
    if dispute["status"] in CLOSED:
        raise after_start(invalid("This dispute is already closed", code="dispute_closed", param="dispute"))
    return dispute


def _close(world: World, dispute: Obj, outcome: str, cause: Cause) -> bytes:
    if dispute["status"].startswith("warning_"):
        outcome = "warning_closed"
    dispute["status"] = outcome
    dispute["is_charge_refundable"] = outcome != "lost"
    if outcome == "won":
        movement = balance.transaction(
            "adjustment",
            dispute,
            dispute["amount"],
            now=world.now(),
            category="dispute_reversal",
            description=f"Chargeback reversal for {dispute['charge']}",
        )
        payouts.book(world, movement)
        dispute["balance_transactions"] = [*dispute["balance_transactions"], movement]
    secret = world.store.get("secret", dispute["id"])
    if secret is not None:
        world.store.put("secret", {"id": dispute["id"], "later": secret["later"]})
    raw = world.store.put("dispute", dispute)
    if outcome == "won":
        happened(world, "charge.dispute.funds_reinstated", raw, cause)
    happened(world, "charge.dispute.closed", raw, cause)
    return raw


def _withdrawal(world: World, dispute: Obj) -> Obj:
    movement = balance.transaction(
        "adjustment",
        dispute,
        -dispute["amount"],
        fee=FEE,
        now=world.now(),
        category="dispute",
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    movement["fee_details"][0]["description"] = "Dispute fee"
    payouts.book(world, movement)
    return movement


def _merged(before: Obj, given: Obj | list[str] | str) -> Obj:
    """Keys are added, an empty value takes one away, an empty string all."""
    if isinstance(given, str):
        return {}
    if isinstance(given, list):  # keys that are all digits look like an array on the wire
        given = {str(place): value for place, value in enumerate(given)}
    return {key: value for key, value in {**before, **given}.items() if value != ""}


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
