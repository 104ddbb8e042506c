"""Refunds: asked for by the API, settled by time, and able to fail days later, as real ones do.

A plain card's refund succeeds at once. The cards of docs.stripe.com/testing#refunds begin `pending` and succeed, or
begin `succeeded` and fail, after the settling time. A failed refund puts the money back on the balance and on the charge.
Where the bank does not cover it, a refund beyond the available balance waits, `pending`, and tries again each midnight.
"""

from service.emulator import balance, params, payouts, shapes
from service.emulator.cards import Later
from service.emulator.errors import after_start, invalid, no_such
from service.emulator.events import happened
from service.emulator.params import metadata, one_of, positive, text
from service.emulator.sessions import unsupported
from service.emulator.wire import Obj, decode
from service.emulator.world import Cause, World

CREATE = {
    "amount": positive,
    "charge": text,
    "payment_intent": text,
    "metadata": metadata,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    "instructions_email": params.email,
    "refund_application_fee": unsupported,
    "reverse_transfer": unsupported,
    "customer": unsupported,
    "currency": unsupported,
    "origin": unsupported,
}
OF_A_DEBIT = {"refund": "payment_refund", "refund_failure": "payment_failure_refund"}  # types on the balance
WAITS = "insufficient_funds"  # the pending_reason of a refund there is no money for
ENDED = ("failed", "canceled")
REFERENCE = "5364785902769168"  # what the buyer could ask the bank for
FAILURES = (  # docs.stripe.com/refunds#failed-refunds
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)


def create(world: World, given: Obj, cause: Cause, version: str) -> bytes:
    del version  # refunds have not changed their parameters
    asked = params.read(given, CREATE)
    charge = _charge_of(world, asked)
    amount = _amount_of(world, charge, asked.get("amount"))
    refund = shapes.refund(
        charge, amount, reason=asked.get("reason"), metadata=asked.get("metadata", {}), now=world.now()
    )
    later = _later_of(world, charge)
    world.store.put("secret", {"id": refund["id"], "later": later.value})
    if _is_covered(world, refund):
        refund["status"] = "pending" if later is Later.REFUND_PENDING else "succeeded"
        refund["balance_transaction"] = _move(world, refund, -amount, "refund")
        raw = world.store.put("refund", refund)
        _settle_later(world, refund["id"])
    else:
        refund["pending_reason"] = WAITS
        raw = world.store.put("refund", refund)
        wait(world, refund["id"])
    happened(world, "refund.created", raw, cause)
    _return_to_charge(world, charge, amount, cause)
    return raw


def create_outside(world: World, charge: Obj, amount: int | None) -> Obj:
    """Made by a person on the vendor's dashboard: no request and no metadata of ours. Raises as `create` does."""
    given = {"charge": charge["id"], "reason": "requested_by_customer"}
    if amount is not None:
        given["amount"] = str(amount)
    refund: Obj = decode(create(world, given, Cause(), world.api_version))
    return refund


def _is_covered(world: World, refund: Obj) -> bool:
    if payouts.bank_covers(world):
        return True
    available, _ = payouts.totals(world).get(refund["currency"], (0, 0))
    return available >= int(refund["amount"])


def _settle_later(world: World, identifier: str) -> None:
    due = world.clock.now_ms() + world.options.settle_ms
    world.store.put("secret", {**world.store.must("secret", identifier), "settles_ms": due})
    world.timers.at(due, settle, identifier)


def is_waiting(refund: Obj) -> bool:
    """Asked for, and there is no money for it yet."""
    return bool(refund["status"] == "pending" and refund.get("pending_reason") == WAITS)


def wait(world: World, identifier: str) -> None:
    world.timers.at(payouts.midnight_after(world.now()) * 1000, try_again, identifier)


def try_again(world: World, identifier: str) -> None:
    """A waiting refund goes out as soon as there is money for it."""
    refund = world.store.get("refund", identifier)
    if refund is None or not is_waiting(refund):
        return
    if _is_covered(world, refund):
        _pay(world, refund)
        _settle_later(world, identifier)
    else:
        wait(world, identifier)


def _pay(world: World, refund: Obj) -> None:
    previous = {"balance_transaction": None, "pending_reason": refund.pop("pending_reason"), "status": "pending"}
    refund["balance_transaction"] = _move(world, refund, -refund["amount"], "refund")
    refund["status"] = "succeeded"
    _changed(world, refund, previous)


