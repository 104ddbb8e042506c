"""What every PayPal payment, refund and dispute really is, in minor units, in the rows of the other provider's."""

from collections import Counter

import msgspec

from service.emulator.paypal import disputes as cases
from service.emulator.paypal import money, orders
from service.emulator.wire import Obj
from service.emulator.world import World

STATUSES = {"PENDING": "pending", "COMPLETED": "succeeded", "FAILED": "failed", "CANCELLED": "canceled"}


def payments(world: World, status: str | None = None) -> list[Obj]:
    """One row an order, oldest first; `status` is open, complete or expired, as a session's."""
    rows = (_payment(world, order) for order in world.store.all("paypal.order"))
    return [row for row in rows if status in {None, row["status"]}]


def _payment(world: World, order: Obj) -> Obj:
    book = world.store.must("paypal.book", order["id"])
    unit = order["purchase_units"][0]
    row: Obj = {
        "provider": "paypal",
        "checkout": order["id"],
        "payment": None,
        "session": order["id"],
        "status": _status(world, order, book),
        "order_status": order["status"],
        "payment_status": "unpaid",
        "amount": money.minor_of(unit["amount"]),
        "currency": unit["amount"]["currency_code"].lower(),
        "metadata": _metadata(unit.get("custom_id")),
        "client_reference_id": unit.get("invoice_id"),
        "payment_intent": None,
        "payment_intent_status": None,
        "payment_intent_metadata": None,
        "charge": None,
        "charged": 0,
        "refunded": 0,
        "disputed": False,
        "later": book["outcome"],
    }
    if not book["captures"]:
        return row
    capture = world.store.must("paypal.capture", book["captures"][-1])
    own = world.store.must("paypal.book", capture["id"])
    row |= {"payment": capture["id"], "payment_intent_status": capture["status"], "disputed": bool(own["disputes"])}
    if has_money(capture):
        charged = money.minor_of(capture["amount"])
        row |= {"payment_status": "paid", "charged": charged, "refunded": own["refunded"] - own.get("reversed", 0)}
    return row


def has_money(capture: Obj) -> bool:
    return capture["status"] in {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}


def _status(world: World, order: Obj, book: Obj) -> str:
    if order["status"] == "COMPLETED":
        return "complete"
    return "expired" if orders.is_gone(world, order, book) else "open"


def _metadata(custom_id: str | None) -> Obj:
    """Our own words when they are JSON; else the text as it is."""
    if custom_id is None:
        return {}
    try:
        decoded = msgspec.json.decode(custom_id)
    except msgspec.DecodeError:
        return {"custom_id": custom_id}
    return decoded if isinstance(decoded, dict) else {"custom_id": custom_id}


def refunds(world: World) -> list[Obj]:
    """One row a refund, oldest first."""
    rows = []
    for refund in world.store.all("paypal.refund"):
        capture = world.store.must("paypal.capture", world.store.must("paypal.book", refund["id"])["capture"])
        rows.append(
            {
                "provider": "paypal",
                "refund": refund["id"],
                "payment": capture["id"],
                "charge": None,
                "payment_intent": None,
                "amount": money.minor_of(refund["amount"]),
                "currency": refund["amount"]["currency_code"].lower(),
                "status": STATUSES[refund["status"]],
                "reason": refund.get("note_to_payer"),
                "metadata": _metadata(refund.get("custom_id") or capture.get("custom_id")),
                "failure_reason": "unknown" if refund["status"] == "FAILED" else None,
                "later": "none",
            }
        )
    return rows


def disputes(world: World) -> list[Obj]:
    """One row a dispute, oldest first: the vendor's object, and what both providers' rows say."""
    return [
        {
            **cases.shown(dispute),
            "provider": "paypal",
            "id": dispute["dispute_id"],
            "payment": dispute["disputed_transactions"][0]["seller_transaction_id"],
            "amount": money.minor_of(dispute["dispute_amount"]),
            "currency": dispute["dispute_amount"]["currency_code"].lower(),
        }
        for dispute in world.store.all("paypal.dispute")
    ]


def add_totals(world: World, charged: Counter[str], refunded: Counter[str], disputed: Counter[str]) -> None:
    for row in payments(world):
        charged[row["currency"]] += row["charged"]
        refunded[row["currency"]] += row["refunded"]
    for row in disputes(world):
        disputed[row["currency"]] += row["amount"]
