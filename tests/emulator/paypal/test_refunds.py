"""Refunds of captures: what is left, once, by its own rules; and what comes back days later."""

import json

import pytest

from tests.emulator.paypal.shop import CAPTURES, EVENTS, REFUNDS, dollars, issue


async def status_of(shop, capture):
    return (await shop.get(f"{CAPTURES}/{capture['id']}"))["status"]


async def test_an_empty_body_refunds_everything(shop):
    """COMPLETED at once; the fee of the payment is not given back."""
    made = await shop.captured()
    answer = await shop.refund(made["id"])
    refund = answer.json()

    assert (201, "COMPLETED", "415.00") == (answer.status_code, refund["status"], refund["amount"]["value"])
    assert "0.00" == refund["seller_payable_breakdown"]["paypal_fee"]["value"]
    assert "REFUNDED" == await status_of(shop, made)
    assert refund == await shop.get(f"{REFUNDS}/{refund['id']}")


async def test_parts_add_up(shop, gateway):
    """The capture and its order tell how much went back."""
    made = await shop.captured()
    await shop.refund(made["id"], "100.00")
    second = (await shop.refund(made["id"], "15.50")).json()
    order = await shop.order(made["links"][2]["href"].rpartition("/")[2])

    assert "PARTIALLY_REFUNDED" == await status_of(shop, made)
    assert "115.50" == second["seller_payable_breakdown"]["total_refunded_amount"]["value"]
    assert ["100.00", "15.50"] == [
        each["amount"]["value"] for each in order["purchase_units"][0]["payments"]["refunds"]
    ]
    assert [(41_500, 11_550)] == [(row["charged"], row["refunded"]) for row in (await gateway.truth())["payments"]]


async def test_the_short_answer_is_the_usual_one(shop):
    """Id, status and links, unless the whole is preferred."""
    made = await shop.captured()
    answer = await shop.refund(made["id"], "1.00", headers={})

    assert {"id", "status", "links"} == answer.json().keys()


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (dollars("415.01"), (422, "REFUND_AMOUNT_EXCEEDED")),
        (dollars("0.00"), (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        (dollars("1.001"), (422, "DECIMAL_PRECISION")),
        ({"currency_code": "EUR", "value": "1.00"}, (422, "REFUND_CAPTURE_CURRENCY_MISMATCH")),
    ],
)
async def test_a_wrong_amount_is_refused(shop, amount, expected):
    """And nothing goes back."""
    made = await shop.captured()
    answer = await shop.refund(made["id"], body={"amount": amount})

    assert expected == issue(answer)
    assert "COMPLETED" == await status_of(shop, made)


async def test_what_has_gone_back_cannot_go_back_again(shop):
    """Neither the rest of nothing, nor more than the rest."""
    made = await shop.captured()
    await shop.refund(made["id"], "400.00")
    too_much = await shop.refund(made["id"], "15.01")
    await shop.refund(made["id"])

    assert (422, "REFUND_AMOUNT_EXCEEDED") == issue(too_much)
    assert (422, "CAPTURE_FULLY_REFUNDED") == issue(await shop.refund(made["id"], "1.00"))


async def test_no_money_no_refund(shop, gateway):
    """A pending capture has none yet, a bounced one never."""
    made = await shop.captured("pending")
    bounced = await shop.captured("vanish")
    early = await shop.refund(made["id"])
    await gateway.advance(1)

    assert (422, "PENDING_CAPTURE") == issue(early)
    assert (422, "REFUND_NOT_ALLOWED") == issue(await shop.refund(bounced["id"]))


async def test_the_vendor_refunds_for_180_days(shop, gateway):
    """After that the way back is closed."""
    made = await shop.captured()
    await gateway.advance(181 * 86_400)
    await shop.sign_in()

    assert (422, "REFUND_TIME_LIMIT_EXCEEDED") == issue(await shop.refund(made["id"]))


async def test_the_same_request_id_refunds_once(shop, gateway):
    """Even when the answer was lost after the work."""
    made = await shop.captured()
    lost = {
        "match": {"path": f"{CAPTURES}/*/refund"},
        "effects": {"error": {"status": 502, "commit": True}},
        "times": 1,
    }
    await gateway.arm(lost)
    first = await shop.refund(made["id"], "5.00", key="k")
    again = await shop.refund(made["id"], "5.00", key="k")

    assert [502, 200] == [first.status_code, again.status_code]
    assert [500] == [row["amount"] for row in (await gateway.truth())["refunds"]]


