"""Charges and the payment methods they are made with: how one is accepted, refused, and lands on the balance."""

from dataclasses import dataclass
from typing import Any

from service.emulator import balance, payouts, shapes
from service.emulator.cards import ACCOUNTS, CARDS, ROUTING_NUMBER, Account, Card, Decline, Later
from service.emulator.errors import DOCS
from service.emulator.events import happened
from service.emulator.ids import letters, new_id
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

RISK_SCORES = {"normal": 21, "elevated": 67, "highest": 92}  # out of 100, as the gateway's risk engine would say


@dataclass(frozen=True, kw_only=True)
class Method:
    """A payment method with the test row behind it."""

    obj: Obj
    means: Card | Account
    authenticated: bool = False


def new_method(
    world: World, means: Card | Account, name: str | None, email: str | None, expiry: tuple[int, int]
) -> Method:
    kind = "card" if isinstance(means, Card) else "us_bank_account"
    details = _card(means, expiry) if isinstance(means, Card) else _account(means)
    obj = {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {"address": None, "email": email, "name": name, "phone": None, "tax_id": None},
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        kind: details,
    }
    world.store.put("payment_method", obj)
    return Method(obj=obj, means=means)


def known_method(world: World, identifier: str, number: str) -> Method:
    means = CARDS.get(number) or ACCOUNTS[number]
    return Method(obj=world.store.must("payment_method", identifier), means=means)


def _card(card: Card, expiry: tuple[int, int]) -> Obj:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": expiry[0],
        "exp_year": expiry[1],
        "fingerprint": letters(16),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _account(account: Account) -> Obj:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "TEST BANK",
        "financial_connections_account": None,
        "fingerprint": letters(16),
        "last4": account.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": ROUTING_NUMBER,
        "status_details": {},
    }


def new_charge(world: World, intent: Obj, method: Method) -> Obj:
    """Not yet decided and not yet stored."""
    charge = shapes.charge(intent, method.obj, now=world.now())
    details = _card_details(method) if isinstance(method.means, Card) else _debit_details(method)
    charge["payment_method_details"] = {"type": method.obj["type"], method.obj["type"]: details}
    charge["outcome"] = _authorized(method.means)
    return charge


def _card_details(method: Method) -> Obj:
    card = method.obj["card"]
    failed_cvc = (
        isinstance(method.means, Card)
        and method.means.decline is not None
        and method.means.decline.code == "incorrect_cvc"
    )
    return {
        **{
            name: card[name]
            for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
        },
        "amount_authorized": None,
        "authorization_code": None,
        "checks": {**card["checks"], "cvc_check": "fail" if failed_cvc else "pass"},
        "electronic_commerce_indicator": "05" if method.authenticated else None,
        "installments": None,
        "mandate": None,
        "network": card["brand"],
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if method.authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }


def _three_d_secure() -> Obj:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": letters(36),
        "version": "2.2.0",
    }


def _debit_details(method: Method) -> Obj:
    bank = method.obj["us_bank_account"]
    names = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
    return {**{name: bank[name] for name in names}, "payment_reference": None}


def _authorized(means: Card | Account) -> Obj:
    risk = means.risk if isinstance(means, Card) else "not_assessed"
    outcome: Obj = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": risk,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if risk in RISK_SCORES:
        outcome["risk_score"] = RISK_SCORES[risk]
    return outcome


def accept(world: World, charge: Obj) -> bytes:
    charge |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": charge["amount"],
        "receipt_url": f"{world.options.public_url}/receipts/{charge['id']}",
        "calculated_statement_descriptor": charge["statement_descriptor"] or world.options.merchant[:22].upper(),
    }
    details = charge["payment_method_details"].get("card")
    if details is not None:
        details |= {"amount_authorized": charge["amount"], "authorization_code": letters(6).upper()}
    return world.store.put("charge", charge)


def refuse(world: World, charge: Obj, decline: Decline) -> bytes:
    blocked = charge["outcome"].get("risk_level") == "highest"
    charge |= {
        "status": "failed",
        "failure_code": decline.code,
        "failure_message": decline.message,
    }
    outcome: dict[str, Any] = {
        **charge["outcome"],
        "advice_code": decline.advice_code,
        "network_decline_code": None if blocked else decline.network_decline_code,
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else decline.decline_code,
        "seller_message": "Stripe blocked this payment as too risky."
        if blocked
        else "The bank did not accept this payment.",
        "type": "blocked" if blocked else "issuer_declined",
    }
    if blocked:
        outcome["rule"] = "block_if_high_risk"
    charge["outcome"] = outcome
    return world.store.put("charge", charge)


def error_of(decline: Decline, method: Method, charge_id: str | None = None) -> Obj:
    """The `last_payment_error` a decline leaves."""
    error: Obj = {
        "type": "card_error" if isinstance(method.means, Card) else "invalid_request_error",
        "code": decline.code,
        "doc_url": DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": method.obj,
    }
    if decline.code != "payment_intent_authentication_failure":
        error["decline_code"] = decline.decline_code
    if decline.advice_code is not None:
        error["advice_code"] = decline.advice_code
    if charge_id is not None:
        error["charge"] = charge_id
    return error


def settle_balance(world: World, charge: Obj, method: Method) -> None:
    """The charge lands on the balance: the event that brings it comes after the others, as at the gateway."""
    at_once = isinstance(method.means, Card) and method.means.later is Later.AVAILABLE_AT_ONCE
    movement = balance.transaction(
        "charge" if isinstance(method.means, Card) else "payment",
        charge,
        charge["amount"],
        fee=balance.fee_of(charge["amount"]),
        now=world.now(),
        category="charge",
        description=charge["description"],
        at_once=at_once,
    )
    charge["balance_transaction"] = payouts.book(world, movement)
    raw = world.store.put("charge", charge)
    happened(world, "charge.updated", raw, Cause(), previous={"balance_transaction": None})
