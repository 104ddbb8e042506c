"""What every payment, refund and dispute really is, of both providers: the last word for tests, drills and the load gate.

A row says its `provider`, its `checkout` (session or order) and its `payment` (payment intent or capture); amounts are in
minor units. The rest of a Stripe row stays what it was.
"""

from collections import Counter
from typing import Any

from service.emulator.paypal import truth as paypal
from service.emulator.wire import Obj
from service.emulator.world import World


def payments(world: World, status: str | None = None) -> list[Obj]:
    """One row a session or order, oldest first within its provider; `status` is open, complete or expired."""
    table = world.store.table("checkout.session")
    wanted = [i for i in table.order if status is None or table.rows[i].facts["status"] == status]
    sessions = [_payment(world, world.store.must("checkout.session", i)) for i in wanted]
    return sessions + paypal.payments(world, status)


def _payment(world: World, session: Obj) -> Obj:
    row: Obj = {
        "provider": "stripe",
        "checkout": session["id"],
        "payment": session["payment_intent"],
        "session": session["id"],
        "status": session["status"],
        "payment_status": session["payment_status"],
        "amount": session["amount_total"],
        "currency": session["currency"],
        "metadata": session["metadata"],
        "client_reference_id": session["client_reference_id"],
        "payment_intent": None,
        "payment_intent_status": None,
        "payment_intent_metadata": None,
        "charge": None,
        "charged": 0,
        "refunded": 0,
        "disputed": False,
        "later": "none",
    }
    if session["payment_intent"] is None:
        return row
    intent = world.store.must("payment_intent", session["payment_intent"])
    row |= {
        "payment_intent": intent["id"],
        "payment_intent_status": intent["status"],
        "payment_intent_metadata": intent["metadata"],
        "charged": intent["amount_received"],
        "later": (world.store.get("secret", intent["id"]) or row)["later"],
    }
    if intent["latest_charge"] is not None:
        charge = world.store.must("charge", intent["latest_charge"])
        row |= {"charge": charge["id"], "refunded": charge["amount_refunded"], "disputed": charge["disputed"]}
    return row


def refunds(world: World) -> list[Obj]:
    """One row a refund, oldest first."""
    names = ("charge", "payment_intent", "amount", "currency", "status", "reason", "metadata")
    rows = [
        {
            "provider": "stripe",
            "payment": refund["payment_intent"],
            "refund": refund["id"],
            **{name: refund[name] for name in names},
            "failure_reason": refund.get("failure_reason"),
            "later": (world.store.get("secret", refund["id"]) or {"later": "none"})["later"],
        }
        for refund in world.store.all("refund")
    ]
    return rows + paypal.refunds(world)


def disputes(world: World) -> list[Obj]:
    """One row a dispute, oldest first within its provider: its object, and whose it is."""
    rows = [
        {**dispute, "provider": "stripe", "payment": dispute["payment_intent"]}
        for dispute in world.store.all("dispute")
    ]
    return rows + paypal.disputes(world)


def totals(world: World) -> dict[str, Any]:
    """Minor units charged, refunded and disputed, by currency."""
    charged: Counter[str] = Counter()
    refunded: Counter[str] = Counter()
    disputed: Counter[str] = Counter()
    for charge in world.store.all("charge"):
        if charge["status"] == "succeeded":
            charged[charge["currency"]] += charge["amount"]
            refunded[charge["currency"]] += charge["amount_refunded"]
    for dispute in world.store.all("dispute"):
        disputed[dispute["currency"]] += dispute["amount"]
    paypal.add_totals(world, charged, refunded, disputed)
    return {"charged": charged, "refunded": refunded, "disputed": disputed}
