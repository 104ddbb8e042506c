"""A dispute holds the money, is answered, and ends; what it took back the capture tells."""

from datetime import UTC, datetime

import pytest

from tests.emulator.paypal.shop import CAPTURES, EVENTS, REFUNDS, issue

DISPUTES = "/paypal/v1/customer/disputes"


async def codes(shop):
    """Codes and amounts of what moved."""
    now = (await shop.http.get("/_emulator/clock")).json()["now"]
    query = {"start_date": _stamp(now - 86_400), "end_date": _stamp(now + 60)}
    listed = await shop.get("/paypal/v1/reporting/transactions", **query)
    rows = [row["transaction_info"] for row in listed["transaction_details"]]
    return [(row["transaction_event_code"], row["transaction_amount"]["value"]) for row in rows]


def _stamp(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def test_a_dispute_is_opened(shop, gateway):
    """It names the capture, its order's ids, and until when to answer."""
    made = await shop.captured(custom_id="ord_1.pay_1")
    opened = await shop.control("disputes", capture=made["id"], reason="product_not_received")
    dispute = await shop.get(f"{DISPUTES}/{opened.json()['id']}")

    [transaction] = dispute["disputed_transactions"]
    assert (made["id"], "ord_1.pay_1") == (transaction["seller_transaction_id"], transaction["custom"])
    assert ("CHARGEBACK", "WAITING_FOR_SELLER_RESPONSE", "415.00") == (
        dispute["dispute_life_cycle_stage"],
        dispute["status"],
        dispute["dispute_amount"]["value"],
    )
    assert "MERCHANDISE_OR_SERVICE_NOT_RECEIVED" == dispute["reason"]
    assert "CUSTOMER.DISPUTE.CREATED" == (await shop.event_types())[-1]
    assert [(made["id"], 41_500)] == [(row["payment"], row["amount"]) for row in (await gateway.truth())["disputes"]]


async def test_a_dispute_that_is_won_gives_the_money_back(shop):
    """Held, answered, let go."""
    made = await shop.captured()
    dispute = (await shop.control("disputes", capture=made["id"], amount=10_000)).json()["id"]
    submitted = await shop.control(f"disputes/{dispute}/submit")
    closed = await shop.control(f"disputes/{dispute}/close", outcome="won")

    assert ["UNDER_REVIEW", "RESOLVED"] == [submitted.json()["status"], closed.json()["status"]]
    assert [("T0006", "415.00"), ("T1110", "-100.00"), ("T1111", "100.00")] == await codes(shop)
    assert "COMPLETED" == (await shop.get(f"{CAPTURES}/{made['id']}"))["status"]


async def test_a_dispute_that_is_lost_takes_it(shop, gateway):
    """An event of its own says that the capture was reversed; no refund of ours is behind it."""
    made = await shop.captured()
    dispute = (await shop.control("disputes", capture=made["id"])).json()["id"]
    closed = await shop.control(f"disputes/{dispute}/close", outcome="lost")
    again = await shop.control(f"disputes/{dispute}/close", outcome="won")

    assert "RESOLVED_BUYER_FAVOUR" == closed.json()["dispute_outcome"]["outcome_code"]
    assert 409 == again.status_code
    assert ["CUSTOMER.DISPUTE.RESOLVED", "PAYMENT.CAPTURE.REVERSED"] == (await shop.event_types())[-2:]
    assert ("T1106", "-415.00") == (await codes(shop))[-1]
    assert "REFUNDED" == (await shop.get(f"{CAPTURES}/{made['id']}"))["status"]
    assert [(41_500, 0)] == [(row["charged"], row["refunded"]) for row in (await gateway.truth())["payments"]]


async def test_an_inquiry_only_asks(shop):
    """It holds nothing and allows a whole refund; escalated, it is a case like any other."""
    made = await shop.captured()
    dispute = (await shop.control("disputes", order=_order_of(made), inquiry=True)).json()["id"]
    before = await codes(shop)
    partial = await shop.refund(made["id"], "1.00")
    escalated = await shop.control(f"disputes/{dispute}/escalate")

    assert [("T0006", "415.00")] == before
    assert (422, "TRANSACTION_DISPUTED") == issue(partial)
    assert "CHARGEBACK" == escalated.json()["dispute_life_cycle_stage"]
    assert (422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK") == issue(await shop.refund(made["id"]))


def _order_of(capture):
    return capture["links"][2]["href"].rpartition("/")[2]


async def test_an_inquiry_allows_a_whole_refund(shop):
    """The quickest way to end one."""
    made = await shop.captured()
    await shop.control("disputes", capture=made["id"], inquiry=True)

    assert 201 == (await shop.refund(made["id"])).status_code


@pytest.mark.parametrize("body", [{"amount": 41_501}, {"reason": "bad_mood"}, {"amount": 0}])
async def test_nonsense_is_refused(shop, body):
    """409, and no dispute."""
    made = await shop.captured()

    assert 409 == (await shop.control("disputes", capture=made["id"], **body)).status_code
    assert "items" not in await shop.get(DISPUTES)


async def test_disputes_are_listed(shop):
    """Newest first, by transaction when asked."""
    first, second = await shop.captured(), await shop.captured()
    ids = [(await shop.control("disputes", capture=made["id"])).json()["id"] for made in (first, second)]
    of_first = await shop.get(DISPUTES, disputed_transaction_id=first["id"])

    assert ids[::-1] == [dispute["dispute_id"] for dispute in (await shop.get(DISPUTES))["items"]]
    assert [ids[0]] == [dispute["dispute_id"] for dispute in of_first["items"]]
    assert 404 == (await shop.ask("GET", f"{DISPUTES}/PP-D-0")).status_code
    assert [] == (await shop.get(EVENTS, event_type="CUSTOMER.DISPUTE.RESOLVED"))["events"]
    assert 404 == (await shop.ask("GET", f"{REFUNDS}/{ids[0]}")).status_code
