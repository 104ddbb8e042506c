"""A browser tells how long our pages took, if it runs scripts at all."""

import pytest

from tests.webhooks.delivery import counted

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

MEASURES = ("ttfb", "dom_ready", "load")


async def test_a_page_tells_how_long_it_took(visit, system):
    """One view of the cart: each of its moments once, and no error. Without a script nobody tells anything."""
    url = system.running.found["metrics"]["serve"].removesuffix("/metrics")
    before = await counted(url, "cubano_page_seconds_count")
    mute, customer = await visit(script=False), await visit()
    await mute.open("/en/cart")
    await customer.open("/en/cart")

    async def told() -> list[float]:
        found = await counted(url, "cubano_page_seconds_count")
        return [found[each, "cart"] - before[each, "cart"] for each in MEASURES]

    for _ in range(100):
        if all(await told()):
            break
        await customer.page.wait_for_timeout(50)

    errors = await counted(url, "cubano_page_errors_total")
    assert [1, 1, 1] == await told()
    assert 0 == errors["cart",]
