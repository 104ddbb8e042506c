"""A page whose opening was never answered: found, closed, and never paid for twice, at both gateways."""

import pytest

from tests.checkout.rows import broken_promises, statuses, stock
from tests.completion.trouble import OPEN, TROUBLE, error, hurry, money, strikes
from tests.recovery.both import PROVIDERS, pay
from tests.stage import Stage, buyer

KEY = "a-patient-customer"
DONE_NOTHING = {"too many requests"}  # it is certain, so there is nothing to look up


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("name", "effects"), TROUBLE.items(), ids=TROUBLE)
async def test_the_next_try_is_charged_once_and_the_lost_one_never(shop: Stage, provider, name, effects):
    """503, seats free; the customer comes again and pays; the janitor ends what was lost."""
    await shop.faults(strikes(OPEN[provider], effects))
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


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_failure_that_is_kept_is_not_asked_for_ever(shop: Stage, provider):
    """Nothing was opened and the key says 500 for good: once no page could be open the attempt is over."""
    await shop.faults(strikes(OPEN[provider], error(500, keep=True)))
    await shop.checkout(buyer(provider=provider), key=KEY)
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


async def test_after_its_key_is_forgotten_a_page_is_looked_up_and_not_opened_anew(shop: Stage):
    """The same request would be a new one by then; by our ids the page is found and closed."""
    await shop.faults(strikes(OPEN["stripe"], {"timeout": "after"}))
    await shop.checkout(buyer(provider="stripe"), key=KEY)
    lost = (await shop.rows("SELECT id FROM orders"))[0][0]
    await shop.faults(strikes(OPEN["stripe"], error(500)))  # who would send it again learns nothing
    await hurry(shop)

    async with shop.worker():
        await shop.until(lambda: shop.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))

    pages = (await shop.emulator.get("/_emulator/truth")).json()["payments"]
    assert ["expired"] == [each["status"] for each in pages]
    assert ("canceled", ["canceled"]) == await statuses(shop, lost)
