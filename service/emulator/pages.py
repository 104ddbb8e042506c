"""`/v1/payment_pages`: what the vendor's own tools call in the buyer's place, so that they can pay a session here too.

The vendor does not document it; the shape is that of the fixtures of its command line. A payment method is one of the
test names (`pm_card_visa`), one made at `/v1/payment_methods`, or the card itself as `payment_method_data`.
"""

from service.emulator import charges, params, payments
from service.emulator.cards import BANK_FAILS, BANK_SUCCEEDS, Account, Card, CardRefused, find_account, find_card
from service.emulator.errors import DOCS, GatewayRefusal, after_start, invalid, missing_param, no_such
from service.emulator.params import anything, text
from service.emulator.payments import Buyer, NotOffered
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

NAMED: dict[str, str] = {  # docs.stripe.com/testing#cards, behind `pm_card_` and `tok_`
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3566002020360505",
    "visa_chargeDeclined": "4000000000000002",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "threeDSecure2Required": "4000002760003184",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "bypassPending": "4000000000000077",
}
ACCOUNTS = {"pm_usBankAccount_success": BANK_SUCCEEDS, "pm_usBankAccount_insufficientFunds": BANK_FAILS}
BILLING = {"address": anything, "email": text, "name": text, "phone": text}
METHOD = {
    "type": params.one_of("card", "us_bank_account"),
    "card": {"number": text, "token": text, "exp_month": params.integer, "exp_year": params.integer, "cvc": text},
    "us_bank_account": dict.fromkeys(("account_number", "routing_number", "account_holder_type"), text),
    "billing_details": BILLING,
    "metadata": params.metadata,
}
CONFIRM = {
    "payment_method": text,
    "payment_method_data": METHOD,
    "expected_amount": params.amount,
    "expected_payment_method_type": text,
    "key": text,
    "return_url": text,
}


def make_method(world: World, given: Obj) -> bytes:
    """`POST /v1/payment_methods`: a test card or account, kept for one use or many."""
    asked = params.read(given, METHOD)
    if "type" not in asked:
        raise missing_param("type")
    means, who = _means(asked), asked.get("billing_details", {})
    method = charges.new_method(world, means, who.get("name"), who.get("email"), _expiry(asked)).obj
    world.store.put("secret", {"id": method["id"], "number": means.number, "later": "none"})
    return world.store.put("payment_method", {**method, "metadata": asked.get("metadata", {})})


def confirm(world: World, identifier: str, given: Obj, cause: Cause) -> bytes:
    """One attempt to pay: the session as it is then, or 402 with the decline."""
    del cause  # as on the page, it is the buyer who acts
    session = world.store.get("checkout.session", identifier)
    if session is None:
        raise no_such("payment_page", identifier, param="session")
    asked = params.read(given, CONFIRM)
    if asked.get("expected_amount", session["amount_total"]) != session["amount_total"]:
        raise invalid(
            "The amount of this Checkout Session is another one.",
            param="expected_amount",
            code="checkout_amount_mismatch",
        )
    means, buyer = _payer(world, asked)
    try:
        outcome = payments.pay(world, identifier, means, buyer)
    except NotOffered as error:
        raise invalid(f"This Checkout Session does not offer {error}.", param="payment_method") from error
    if outcome.kind == "not_open":
        raise after_start(invalid(f"This Checkout Session is {session['status']}.", code="payment_page_not_open"))
    if outcome.decline is not None:
        raise _declined(world, identifier)
    return world.store.raw("checkout.session", identifier) or b""


def _payer(world: World, asked: Obj) -> tuple[Card | Account, Buyer]:
    if "payment_method_data" in asked:
        data = asked["payment_method_data"]
        who, expiry = data.get("billing_details", {}), _expiry(data)
        buyer = Buyer(name=who.get("name"), email=who.get("email"), exp_month=expiry[0], exp_year=expiry[1])
        return _means(data), buyer
    name = asked.get("payment_method")
    if name is None:
        raise missing_param("payment_method")
    if name in ACCOUNTS or name.removeprefix("pm_card_") in NAMED:
        return ACCOUNTS.get(name) or find_card(NAMED[name.removeprefix("pm_card_")]), Buyer(name="Test Buyer")
    method, secret = world.store.get("payment_method", name), world.store.get("secret", name)
    if method is None or secret is None:
        raise no_such("PaymentMethod", name, param="payment_method")
    who = method["billing_details"]
    return charges.known_method(world, name, secret["number"]).means, Buyer(name=who["name"], email=who["email"])


def _means(data: Obj) -> Card | Account:
    card = data.get("card", {})
    try:
        if "us_bank_account" in data:
            return find_account(data["us_bank_account"].get("account_number", ""))
        if "token" in card:
            number = NAMED.get(card["token"].removeprefix("tok_"))
            if number is None:
                raise no_such("token", card["token"], param="card[token]")
            return find_card(number)
        return find_card(card.get("number", ""))
    except CardRefused as refused:
        error = {"type": "card_error", "code": refused.code, "message": refused.message, "param": refused.field}
        raise GatewayRefusal(402, error) from refused


def _expiry(data: Obj) -> tuple[int, int]:
    card = data.get("card", {})
    return card.get("exp_month", Buyer.exp_month), card.get("exp_year", Buyer.exp_year)


def _declined(world: World, session_id: str) -> GatewayRefusal:
    session = world.store.must("checkout.session", session_id)
    said = world.store.must("payment_intent", session["payment_intent"])["last_payment_error"]
    return after_start(GatewayRefusal(402, {"doc_url": DOCS + said["code"].replace("_", "-"), **said}))
