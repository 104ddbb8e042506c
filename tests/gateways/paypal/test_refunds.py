"""Money that goes back: once for each key, found again by our own words."""

import pytest

from service.gateways.facts import RefundIntent
from service.kernel.errors import GatewayRejected
from service.kernel.money import Money
from tests.gateways.paypal.conftest import ORDER_ID, PAYMENT_ID, Desk

REFUND_ID = "rfd_01k9v5zj3m0000000000000000"


def wanted(payment_ref: str, minor: int, refund_id: str = REFUND_ID) -> RefundIntent:
    return RefundIntent(
        refund_id=refund_id,
        payment_id=PAYMENT_ID,
        order_id=ORDER_ID,
        order_number="ALC-0001-TEST",
        payment_ref=payment_ref,
        amount=Money(minor, "USD"),
        reason="requested_by_customer",
    )


async def test_a_part_goes_back_once_for_each_key(desk: Desk):
    """A repetition under the same key is the same refund, and names the payment and our row."""
    bought = await desk.buy()
    request = desk.gateway.refund_request(wanted(bought.payment_ref, 5_000))

    made = await desk.gateway.refund(request, key=REFUND_ID)
    again = await desk.gateway.refund(request, key=REFUND_ID)

    assert made == again
    assert ("succeeded", Money(5_000, "USD"), bought.payment_ref, REFUND_ID) == (
        made.status,
        made.amount,
        made.payment_ref,
        made.refund_id,
    )
    assert [5_000] == [each["refunded"] for each in await desk.sold()]


async def test_a_refund_is_found_by_our_words(desk: Desk):
    """Two parts of one payment and one made in the dashboard: each of ours is found, one that never was is None."""
    bought = await desk.buy()
    requests = [desk.gateway.refund_request(wanted(bought.payment_ref, 1_000, f"rfd_{n}")) for n in range(3)]
    made = [await desk.gateway.refund(each, key=f"key-{n}") for n, each in enumerate(requests[:2])]
    await desk.post("/external-refunds", order=bought.ref, amount=700)

    found = [await desk.gateway.find_refund(each) for each in requests]

    assert [*made, None] == found


async def test_a_refund_that_came_back_says_why(desk: Desk):
    """Found again after it failed, it is failed, with a reason."""
    bought = await desk.buy()
    request = desk.gateway.refund_request(wanted(bought.payment_ref, 5_000))
    made = await desk.gateway.refund(request, key=REFUND_ID)
    await desk.post(f"/refunds/{made.ref}/fail")

    found = await desk.gateway.find_refund(request)

    assert ("failed", "FAILED") == (found.status, found.failure_reason)


async def test_more_than_is_left_is_a_definite_no(desk: Desk):
    """Nothing goes back of what was never paid."""
    bought = await desk.buy()

    with pytest.raises(GatewayRejected) as caught:
        await desk.gateway.refund(desk.gateway.refund_request(wanted(bought.payment_ref, 25_001)), key=REFUND_ID)

    assert "REFUND_AMOUNT_EXCEEDED" == caught.value.code
