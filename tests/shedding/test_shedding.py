"""While load is shed, who only looks or begins to buy is told to come later; whoever is paying notices nothing."""

import pytest

from service.kernel.shedding import LATEST_S, SOONEST_S, LoadShed
from service.telemetry.labels import Shed
from tests.failover.both import put
from tests.stage import Stage, buyer
from tests.storefront.test_requests import counted, stage_settings
from tests.storefront.visitor import Visitor

__all__ = ["stage_settings"]  # a metrics port that the test knows


async def shed(stage: Stage) -> None:
    await put(stage, "load", "shed")

    async def obeyed() -> bool:
        return (await stage.client.get("/api/payment/catalog")).status_code == 503

    await stage.until(obeyed)


async def test_who_only_looks_is_sent_away_and_who_pays_goes_on(stage: Stage):
    """Pages, catalogue, beacon and new checkouts: 503, calm, each with another time; all that follows a checkout goes on."""
    async with Visitor(stage) as holder, Visitor(stage) as looker, stage.worker():
        checkout = await holder.buy(full_pass=1)
        await looker.choose(full_pass=1)
        form = (await looker.page("/en/checkout")).form("/en/checkout")
        begun = await stage.checkout(key="begun")
        await shed(stage)

        pages = [await looker.get(path) for path in ("/en/", "/en/cart", "/en/checkout")]
        sent = await looker.post(
            "/en/checkout", **(form.fields | {"name": "Luz", "email": "luz@example.org", "provider": "stripe"})
        )
        beacon = await stage.client.post("/beacon", json={"page": "store"})
        refused = await stage.checkout(buyer(customer={"email": "new@example.org", "name": "New"}))
        theirs = [await holder.get(path) for path in ("/en/", "/en/cart", f"/en/order/{checkout['orderId']}")]
        again = await stage.checkout(key="begun")
        another = await stage.checkout()  # the same person, who holds an open order
        await stage.pay(checkout)
        await stage.until(lambda: stage.rows("SELECT 1 FROM orders WHERE status = 'paid'"))
        ready = await stage.client.get("/health/ready")

    away = [*pages, beacon, refused]
    assert {503} == {each.status_code for each in (*away, sent)}
    assert all(SOONEST_S <= int(each.headers["Retry-After"]) <= LATEST_S for each in away)
    assert "Nothing was charged and nothing is lost" in pages[0].text
    assert ("So many people want to dance" in sent.text, "luz@example.org" in sent.text) == (True, True)
    assert ("load_shed", "load_shed") == (beacon.json()["code"], refused.json()["code"])
    assert [200, 200, 200] == [each.status_code for each in theirs]
    assert begun.json() == again.json()
    assert (201, 200) == (another.status_code, ready.status_code)
    found = {each.labels["what"]: each.value for each in await counted(stage, "cubano_requests_shed_total")}
    assert {Shed.PAGES: 3, Shed.BEACON: 1, Shed.CHECKOUT: 2} == {k: v for k, v in found.items() if k != Shed.CATALOG}


@pytest.mark.parametrize("cookie", ["x", "ord_01m839ehkag8bczkrreetbs5c4", "' OR 1=1"])
async def test_a_made_up_order_opens_no_page(stage: Stage, cookie):
    """Neither a text that is none nor an order there is none of."""
    await shed(stage)

    answer = await stage.client.get("/en/cart", headers={"Cookie": f'cubano_buying="{cookie}"'})

    assert 503 == answer.status_code


def test_each_is_told_another_time():
    """From the soonest to the latest second, whatever is drawn."""
    assert (SOONEST_S, LATEST_S) == (LoadShed(0.0).retry_after_s, LoadShed(0.999999).retry_after_s)
