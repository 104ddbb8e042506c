"""Attempts to pay a session: by card, after a challenge, or by a bank debit that settles later.

A decline leaves the session open for another card. Everything an attempt changes, and every event of it, happens in
one go without waiting for anything, so two submits of one page cannot both charge. `secret` rows remember by payment
intent what the card will really do.
"""

from dataclasses import dataclass, replace

from service.emulator import charges
from service.emulator.cards import Account, Card, Decline
from service.emulator.charges import Method
from service.emulator.events import happened
from service.emulator.ids import new_id
from service.emulator.shapes import intent as new_intent
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

UNAUTHENTICATED = Decline(
    code="payment_intent_authentication_failure",
    decline_code="authentication_failure",
    message="We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """What the buyer typed beside the number."""

    name: str | None = None
    email: str | None = None
    exp_month: int = 12
    exp_year: int = 2034


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended: succeeded, processing, requires_action, declined or not_open."""

    kind: str
    session: Obj
    decline: Decline | None = None
    challenge_url: str | None = None


class NotOffered(Exception):
    """The session does not offer this way to pay."""


def pay(world: World, session_id: str, means: Card | Account, buyer: Buyer) -> Outcome:
    """One attempt; raises `NotOffered`, and `KeyError` for an unknown session."""
    session = world.store.must("checkout.session", session_id)
    if session["status"] != "open":
        return Outcome(kind="not_open", session=session)
    buyer = replace(buyer, email=session["customer_email"] or buyer.email)
    kind = "card" if isinstance(means, Card) else "us_bank_account"
    if kind not in session["payment_method_types"]:
        raise NotOffered(kind)
    _count_attempt(world, session_id)
    if session["amount_total"] == 0:
        return _complete(world, session, buyer, "no_payment_required")
    intent = _intent_of(world, session)
    method = charges.new_method(world, means, buyer.name, buyer.email, (buyer.exp_month, buyer.exp_year))
    world.store.put(
        "secret",
        {
            "id": intent["id"],
            "session": session_id,
            "number": means.number,
            "later": means.later.value if isinstance(means, Card) else "none",
            "method": method.obj["id"],
            "buyer": {"name": buyer.name, "email": buyer.email},
        },
    )
    if isinstance(means, Account):
        return _debit(world, session, intent, method, buyer)
    if means.challenge:
        return _ask(world, session, intent, method)
    return _charge(world, session, intent, method, buyer)


def answer_challenge(world: World, session_id: str, *, passed: bool) -> Outcome:
    """The buyer's answer to the bank's question; a second answer changes nothing."""
    session = world.store.must("checkout.session", session_id)
    intent = (
        None if session["payment_intent"] is None else world.store.must("payment_intent", session["payment_intent"])
    )
    if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
        return Outcome(kind="not_open", session=session)
    secret = world.store.must("secret", intent["id"])
    method = charges.known_method(world, secret["method"], secret["number"])
    intent["next_action"] = None
    if not passed:
        _fail_intent(world, intent, charges.error_of(UNAUTHENTICATED, method))
        return Outcome(kind="declined", session=session, decline=UNAUTHENTICATED)
    buyer = Buyer(**secret["buyer"])
    return _charge(world, session, intent, replace(method, authenticated=True), buyer)


def _count_attempt(world: World, session_id: str) -> None:
    cart = world.store.must("cart", session_id)
    cart["attempts"] += 1
    world.store.put("cart", cart)


def _intent_of(world: World, session: Obj) -> Obj:
    """The session's payment intent, made at the first attempt as the gateway does."""
    if session["payment_intent"] is not None:
        return world.store.must("payment_intent", session["payment_intent"])
    cart = world.store.must("cart", session["id"])
    intent = new_intent(session, cart["intent"], now=world.now())
    session["payment_intent"] = intent["id"]
    world.store.put("checkout.session", session)
    happened(world, "payment_intent.created", world.store.put("payment_intent", intent), Cause())
    return intent


def _ask(world: World, session: Obj, intent: Obj, method: Method) -> Outcome:
    page = f"{world.options.public_url}/pay/{session['id']}"
    intent |= {
        "status": "requires_action",
        "payment_method": method.obj["id"],
        "last_payment_error": None,
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": f"{page}/challenge", "return_url": page},
        },
    }
    happened(world, "payment_intent.requires_action", world.store.put("payment_intent", intent), Cause())
    return Outcome(kind="requires_action", session=session, challenge_url=f"{page}/challenge")


