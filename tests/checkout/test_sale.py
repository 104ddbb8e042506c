"""The sale itself: from a wish to a ticket, over real wires."""


async def test_a_customer_buys_two_passes(stage):
    """Open, pay on the gateway's page, and hold two tickets."""

    async def nothing_waits():
        return not await stage.rows("SELECT 1 FROM payment_events WHERE state = 'pending'")

    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker():
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")
        await stage.until(nothing_waits)

    assert 2 == len(order["tickets"])
    assert "succeeded" == order["paymentStatus"]
    assert [("applied",), ("ignored",)] == sorted(set(await stage.rows("SELECT state FROM payment_events")))
