"""The buyer has approved and the money moves by our own act: once, whatever the line does."""

import pytest

from service.completion.flow import capture, find_out
from service.parts import build_parts
from service.payments.flow import of_order
from tests.checkout.rows import broken_promises, statuses, stock
from tests.completion.trouble import CAPTURE, TROUBLE, error, hurry, money, strikes, tried
from tests.recovery.both import DROPPED, order_from, pay
from tests.stage import Stage

DONE_NOTHING = {"too many requests"}
DAY_S = 86_400


async def approved(shop: Stage, way: str = "approve", **more: str) -> dict:
    checkout = await order_from(shop, "paypal")
    await pay(shop, checkout, way, **more)
    return checkout


async def find(shop: Stage, checkout: dict) -> None:
    """Ask PayPal about the order, as the sweep of still orders does."""
    parts = build_parts(shop.settings, "work", clock=shop.clock)
    async with parts.db.transaction() as session:
        payment = (await of_order(session, checkout["orderId"]))[-1]
    try:
        await find_out(parts.shop, payment)
    finally:
        await parts.close()


async def tried_or_paid(shop: Stage) -> list:
    return await tried(shop, "capture.take") or await shop.rows("SELECT 1 FROM orders WHERE status = 'paid'")


@pytest.mark.parametrize(("name", "effects"), TROUBLE.items(), ids=TROUBLE)
async def test_a_capture_without_an_answer_is_repeated_and_charged_once(shop: Stage, name, effects):
    """Unknown, the seats held, until the same capture under the same key has its answer."""
    await shop.faults(strikes(CAPTURE, effects))
    checkout = await approved(shop)

    async with shop.worker():
        await shop.until(lambda: tried_or_paid(shop))
        meanwhile = await statuses(shop, checkout["orderId"]), await stock(shop)
        await shop.faults()
        await hurry(shop)
        if "stays so" in name:
            await find(shop, checkout)
        await shop.order_in(checkout, "paid")

    held, believed = await money(shop)
    state = "processing" if name in DONE_NOTHING else "unknown"
    # Made before the line broke: its webhook may be faster than our time-out, and the client's own second try has an answer.
    assert meanwhile in [(("processing", [state]), (2, 0)), (("paid", ["succeeded"]), (0, 2))]
    assert [("paypal", checkout["orderId"], 49800)] == held == believed
    assert [(1,)] == await shop.rows("SELECT captures FROM payments")
    assert [] == await broken_promises(shop)


async def test_the_work_of_a_lost_capture_is_not_done_twice_without_webhooks(shop: Stage):
    """Made, and nobody told us: the repetition under its key has the same capture."""
    await shop.faults(DROPPED, strikes(CAPTURE, {"timeout": "after"}))
    checkout = await approved(shop)
    await find(shop, checkout)

    async with shop.worker():
        await shop.until(lambda: tried(shop, "capture.take"))
        before = await statuses(shop, checkout["orderId"])
        await shop.faults(DROPPED)
        await hurry(shop)
        await shop.order_in(checkout, "paid")

    held, believed = await money(shop)
    assert ("processing", ["unknown"]) == before
    assert [("paypal", checkout["orderId"], 49800)] == held == believed


async def test_after_its_key_is_forgotten_a_capture_is_looked_up_first(shop: Stage):
    """It was made 46 days ago; asking for it again would be another capture."""
    await shop.faults(DROPPED, strikes(CAPTURE, {"timeout": "after"}))
    checkout = await approved(shop)
    await find(shop, checkout)
    async with shop.worker() as worker:
        await shop.until(lambda: tried(shop, "capture.take"))
        worker.stop.set()
    await shop.faults(DROPPED, strikes(CAPTURE, error(422)))  # would be asked in vain
    await shop.rows("UPDATE payments SET created_at = created_at - interval '46 days'")
    await hurry(shop)

    async with shop.worker():
        await shop.order_in(checkout, "paid")

    held, believed = await money(shop)
    assert [("paypal", checkout["orderId"], 49800)] == held == believed


async def test_a_declined_capture_lets_the_buyer_approve_anew(shop: Stage):
    """The order awaits its payment again, in the same page; the second capture has a key of its own."""
    checkout = await approved(shop, "decline")

    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'failed'"))
        declined = await shop.order_in(checkout, "awaiting_payment")
        held = await stock(shop)
        await pay(shop, checkout)
        await shop.order_in(checkout, "paid")

    assert (2, 0) == held
    assert declined["decline"]
    assert [(2, "succeeded")] == await shop.rows("SELECT captures, status FROM payments")
    assert [("paypal", checkout["orderId"], 49800)] == (await money(shop))[0]
    assert [] == await broken_promises(shop)


async def test_a_decline_after_the_hold_frees_the_seats(shop: Stage):
    """Nobody holds seats for somebody who cannot pay."""
    await shop.faults(strikes(CAPTURE, {"outage": True}))
    checkout = await approved(shop, "decline")

    async with shop.worker():
        await shop.until(lambda: tried(shop, "capture.take"))
        await shop.rows("UPDATE orders SET expires_at = now() - interval '1 second'")
        await shop.faults()
        await hurry(shop)
        await shop.order_in(checkout, "canceled")

    assert (0, 0) == await stock(shop)
    assert ([], []) == await money(shop)
    assert [] == await broken_promises(shop)


