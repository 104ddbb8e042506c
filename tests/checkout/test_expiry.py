"""A hold runs out: the gateway closes its page first, seats come free after, and who paid in the last moment has tickets."""

import asyncio

import pytest

from tests.checkout.rows import broken_promises, put_on_sale, statuses, stock
from tests.idempotency.crashes import die_after_reserving, die_before_asking, die_before_noting, sessions
from tests.stage import Stage, buyer


async def run_out(stage: Stage) -> None:
    """The ten minutes are over."""
    await stage.rows("UPDATE orders SET expires_at = now() - interval '1 second'")


async def page_states(stage: Stage) -> list[str]:
    return [each["status"] for each in await sessions(stage)]


async def test_a_hold_that_runs_out_closes_the_page_and_frees_the_seats(stage):
    """Order expired, payment canceled, page closed at the gateway; the address is no longer shown."""
    checkout = (await stage.checkout()).json()
    held = await stock(stage)
    await run_out(stage)

    async with stage.worker():
        order = await stage.order_in(checkout, "expired")

    assert ((2, 0), (0, 0)) == (held, await stock(stage))
    assert ["expired"] == await page_states(stage)
    assert ("canceled", None) == (order["paymentStatus"], order["checkoutUrl"])
    assert [] == await broken_promises(stage)


async def test_a_hold_that_has_time_left_stays(stage):
    """The timer looks, and leaves it alone."""
    checkout = (await stage.checkout()).json()

    async with stage.worker() as worker:
        await stage.until(lambda: asyncio.sleep(0.01, "expiry" in worker.turned_at))

    assert ("awaiting_payment", ["created"]) == await statuses(stage, checkout["orderId"])
    assert [] == await stage.rows("SELECT 1 FROM outbox WHERE kind = 'checkout.expire'")


async def test_while_the_gateway_cannot_say_the_seats_stay_held(stage):
    """A page that may still be paid on must not cost another customer the seat; it is asked again until it answers."""
    checkout = (await stage.checkout()).json()
    await run_out(stage)
    await stage.faults({"match": {"path": "/v1/*"}, "effects": {"outage": True}})

    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND leased_until IS NULL"))
        while_down = await statuses(stage, checkout["orderId"]), await stock(stage)
        await stage.faults()
        await stage.order_in(checkout, "expired")

    assert (("awaiting_payment", ["created"]), (2, 0)) == while_down
    assert (0, 0) == await stock(stage)


async def test_a_page_that_cannot_be_closed_keeps_its_seats(stage):
    """The gateway refuses to close it and says it is open: somebody may be paying this very moment."""
    checkout = (await stage.checkout()).json()
    await run_out(stage)
    refuses = {"match": {"path": "/v1/checkout/sessions/*/expire"}, "effects": {"error": {"status": 400}}}
    await stage.faults(refuses)

    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND leased_until IS NULL"))
        meanwhile = await statuses(stage, checkout["orderId"]), await stock(stage)
        await stage.faults()
        await stage.pay(checkout)
        await stage.order_in(checkout, "paid")

    assert (("awaiting_payment", ["created"]), (2, 0)) == meanwhile
    assert (0, 2) == await stock(stage)


async def test_paid_in_the_last_moment_is_paid_though_no_webhook_comes(stage):
    """The gateway's word about the page is taken at once: tickets, not an expired order with money gone."""
    checkout = (await stage.checkout()).json()
    await stage.faults({"match": {"event_type": "*"}, "effects": {"drop": True}})
    await stage.pay(checkout)
    await run_out(stage)

    async with stage.worker():
        order = await stage.order_in(checkout, "paid")

    assert 2 == len(order["tickets"])
    assert (0, 2) == await stock(stage)
    assert [] == await stage.rows("SELECT 1 FROM payment_events")
    assert [] == await broken_promises(stage)


async def test_a_bank_that_takes_its_time_keeps_the_seats(stage):
    """The buyer is done, the money comes days later: processing, not expired, and paid when it is there."""
    checkout = (await stage.checkout()).json()
    await stage.faults({"match": {"event_type": "*"}, "effects": {"drop": True}})
    await stage.pay(checkout, **{"async": "succeed"})
    await run_out(stage)

    async with stage.worker():
        await stage.order_in(checkout, "processing")

    assert ("processing", ["processing"]) == await statuses(stage, checkout["orderId"])
    assert (2, 0) == await stock(stage)


async def test_a_declined_card_does_not_keep_the_seats(stage):
    """Whoever tried and gave up is closed like everybody else."""
    checkout = (await stage.checkout()).json()

    async with stage.worker():
        await stage.pay(checkout, card="4000000000009995")
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'failed'"))
        await run_out(stage)
        order = await stage.order_in(checkout, "expired")

    assert ("canceled", None) == (order["paymentStatus"], order["decline"])
    assert (0, 0) == await stock(stage)


@pytest.mark.parametrize(
    ("die", "left"),
    [
        (die_after_reserving, []),  # the gateway was never asked, and is not asked now
        (die_before_asking, ["expired"]),  # asked now, to learn that there was nothing, and closed at once
        (die_before_noting, ["expired"]),  # the page that nobody knew of is found and closed
    ],
)
async def test_an_order_nobody_comes_back_to_after_a_crash_is_closed(stage, die, left):
    """Wherever `serve` died: no open page, no held seat."""
    checkout = (await stage.checkout()).json()
    await die(stage)
    await run_out(stage)

    async with stage.worker():
        await stage.order_in(checkout, "expired")

    assert left == await page_states(stage)
    assert (0, 0) == await stock(stage)
    assert [] == await broken_promises(stage)


async def test_a_page_paid_on_after_a_crash_makes_a_paid_order(stage):
    """The page was open and nobody here knew: the money is found when the hold runs out."""
    checkout = (await stage.checkout()).json()
    await die_before_noting(stage)
    await stage.faults({"match": {"event_type": "*"}, "effects": {"drop": True}})
    await stage.pay(checkout)
    await run_out(stage)

    async with stage.worker():
        await stage.order_in(checkout, "paid")

    assert (0, 2) == await stock(stage)


async def test_seats_that_came_free_are_sold_again(stage):
    """The last seat: held, run out, and bought by the next."""
    await put_on_sale(stage, "rare", capacity=1)
    wish = buyer(items=[{"ticketType": "rare", "quantity": 1}])
    first = (await stage.checkout(wish)).json()
    refused = await stage.checkout(wish)
    await run_out(stage)

    async with stage.worker():
        await stage.order_in(first, "expired")
        second = (await stage.checkout(wish)).raise_for_status().json()
        await stage.pay(second)
        await stage.order_in(second, "paid")

    assert (409, 1) == (refused.status_code, refused.json()["returning"])
    assert (0, 1) == await stock(stage, "rare")


async def test_two_workers_close_an_order_once(stage):
    """Claimed, never assigned: its seats are given back one time."""
    checkouts = [(await stage.checkout()).json() for _ in range(4)]
    await run_out(stage)

    async with stage.worker(), stage.worker():
        for each in checkouts:
            await stage.order_in(each, "expired")

    assert (0, 0) == await stock(stage)
    assert [(4,)] == await stage.rows("SELECT count(*) FROM order_history WHERE event = 'expire'")
