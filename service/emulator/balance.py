"""The balance: what each charge, refund and dispute moves on it, and the gateway's own share. Integers of minor units."""

from typing import Any

from service.emulator.ids import new_id
from service.emulator.wire import Obj

FEE_PERMILLE, FEE_FIXED = 29, 30  # 2.9 % + 30 minor units, the list price of a card payment
PAYOUT_DELAY_S = 2 * 86_400


def fee_of(amount: int) -> int:
    """The gateway's own share of a charge, half up."""
    return (amount * FEE_PERMILLE + 500) // 1000 + FEE_FIXED


def transaction(kind: str, source: Obj, amount: int, *, fee: int = 0, **given: Any) -> Obj:
    """A movement on the balance; `given` takes now, category, description, available_on, at_once."""
    now = given["now"]
    currency = source["currency"]
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": new_id("balance_transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now if given.get("at_once") else now + PAYOUT_DELAY_S,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": given.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": given.get("category", kind),
        "source": source["id"],
        "status": "available" if given.get("at_once") else "pending",
        "type": kind,
    }