async def test_a_refund_to_an_echeck_is_pending(shop, gateway):
    """COMPLETED when the bank has it, with the event only then."""
    made = await shop.captured("pending")
    await gateway.advance(1)
    refund = (await shop.refund(made["id"])).json()
    before = await shop.event_types()
    await gateway.advance(1)

    assert ("PENDING", "ECHECK") == (refund["status"], refund["status_details"]["reason"])
    assert "PAYMENT.REFUND.PENDING" == before[-1]
    assert "COMPLETED" == (await shop.get(f"{REFUNDS}/{refund['id']}"))["status"]
    assert "PAYMENT.CAPTURE.REFUNDED" == (await shop.event_types())[-1]


async def test_control_settles_a_pending_refund(shop):
    """Once; the clock has nothing left to do."""
    made = await shop.captured("pending")
    await shop.control(f"refunds/{made['id']}/settle")
    refund = (await shop.refund(made["id"])).json()
    settled = await shop.control(f"refunds/{refund['id']}/settle")
    again = await shop.control(f"refunds/{refund['id']}/settle")

    assert (200, "COMPLETED", 409) == (settled.status_code, settled.json()["status"], again.status_code)


async def test_a_refund_may_fail_days_later(shop, gateway):
    """The money is the merchant's again, and the capture says so."""
    made = await shop.captured()
    refund = (await shop.refund(made["id"], "15.00")).json()
    failed = await shop.control(f"refunds/{refund['id']}/fail")
    again = await shop.control(f"refunds/{refund['id']}/fail")

    assert (200, "FAILED", 409) == (failed.status_code, failed.json()["status"], again.status_code)
    assert "COMPLETED" == await status_of(shop, made)
    assert "PAYMENT.REFUND.FAILED" == (await shop.event_types())[-1]
    assert [("failed", "unknown")] == [
        (row["status"], row["failure_reason"]) for row in (await gateway.truth())["refunds"]
    ]


async def test_a_refund_made_outside_has_no_id_of_ours(shop):
    """As from the dashboard: the event comes, nobody of ours asked."""
    made = await shop.captured()
    answer = await shop.control("external-refunds", capture=made["id"], amount=1_000)
    [event] = (await shop.get(EVENTS, event_type="PAYMENT.CAPTURE.REFUNDED"))["events"]

    assert (201, "10.00") == (answer.status_code, answer.json()["amount"]["value"])
    assert ("refund", answer.json()["id"]) == (event["resource_type"], event["resource"]["id"])
    assert "custom_id" not in event["resource"]
    [up] = [link["href"] for link in event["resource"]["links"] if link["rel"] == "up"]
    assert up.endswith(f"{CAPTURES}/{made['id']}")


@pytest.mark.parametrize(
    ("of_order", "of_refund", "expected"),
    [
        ("ord_1.pay_1", None, "ord_1.pay_1"),  # carried from the capture
        ("ord_1.pay_1", "ref_1", "ref_1"),  # the refund's own
        ('{"order_id": "ord_1"}', None, None),  # the published pattern knows no braces
    ],
)
async def test_a_refund_carries_an_id_of_the_shop(shop, of_order, of_refund, expected):
    """Its own, else the capture's where the vendor's pattern allows that."""
    made = await shop.captured(custom_id=of_order)
    refund = (await shop.refund(made["id"], body={} if of_refund is None else {"custom_id": of_refund})).json()

    assert expected == refund.get("custom_id")


@pytest.mark.parametrize("code", ["REFUND_FAILED_INSUFFICIENT_FUNDS", "PAYER_ACCOUNT_LOCKED_OR_CLOSED"])
async def test_a_mock_response_refuses_a_refund(shop, code):
    """With the issue that was asked for."""
    made = await shop.captured()
    mock = {"paypal-mock-response": json.dumps({"mock_application_codes": [code]})}

    assert (422, code) == issue(await shop.refund(made["id"], headers=mock))
    assert "COMPLETED" == await status_of(shop, made)
