"""PayPal signs a checksum of the body: whoever sees one delivery can sign any body, and gets nothing for it."""

import json
from typing import Any

import pytest

from service.kernel.clock import utc_now
from service.recovery.flow import fetch_thin
from service.webhooks.rules import MOST_REFUSED
from tests.contract.ear import Ear
from tests.contract.stand import Delivery
from tests.gateways.paypal.conftest import PAYMENT_ID
from tests.gateways.paypal.notary import forged_to
from tests.gateways.paypal.resources import amount, capture
from tests.recovery.both import WEBHOOK_ID, later, order_from, pay
from tests.stage import Stage
from tests.webhooks.applying import LONG, Inbox

DOOR = "/api/payment/webhook/paypal"


@pytest.fixture
async def seen(stage: Stage) -> Delivery:
    """One true delivery, of the stranger's own order."""
    ear = Ear()
    await ear.open()
    endpoint = {"url": ear.url, "secret": WEBHOOK_ID, "provider": "paypal"}
    (await stage.emulator.put("/_emulator/endpoints", json=[endpoint])).raise_for_status()
    await pay(stage, await order_from(stage, "paypal"))
    await stage.until(lambda: _heard(ear))
    await ear.close()
    return ear.heard[0]


async def _heard(ear: Ear) -> bool:
    return bool(ear.heard)


def paid(checkout: dict[str, Any], event_id: str) -> dict[str, Any]:
    """What PayPal would say if this order were paid."""
    ids = json.dumps({"order_id": checkout["orderId"], "payment_id": PAYMENT_ID})
    resource = capture(custom_id=ids, amount=amount("498.00"), supplementary_data=None)
    kind, at = "PAYMENT.CAPTURE.COMPLETED", utc_now().isoformat()
    return {"id": event_id, "event_type": kind, "create_time": at, "resource": resource}


async def deliver(stage: Stage, seen: Delivery, body: bytes) -> int:
    signs = {name: value for name, value in seen.headers.items() if name.startswith("paypal-")}
    return (await stage.client.post(DOOR, content=body, headers=signs)).status_code


async def work(inbox: Inbox) -> None:
    """Every try there is, and what comes of it."""
    for _ in range(MOST_REFUSED):
        await fetch_thin(inbox.parts.db, inbox.parts.gateways, limit=10, jitter=0.5)
        await inbox.apply()
        later(inbox.stage, LONG)


async def test_a_forged_payment_pays_nothing(stage: Stage, inbox: Inbox, seen: Delivery):
    """Its signature is good and PayPal knows nothing of it: a few questions later it waits for a person."""
    checkout = await order_from(stage, "paypal")
    status = await deliver(stage, seen, forged_to(seen.body, paid(checkout, "WH-FORGED")))

    await work(inbox)

    assert 200 == status
    assert "awaiting_payment" == (await stage.order(checkout))["status"]
    assert [("dead", "not_fetched")] == await stage.rows("SELECT state, cause FROM payment_events")


async def test_a_forgery_under_a_true_id_only_brings_the_true_event(stage: Stage, inbox: Inbox, seen: Delivery):
    """It comes before the true one, which then is known already; applied is what PayPal has under that id."""
    checkout = await order_from(stage, "paypal")
    true_id = json.loads(seen.body)["id"]
    await deliver(stage, seen, forged_to(seen.body, paid(checkout, true_id)))
    await deliver(stage, seen, seen.body)

    await work(inbox)

    assert "awaiting_payment" == (await stage.order(checkout))["status"]
    assert [("applied", "moved")] == await stage.rows("SELECT state, outcome FROM payment_events")
    assert [("capture.take",)] == await stage.rows("SELECT kind FROM outbox WHERE kind LIKE 'capture%'")
