"""A ticket bought by PayPal, over every wire there is: the API, PayPal's page, its webhooks, the worker, the capture."""

from tests.stage import Stage, buyer


async def test_an_approved_order_is_captured_and_paid(stage: Stage):
    """The buyer approves, the webhook verifies, the worker captures: the order is paid, and PayPal charged it once."""
    async with stage.worker():
        checkout = (await stage.checkout(buyer(provider="paypal"))).json()
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")

    truth = (await stage.emulator.get("/_emulator/truth")).json()
    [sold] = truth["payments"]
    assert ("paypal", checkout["total"]["minor"], checkout["orderId"]) == (
        sold["provider"],
        sold["charged"],
        sold["metadata"]["order_id"],
    )
    assert "succeeded" == order["paymentStatus"]
    told = await stage.rows("SELECT state FROM payment_events WHERE type = 'CHECKOUT.ORDER.APPROVED'")
    assert [("applied",)] == told
