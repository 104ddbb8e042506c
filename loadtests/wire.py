"""What users say on the wire and how they read what comes back; no Locust in here, so that it can be tried out anywhere."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loadtests.result import Outcome

_SOLD_OUT, _TOO_MANY, _AWAY = 409, 429, 503


def outcome(status: int, wanted: tuple[int, ...], headers: Mapping[str, str]) -> Outcome:
    """How an answer counts: 503 is meant only when it says when to come again."""
    if status in wanted:
        return Outcome.OK
    if status in {_SOLD_OUT, _TOO_MANY} or (status == _AWAY and headers.get("retry-after")):
        return Outcome.REFUSED
    return Outcome.FAILED


def page(url: str) -> str:
    """The gateway's own id of a checkout, as it stands in the address of its page."""
    parts = urlsplit(url)
    return parse_qs(parts.query).get("token", [""])[0] or parts.path.rstrip("/").rpartition("/")[2]


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