def _charge_of(world: World, asked: Obj) -> Obj:
    if "charge" in asked:
        charge = world.store.get("charge", asked["charge"])
        if charge is None:
            raise no_such("charge", asked["charge"], param="charge")
        return charge
    if "payment_intent" not in asked:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    intent = world.store.get("payment_intent", asked["payment_intent"])
    if intent is None:
        raise no_such("payment_intent", asked["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None or intent["status"] != "succeeded":
        raise after_start(invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."))
    return world.store.must("charge", intent["latest_charge"])


def _amount_of(world: World, charge: Obj, asked: int | None) -> int:
    if charge["status"] != "succeeded":
        raise after_start(invalid(f"Charge {charge['id']} has not succeeded and cannot be refunded."))
    if charge["disputed"] and not _refundable(world, charge):
        raise after_start(
            invalid(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
            )
        )
    left: int = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise after_start(invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"))
    if asked is not None and asked > left:
        raise after_start(
            invalid(
                f"Refund amount ({asked} {charge['currency']}) is greater than unrefunded amount on charge "
                f"({left} {charge['currency']})",
                param="amount",
            )
        )
    return left if asked is None else asked


def _refundable(world: World, charge: Obj) -> bool:
    """A disputed charge may be refunded only while the bank is merely asking."""
    about = (dispute for dispute in world.store.all("dispute") if dispute["charge"] == charge["id"])
    return all(dispute["is_charge_refundable"] for dispute in about)


def _later_of(world: World, charge: Obj) -> Later:
    secret = world.store.get("secret", charge["payment_intent"])
    return Later.NOTHING if secret is None else Later(secret["later"])


def _move(world: World, refund: Obj, amount: int, category: str) -> str:
    kind = category if refund["charge"].startswith("ch_") else OF_A_DEBIT[category]
    movement = balance.transaction(
        kind,
        refund,
        amount,
        now=world.now(),
        category=category,
        description="REFUND FOR PAYMENT" if category == "refund" else "REFUND FAILURE",
    )
    return payouts.book(world, movement)


def _return_to_charge(world: World, charge: Obj, amount: int, cause: Cause) -> None:
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    changed = {name: value for name, value in before.items() if charge[name] != value}
    happened(world, "charge.refunded", world.store.put("charge", charge), cause, previous=changed)


def settle(world: World, identifier: str) -> None:
    """The bank's answer to a refund, once."""
    refund, secret = world.store.get("refund", identifier), world.store.get("secret", identifier)
    if refund is None or secret is None or "settles_ms" not in secret or refund["status"] in ENDED:
        return
    del secret["settles_ms"]
    world.store.put("secret", secret)
    if secret["later"] == Later.REFUND_FAILS.value:
        fail(world, identifier, "expired_or_canceled_card")
    else:
        _arrive(world, refund)


def settle_now(world: World, identifier: str) -> Obj | None:
    """Whatever it waits for has come; None when there is nothing left to wait for."""
    refund, secret = world.store.must("refund", identifier), world.store.must("secret", identifier)
    if refund["status"] in ENDED or not (is_waiting(refund) or "settles_ms" in secret):
        return None
    if is_waiting(refund):
        _pay(world, refund)
    world.store.put("secret", {"id": identifier, "later": secret["later"]})
    _arrive(world, refund)
    return refund


def _arrive(world: World, refund: Obj) -> None:
    """The buyer's bank has it, and names a reference."""
    previous: Obj = {"destination_details": refund["destination_details"]}
    if refund["status"] != "succeeded":
        previous["status"] = refund["status"]
    kind = refund["destination_details"]["type"]
    arrived = {**refund["destination_details"][kind], "reference": REFERENCE, "reference_status": "available"}
    refund |= {"status": "succeeded", "destination_details": {kind: arrived, "type": kind}}
    _changed(world, refund, previous)


def _changed(world: World, refund: Obj, previous: Obj, cause: Cause | None = None) -> bytes:
    raw = world.store.put("refund", refund)
    for event_type in ("refund.updated", "charge.refund.updated"):
        happened(world, event_type, raw, cause or Cause(), previous=previous)
    return raw


def fail(world: World, identifier: str, reason: str) -> Obj | None:
    """The refund comes back: None when it already had."""
    refund = world.store.must("refund", identifier)
    if refund["status"] in ENDED:
        return None
    raw = _take_back(world, refund, "failed", reason, Cause())
    happened(world, "refund.failed", raw, Cause())
    return refund


def cancel(world: World, identifier: str, given: Obj, cause: Cause) -> bytes:
    """Possible while it is still `pending`: nobody has been paid yet."""
    params.read(given, {})
    refund = world.store.get("refund", identifier)
    if refund is None:
        raise no_such("refund", identifier, param="refund")
    if refund["status"] != "pending":
        raise after_start(
            invalid(f"This refund ({identifier}) cannot be canceled: its status is {refund['status']}.", param="refund")
        )
    return _take_back(world, refund, "canceled", "merchant_request", cause)


def _take_back(world: World, refund: Obj, status: str, reason: str, cause: Cause) -> bytes:
    """The money returns to the balance if it had left, and to what may be refunded of the charge."""
    previous = {"status": refund["status"]}
    refund.pop("pending_reason", None)
    refund |= {"status": status, "failure_reason": reason}
    if refund["balance_transaction"] is not None:
        refund["failure_balance_transaction"] = _move(world, refund, refund["amount"], "refund_failure")
    charge = world.store.must("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    world.store.put("charge", charge)
    return _changed(world, refund, previous, cause)
