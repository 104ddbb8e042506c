"""The merchant takes what the buyer approved: once, and only if the way to pay is good."""

import asyncio
import json

import pytest

from tests.emulator.gateway import eventually
from tests.emulator.paypal.shop import CAPTURES, ORDERS, capture_of, issue


async def test_an_approved_order_is_captured(shop):
    """Money, fee and the shop's own id are on the capture; the events tell both steps."""
    answer = await shop.capture(await shop.approved(invoice_id="R-1"))
    made = capture_of(answer)
    alone = await shop.get(f"{CAPTURES}/{made['id']}")

    assert (201, "COMPLETED", "COMPLETED") == (answer.status_code, answer.json()["status"], made["status"])
    assert {"order_id": "ord_1", "payment_id": "pay_1"} == json.loads(made["custom_id"])
    # 2.99 % of 415.00 is 12.41, and 0.49
    assert ["415.00", "12.90", "402.10"] == [money["value"] for money in made["seller_receivable_breakdown"].values()]
    assert answer.json()["id"] == alone["supplementary_data"]["related_ids"]["order_id"]
    assert [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "CHECKOUT.ORDER.COMPLETED",
    ] == await shop.event_types()


async def test_nothing_is_taken_before_the_buyer_approves(shop):
    """Nor after a cancel."""
    identifier = (await shop.open())["id"]
    early = await shop.capture(identifier)
    await shop.pay(identifier, "cancel")

    assert [(422, "ORDER_NOT_APPROVED")] * 2 == [issue(early), issue(await shop.capture(identifier))]


async def test_a_second_capture_is_refused(shop):
    """The order still says what was captured; a repetition by request id is told so with 200."""
    identifier = await shop.approved()
    first = await shop.capture(identifier, key="k")
    again = await shop.capture(identifier, key="k")
    other = await shop.capture(identifier, key="other")

    assert (422, "ORDER_ALREADY_CAPTURED") == issue(other)
    assert (200, first.json()) == (again.status_code, again.json())
    assert [capture_of(first)["id"]] == [
        made["id"] for made in (await shop.order(identifier))["purchase_units"][0]["payments"]["captures"]
    ]


async def test_a_declined_instrument_sends_the_buyer_back(shop):
    """Until the buyer chooses another; the order stays the same."""
    identifier = await shop.approved("decline")
    refused = await shop.capture(identifier)
    stubborn = await shop.capture(identifier)
    await shop.pay(identifier)

    assert [(422, "INSTRUMENT_DECLINED")] * 2 == [issue(refused), issue(stubborn)]
    [back] = [link["href"] for link in refused.json()["links"] if link["rel"] == "redirect"]
    assert back.endswith(f"/paypal/checkoutnow?token={identifier}")
    assert 201 == (await shop.capture(identifier)).status_code


async def test_an_echeck_is_pending_until_the_bank_answers(shop, gateway):
    """201 and a COMPLETED order are not money: the capture's status is."""
    made = await shop.captured("pending")
    before = (await gateway.truth())["totals"]["charged"]
    await gateway.advance(1)
    settled = await shop.get(f"{CAPTURES}/{made['id']}")

    assert ("PENDING", "ECHECK") == (made["status"], made["status_details"]["reason"])
    assert ({"usd": 0}, {"usd": 41_500}) == (before, (await gateway.truth())["totals"]["charged"])
    assert ("COMPLETED", True) == (settled["status"], "seller_receivable_breakdown" in settled)
    assert ["PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.COMPLETED"] == [
        event for event in await shop.event_types() if event.startswith("PAYMENT")
    ]


async def test_an_echeck_may_bounce(shop, gateway):
    """DECLINED in the end, with an event that says denied."""
    identifier = await shop.approved("pending", later={"async": "fail"})
    made = capture_of(await shop.capture(identifier))
    await gateway.advance(1)

    assert "DECLINED" == (await shop.get(f"{CAPTURES}/{made['id']}"))["status"]
    assert "PAYMENT.CAPTURE.DENIED" == (await shop.event_types())[-1]
    assert [0] == [row["charged"] for row in (await gateway.truth())["payments"]]


async def test_a_capture_may_vanish(shop, gateway):
    """The event of the decline carries the order, and the order knows no capture any more."""
    identifier = await shop.approved("vanish")
    await shop.capture(identifier)
    await gateway.advance(1)
    order = await shop.order(identifier)
    [event] = (await shop.get("/paypal/v1/notifications/webhooks-events", event_type="PAYMENT.CAPTURE.DECLINED"))[
        "events"
    ]

    assert ("checkout-order", identifier) == (event["resource_type"], event["resource"]["id"])
    assert "payments" not in order["purchase_units"][0]


async def test_control_settles_a_capture_at_once(shop):
    """Without waiting for the clock; twice is too late."""
    made = await shop.captured("pending")
    settled = await shop.control(f"refunds/{made['id']}/settle")
    again = await shop.control(f"refunds/{made['id']}/settle")

    assert (200, "COMPLETED", 409) == (settled.status_code, settled.json()["status"], again.status_code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("INSTRUMENT_DECLINED", (422, "UNPROCESSABLE_ENTITY")),
        ("TRANSACTION_REFUSED", (422, "UNPROCESSABLE_ENTITY")),
        ("INTERNAL_SERVER_ERROR", (500, "INTERNAL_SERVER_ERROR")),
    ],
)
async def test_a_mock_response_is_what_was_asked_for(shop, code, expected):
    """And nothing is taken."""
    identifier = await shop.approved()
    mock = {"paypal-mock-response": json.dumps({"mock_application_codes": code})}
    answer = await shop.capture(identifier, headers=mock)

    assert expected == (answer.status_code, answer.json()["name"])
    assert "APPROVED" == (await shop.order(identifier))["status"]


async def test_an_invoice_is_paid_once(shop):
    """The account's setting that stops a second payment of the same thing; a declined one does not count."""
    await shop.captured(invoice_id="R-1")
    second = await shop.capture(await shop.approved(invoice_id="R-1"))

    assert (422, "DUPLICATE_INVOICE_ID") == issue(second)


async def test_two_at_once_with_one_id_are_one(shop, gateway):
    """The second is told that the first is still running."""
    identifier = await shop.approved()
    slow = {"match": {"path": f"{ORDERS}/*/capture"}, "effects": {"latency_ms": 300}, "times": 1}
    await gateway.arm(slow)
    first = asyncio.create_task(shop.capture(identifier, key="k"))
    await eventually(lambda: _struck(gateway))
    second = await shop.capture(identifier, key="k")

    assert (409, "PREVIOUS_REQUEST_IN_PROGRESS") == issue(second)
    assert 201 == (await first).status_code


async def _struck(gateway):
    return (await gateway.http.get("/_emulator/faults")).json()["faults"][0]["fired"]


async def test_a_capture_is_remembered_for_45_days(shop, gateway):
    """Far longer than an order's request id."""
    identifier = await shop.approved()
    first = await shop.capture(identifier, key="k")
    await gateway.advance(44 * 86_400)
    await shop.sign_in()
    kept = await shop.capture(identifier, key="k")
    await gateway.advance(2 * 86_400)
    await shop.sign_in()

    assert (200, first.json()) == (kept.status_code, kept.json())
    assert (422, "ORDER_ALREADY_CAPTURED") == issue(await shop.capture(identifier, key="k"))
