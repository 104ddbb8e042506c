"""Orders with a past: what happened at the gateway, as the events it would deliver, and what we make of them."""

from typing import Any

from tests.stage import Stage, buyer
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, told

GOOD, DECLINED, NO_FUNDS, CHALLENGE = "4242424242424242", "4000000000000002", "4000000000009995", "4000002760003184"
CHALLENGE_NO_FUNDS = "4000008260003178"
KEY = ("sk_test_stage", "")
SCARCE = [{"ticketType": "orishas-masterclass", "quantity": 2}, {"ticketType": "full-pass", "quantity": 1}]


async def ordered(stage: Stage, ticket_type: str = "full-pass", quantity: int = 2) -> dict[str, Any]:
    body = buyer(items=[{"ticketType": ticket_type, "quantity": quantity}])
    return (await stage.checkout(body)).raise_for_status().json()


def session_id(checkout: dict[str, Any]) -> str:
    return next(part for part in checkout["checkoutUrl"].split("/") if part.startswith("cs_")).split("?")[0]


async def refund(stage: Stage, intent: str, amount: int | None = None) -> dict[str, Any]:
    """Staff give money back in the gateway's dashboard."""
    form = {"payment_intent": intent} | ({"amount": str(amount)} if amount else {})
    answer = await stage.emulator.post("/v1/refunds", data=form, auth=KEY)
    answer.raise_for_status()
    return answer.json()


async def take_in(stage: Stage, inbox: Inbox, *events: dict[str, Any]) -> None:
    """Deliver and apply, one after the other."""
    for event in events:
        (await deliver(stage, event)).raise_for_status()
        await inbox.apply()


async def expire_then_pay(stage: Stage, inbox: Inbox) -> dict[str, Any]:
    """Our hold ran out a moment before the buyer's money: the expiry is applied first, then the payment."""
    await deaf(stage)
    checkout = (await stage.checkout(buyer(items=SCARCE))).raise_for_status().json()
    await stage.pay(checkout)
    expired = {
        "id": "evt_expired",
        "type": "checkout.session.expired",
        "created": 1_780_000_000,
        "livemode": False,
        "data": next(e["data"] for e in await told(stage) if e["type"] == "checkout.session.completed"),
    }
    await take_in(stage, inbox, expired)
    return checkout


async def end_of(stage: Stage, order_id: str) -> dict[str, Any]:
    """Where an order has ended: everything a customer, a bookkeeper or the door would see."""
    order = (await stage.rows("SELECT status FROM orders WHERE id = :id", id=order_id))[0][0]
    payments = "SELECT status, amount_minor FROM payments WHERE order_id = :id ORDER BY id"
    refunds = "SELECT status, amount_minor, external FROM refunds WHERE order_id = :id ORDER BY amount_minor"
    tickets = "SELECT status, count(*) FROM tickets WHERE order_id = :id GROUP BY status"
    mails = "SELECT kind, count(*) FROM outbox WHERE key LIKE :id || '%' AND kind LIKE 'mail.%' GROUP BY kind"
    holds = "SELECT state, sum(quantity) FROM holds WHERE order_id = :id GROUP BY state"
    return {
        "order": order,
        "payments": await stage.rows(payments, id=order_id),
        "refunds": await stage.rows(refunds, id=order_id),
        "tickets": dict(await stage.rows(tickets, id=order_id)),
        "mails": dict(await stage.rows(mails, id=order_id)),
        "holds": {state: int(seats) for state, seats in await stage.rows(holds, id=order_id)},
    }


PAID = {
    "order": "paid",
    "payments": [("succeeded", 49800)],
    "refunds": [],
    "tickets": {"valid": 2},
    "mails": {"mail.confirmation": 1},
    "holds": {"sold": 2},
}
EXPIRED = {
    "order": "expired",
    "payments": [("canceled", 49800)],
    "refunds": [],
    "tickets": {},
    "mails": {},
    "holds": {"released": 2},
}
CANCELED = EXPIRED | {"order": "canceled"}
REFUNDED = PAID | {"order": "refunded", "refunds": [("succeeded", 49800, True)], "tickets": {"void": 2}}