def _charge(world: World, session: Obj, intent: Obj, method: Method, buyer: Buyer) -> Outcome:
    card = method.means
    decline = card.decline if isinstance(card, Card) else None
    charge = charges.new_charge(world, intent, method)
    if decline is not None:
        raw = charges.refuse(world, charge, decline)
        happened(world, "charge.failed", raw, Cause())
        _fail_intent(world, intent, charges.error_of(decline, method, charge["id"]), charge["id"])
        return Outcome(kind="declined", session=session, decline=decline)
    _succeed(world, intent, method, charge)
    outcome = _complete(world, session, buyer, "paid")
    charges.settle_balance(world, charge, method)
    return outcome


def _succeed(world: World, intent: Obj, method: Method, charge: Obj) -> None:
    happened(world, "charge.succeeded", charges.accept(world, charge), Cause())
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "payment_method": method.obj["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    happened(world, "payment_intent.succeeded", world.store.put("payment_intent", intent), Cause())


def _fail_intent(world: World, intent: Obj, error: Obj, charge_id: str | None = None) -> None:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": error,
        "latest_charge": charge_id or intent["latest_charge"],
    }
    happened(world, "payment_intent.payment_failed", world.store.put("payment_intent", intent), Cause())


def _complete(world: World, session: Obj, buyer: Buyer, payment_status: str) -> Outcome:
    session |= {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "customer_details": {
            "address": None,
            "business_name": None,
            "email": buyer.email,
            "individual_name": None,
            "name": buyer.name,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    raw = world.store.put("checkout.session", session)
    happened(world, "checkout.session.completed", raw, Cause())
    return Outcome(kind="processing" if payment_status == "unpaid" else "succeeded", session=session)


def _debit(world: World, session: Obj, intent: Obj, method: Method, buyer: Buyer) -> Outcome:
    charge = charges.new_charge(world, intent, method)
    charge |= {"status": "pending", "id": new_id("charge").replace("ch_", "py_", 1)}
    intent |= {
        "status": "processing",
        "payment_method": method.obj["id"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
    }
    happened(world, "payment_intent.processing", world.store.put("payment_intent", intent), Cause())
    happened(world, "charge.pending", world.store.put("charge", charge), Cause())
    outcome = _complete(world, session, buyer, "unpaid")
    due = world.clock.now_ms() + world.options.settle_ms
    world.store.put("secret", {**world.store.must("secret", intent["id"]), "settles_ms": due})
    world.timers.at(due, settle, intent["id"])
    return outcome


def settle(world: World, intent_id: str) -> None:
    """The bank's late answer to a debit; a second call changes nothing."""
    intent = world.store.get("payment_intent", intent_id)
    if intent is None or intent["status"] != "processing":
        return
    secret = world.store.must("secret", intent_id)
    session = world.store.must("checkout.session", secret["session"])
    charge = world.store.must("charge", intent["latest_charge"])
    method = charges.known_method(world, secret["method"], secret["number"])
    failure = method.means.failure if isinstance(method.means, Account) else None
    if failure is None:
        _succeed(world, intent, method, charge)
        session["payment_status"] = "paid"
        raw = world.store.put("checkout.session", session)
        happened(world, "checkout.session.async_payment_succeeded", raw, Cause())
        charges.settle_balance(world, charge, method)
        return
    happened(world, "charge.failed", charges.refuse(world, charge, failure), Cause())
    _fail_intent(world, intent, charges.error_of(failure, method, charge["id"]), charge["id"])
    raw = world.store.put("checkout.session", session)
    happened(world, "checkout.session.async_payment_failed", raw, Cause())
