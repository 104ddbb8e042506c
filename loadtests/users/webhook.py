"""A gateway that tells: signed events of checkouts that are not ours, so that they cost their way through the inbox and
change nothing; in a storm each of them many times and in disorder. (What is paid in a scenario is told by the stand-in.)
"""

import hashlib
import hmac
import json
import time
from typing import Any

from loadtests.users.person import Person

COPIES = 10
_MIXED_UP = 300  # so many turns back an event may still come


def tell(person: Person) -> None:
    """One new event."""
    _send(person, person.slot.number if person.slot else 0)


def tell_again(person: Person) -> None:
    """One of the last events, each of which comes about `COPIES` times, an older one after a younger."""
    number = person.slot.number if person.slot else 0
    _send(person, person.dice.randint(max(0, number - _MIXED_UP), number) // COPIES)


def event(run: str, number: int, now: int) -> bytes:
    """A paid checkout as Stripe tells of it, about one of somebody else's."""
    session: dict[str, Any] = {
        "id": f"cs_test_load_{run}_{number}",
        "object": "checkout.session",
        "amount_total": 24_900,
        "client_reference_id": f"load_{run}_{number}",
        "created": now,
        "currency": "usd",
        "customer_details": {"email": "load@example.org", "name": "Ana Load"},
        "livemode": False,
        "metadata": {"load": run},
        "mode": "payment",
        "payment_intent": f"pi_load_{run}_{number}",
        "payment_status": "paid",
        "status": "complete",
        "filler": "x" * 1_500,  # theirs are about 3 KB
    }
    return json.dumps(
        {
            "id": f"evt_load_{run}_{number}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": now,
            "data": {"object": session},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": "checkout.session.completed",
        }
    ).encode()


def signature(secret: str, body: bytes, now: int) -> str:
    """The header that vouches for it: docs.stripe.com/webhooks/signature."""
    digest = hmac.new(secret.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


def _send(person: Person, number: int) -> None:
    part, now = person.turns.part, int(time.time())
    body = event(part.run, number, int(part.began_at))
    headers = {"Stripe-Signature": signature(part.found["webhook_secrets"]["stripe"], body, now)}
    person.ask("webhook", "POST", "/api/payment/webhook", body=body, headers=headers)
