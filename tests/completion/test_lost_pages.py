"""A page whose opening was never answered: found, closed, and never paid for twice, at both gateways."""

import asyncio

import pytest
import sqlalchemy as sa

from service.completion.flow import expire_order
from service.orders.flow import find_expired
from service.parts import build_parts
from tests.checkout.rows import broken_promises, statuses, stock
from tests.completion.trouble import OPEN, TROUBLE, error, hurry, money, strikes
from tests.recovery.both import pay
from tests.stage import Stage, buyer

KEY = "a-patient-customer"
DONE_NOTHING = {"too many requests"}  # it is certain, so there is nothing to look up
ANSWERED = {"500 after the work"}  # by the client's own second try, under the same key
KEPT = {"500 after the work, and it stays so under the key"}  # Stripe's way; PayPal keeps what was done
CASES = [  # Stripe's whole table stands in tests/checkout/test_gateway_trouble.py
    *(("paypal", name) for name in TROUBLE if name not in ANSWERED | KEPT),
    *(("stripe", name) for name in ("never answers, after the work", *KEPT)),
]


@pytest.mark.parametrize(("provider", "name"), CASES)
async def test_the_next_try_is_charged_once_and_the_lost_one_never(shop: Stage, provider, name):
    """503, seats free; the customer comes again and pays; the janitor ends what was lost."""
    await shop.faults(strikes(OPEN[provider], TROUBLE[name]))
    refused = await shop.checkout(buyer(provider=provider), key=KEY)
    lost = (await shop.rows("SELECT id FROM orders"))[0][0]
    left = await statuses(shop, lost)
    await shop.faults()

    checkout = (await shop.checkout(buyer(provider=provider), key=KEY)).raise_for_status().json()
    await hurry(shop)
    async with shop.worker():
        await pay(shop, checkout)
        await shop.order_in(checkout, "paid")
        await hurry(shop)
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))

    held, believed = await money(shop)
    assert 503 == refused.status_code
    assert ("canceled", ["canceled" if name in DONE_NOTHING else "unknown"]) == left
    assert ("canceled", ["canceled"]) == await statuses(shop, lost)
    assert [(provider, checkout["orderId"], 49800)] == held == believed
    assert (0, 2) == await stock(shop)
    assert [] == await broken_promises(shop)


async def test_a_gateway_that_fails_for_good_is_not_asked_for_ever(shop: Stage):
    """PayPal cannot be asked by our ids: once no page could be open any more the attempt is over."""
    await shop.faults(strikes(OPEN["paypal"], error(500)))
    await shop.checkout(buyer(provider="paypal"), key=KEY)
    lost = (await shop.rows("SELECT id FROM orders"))[0][0]
    await hurry(shop)

    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND leased_until IS NULL"))
        before = await statuses(shop, lost)
        await shop.rows("UPDATE payments SET created_at = created_at - interval '7 hours'")
        await hurry(shop)
        await shop.until(lambda: shop.rows("SELECT 1 FROM outbox WHERE state = 'done'"))

    assert ("canceled", ["unknown"]) == before
    assert ("canceled", ["canceled"]) == await statuses(shop, lost)
    assert ([], []) == await money(shop)


async def test_of_an_order_that_went_on_elsewhere_only_the_lost_page_is_closed(shop: Stage):
    """Stripe opened a page and never said so, PayPal took over: the order stays alive, and is paid there once."""
    await shop.faults(strikes(OPEN["stripe"], {"timeout": "after"}))
    checkout = (await shop.checkout(buyer(), key=KEY)).raise_for_status().json()
    await shop.faults()
    await hurry(shop)

    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))
        meanwhile = await statuses(shop, checkout["orderId"]), await stock(shop)
        await pay(shop, checkout)
        await shop.order_in(checkout, "paid")

    pages = (await shop.emulator.get("/_emulator/truth")).json()["payments"]
    assert "paypal" == checkout["provider"]
    assert (("awaiting_payment", ["canceled", "created"]), (2, 0)) == meanwhile
    assert ["expired"] == [each["status"] for each in pages if each["provider"] == "stripe"]
    assert [("paypal", checkout["orderId"], 49800)] == (await money(shop))[0]
    assert [] == await broken_promises(shop)


async def test_a_hold_that_runs_out_while_a_lost_page_is_closed_leaves_the_other_page_alone(shop: Stage):
    """Nobody has closed that page at its gateway yet, so the seats stay held until it is; the next asking does both."""
    await shop.faults(strikes(OPEN["stripe"], {"timeout": "after"}))
    order_id = (await shop.checkout(buyer(), key=KEY)).raise_for_status().json()["orderId"]
    await shop.faults()
    parts = build_parts(shop.settings, "work", clock=shop.clock)
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async with shop.db.transaction() as session:
        await session.execute(sa.text("SELECT 1 FROM orders FOR UPDATE"))
        closing = asyncio.create_task(expire_order(parts.shop, order_id))
        await shop.until(lambda: shop.rows(waits))
        await session.execute(sa.text("UPDATE orders SET expires_at = now() - interval '1 hour'"))
    await closing
    meanwhile = await statuses(shop, order_id), await stock(shop)
    await expire_order(parts.shop, order_id)
    await parts.close()

    assert (("awaiting_payment", ["canceled", "created"]), (2, 0)) == meanwhile
    assert ("expired", ["canceled", "canceled"]) == await statuses(shop, order_id)
    assert (0, 0) == await stock(shop)


async def test_an_order_that_was_asked_to_close_and_did_not_end_is_asked_again(shop: Stage):
    """Its message was done without ending it: after a minute it gets another chance, and not before."""
    order_id = (await shop.checkout()).raise_for_status().json()["orderId"]
    await shop.rows("UPDATE orders SET expires_at = now() - interval '1 hour'")
    done = "UPDATE outbox SET state = 'done', attempts = 1, done_at = now() - CAST(:age AS interval)"

    async def asked() -> list[str]:
        async with shop.db.transaction() as session:
            return await find_expired(session, kind="checkout.expire", limit=10)

    first, on_its_way = await asked(), await asked()
    await shop.rows(done, age="50 seconds")
    soon = await asked()
    await shop.rows(done, age="70 seconds")
    again = await asked()
    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM orders WHERE status = 'expired'"))

    assert ([order_id], [], [], [order_id]) == (first, on_its_way, soon, again)
    assert (0, 0) == await stock(shop)