async def test_an_approval_after_the_hold_costs_nobody_anything(shop: Stage):
    """The order is over, so it is not captured."""
    checkout = await order_from(shop, "paypal")
    await shop.rows("UPDATE orders SET expires_at = now() - interval '1 second'")

    async with shop.worker():
        await shop.order_in(checkout, "expired")
        await pay(shop, checkout)
        await shop.until(lambda: shop.rows("SELECT 1 FROM payment_events WHERE state = 'applied'"))

    assert ("expired", ["canceled"]) == await statuses(shop, checkout["orderId"])
    assert ([], []) == await money(shop)
    assert [] == await shop.rows("SELECT 1 FROM outbox WHERE kind = 'capture.take'")


async def test_a_refused_capture_is_told_like_a_decline(shop: Stage):
    """A definite no, and the object itself says that nothing was taken: the order awaits its payment again."""
    await shop.faults(strikes(CAPTURE, error(422)))
    checkout = await approved(shop)

    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'failed'"))

    assert ("awaiting_payment", ["failed"]) == await statuses(shop, checkout["orderId"])
    assert ([], []) == await money(shop)


async def test_a_capture_nobody_waits_for_is_not_made(shop: Stage):
    """The order has ended, or another capture is the one it waits for."""
    checkout = await approved(shop)
    payment_id = (await shop.rows("SELECT id FROM payments"))[0][0]
    parts = build_parts(shop.settings, "work", clock=shop.clock)

    await capture(parts.shop, checkout["orderId"], payment_id, number=1)
    await capture(parts.shop, "ord_nobody", payment_id, number=1)

    await parts.close()
    assert ([], []) == await money(shop)


@pytest.mark.parametrize(("decides", "end"), [("succeed", "paid"), ("fail", "canceled")])
async def test_a_bank_that_takes_days_is_asked_when_no_event_tells(shop: Stage, decides, end):
    """Pending after the capture: the seats stay held until the bank has decided."""
    await shop.faults(DROPPED)
    checkout = await approved(shop, "pending", **{"async": decides})
    await find(shop, checkout)
    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM outbox WHERE kind = 'capture.take' AND state = 'done'"))
    waiting = await statuses(shop, checkout["orderId"]), await stock(shop)
    (await shop.emulator.post("/_emulator/clock", json={"advance": 8 * DAY_S})).raise_for_status()

    await find(shop, checkout)

    assert (("processing", ["processing"]), (2, 0)) == waiting
    assert end == (await shop.order(checkout))["status"]
    assert [] == await broken_promises(shop)


async def test_two_workers_with_one_capture_take_the_money_once(shop: Stage):
    """Side by side under one key: one waits for the other, or has its answer."""
    await shop.faults(strikes(CAPTURE, {"latency_ms": 300}))
    checkout = await approved(shop)

    async with shop.worker(), shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM outbox WHERE kind = 'capture.take' AND attempts > 0"))
        await find(shop, checkout)
        await shop.order_in(checkout, "paid")

    held, believed = await money(shop)
    assert [("paypal", checkout["orderId"], 49800)] == held == believed


async def test_an_approval_that_paypal_has_forgotten_frees_the_seats(shop: Stage):
    """Its capture had no answer and was not made; six hours later there is nothing to capture any more."""
    await shop.faults(DROPPED, strikes(CAPTURE, {"timeout": "before"}))
    checkout = await approved(shop)
    await find(shop, checkout)
    async with shop.worker() as worker:
        await shop.until(lambda: tried(shop, "capture.take"))
        worker.stop.set()
    before = await statuses(shop, checkout["orderId"])
    (await shop.emulator.post("/_emulator/clock", json={"advance": DAY_S})).raise_for_status()

    await find(shop, checkout)

    assert ("processing", ["unknown"]) == before
    assert ("canceled", ["canceled"]) == await statuses(shop, checkout["orderId"])
    assert (0, 0) == await stock(shop)
    assert [] == await broken_promises(shop)


@pytest.mark.parametrize("way", ["decline", "vanish"])
async def test_after_a_decline_no_look_at_the_order_takes_the_money(shop: Stage, way):
    """PayPal's order still says "approved", for the way to pay that was declined: that is no new approval."""
    checkout = await approved(shop, way, **{"async": "fail"})
    async with shop.worker() as worker:
        await shop.until(lambda: shop.rows("SELECT 1 FROM outbox WHERE kind = 'capture.take' AND state = 'done'"))
        (await shop.emulator.post("/_emulator/clock", json={"advance": 60})).raise_for_status()
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'failed'"))
        worker.stop.set()

    for _ in range(2):
        await find(shop, checkout)

    assert ("awaiting_payment", ["failed"]) == await statuses(shop, checkout["orderId"])
    assert [(1,)] == await shop.rows("SELECT captures FROM payments")
    assert [(1,)] == await shop.rows("SELECT count(*) FROM outbox WHERE kind = 'capture.take'")
