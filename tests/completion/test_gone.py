"""A provider was taken out of the settings while orders of it were open."""

from service.cli.database import _look_for_gone
from tests.recovery.both import order_from
from tests.stage import Stage

TRIED = "SELECT last_error FROM outbox WHERE kind = 'checkout.expire' AND attempts > 0 AND last_error IS NOT NULL"
GONE = "GatewayUnavailable: provider_gone: paypal has open payments and is missing in CUBANO_PROVIDERS"


async def test_its_holds_name_the_cause_and_end_when_it_is_back(shop: Stage):
    """The message says why it waits; with the provider in the settings again the seats are free."""
    checkout = await order_from(shop, "paypal")
    await shop.rows("UPDATE orders SET expires_at = now() - interval '1 second'")
    async with shop.worker(providers=("stripe",)):
        await shop.until(lambda: shop.rows(TRIED), within_s=20)
    told = await shop.rows(TRIED)
    await shop.rows("UPDATE outbox SET due_at = now() - interval '1 second'")
    async with shop.worker():
        await shop.order_in(checkout, "expired", within_s=20)

    assert [(GONE,)] == told


async def test_the_doctor_counts_them(shop: Stage):
    """Nothing to say while it is there."""
    await order_from(shop, "paypal")
    try:
        told = await _look_for_gone(shop.db, ("stripe",))
    except RuntimeError as error:
        told = str(error)

    assert "provider_gone: 1 open payments of paypal, which CUBANO_PROVIDERS does not name" == told
    assert "all open payments belong to one of them" == await _look_for_gone(shop.db, ("stripe", "paypal"))
