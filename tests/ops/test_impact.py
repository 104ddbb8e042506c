"""What a trouble has cost, what stands still, and asking the gateway now."""

from datetime import timedelta

from tests.ops.conftest import codes

DECLINED = "4000000000000002"


def money(minor: int) -> list[dict]:
    return [{"minor": minor, "currency": "USD"}]


async def test_the_figures_of_a_trouble(stage, on_call):
    """Three orders: one declined and paid later, one declined and lost, one that went through at once."""
    since = stage.clock() - timedelta(seconds=1)
    later, lost, fine = [(await stage.checkout()).json() for _ in range(3)]
    async with stage.worker():
        for each in (later, lost):
            await stage.pay(each, DECLINED)
        for each in (later, fine):
            await stage.pay(each)
            await stage.order_in(each, "paid")

        async def declined():
            return (await stage.rows("SELECT count(*) FROM payments WHERE decline_category IS NOT NULL"))[0][0] == 2

        await stage.until(declined)
    await stage.rows("UPDATE orders SET status = 'canceled' WHERE id = :id", id=lost["orderId"])

    impact = (await on_call.get("impact", since=since.isoformat())).json()

    orders = {name: (each["orders"], each["amounts"]) for name, each in impact["orders"].items()}
    assert orders == {
        "opened": (3, money(3 * 49800)),
        "paid": (2, money(2 * 49800)),
        "troubled": (2, money(2 * 49800)),
        "paidLater": (1, money(49800)),
        "waiting": (0, []),
        "lost": (1, money(49800)),
    }
    (failed,) = impact["failed"]
    assert ("stripe", 2, money(2 * 49800)) == (
        failed["provider"],
        failed["figure"]["orders"],
        failed["figure"]["amounts"],
    )
    assert [0] * 4 == [each["orders"] for each in impact["moneyAtRisk"].values()]
    await _lists(on_call, since, later, lost)


async def _lists(on_call, since, later, lost):
    """The orders behind the figures, the oldest first; how many more there are is said."""
    touched = (await on_call.get("impact/orders", since=since.isoformat())).json()
    assert not touched["more"]
    assert [(later["orderNumber"], True, 49800), (lost["orderNumber"], False, 49800)] == [
        (each["orderNumber"], each["isPaid"], each["total"]["minor"]) for each in touched["orders"]
    ]
    one = (await on_call.get("impact/orders", since=since.isoformat(), limit=1)).json()
    assert ([later["orderId"]], True) == ([each["orderId"] for each in one["orders"]], one["more"])


async def test_a_time_or_a_provider_narrows_the_figures(stage, on_call):
    """Nothing of another time or provider counts; a time that is none, or too long, is refused."""
    await stage.checkout()
    since = stage.clock() - timedelta(hours=1)

    elsewhere = (await on_call.get("impact", since=since.isoformat(), provider="paypal")).json()
    earlier = (
        await on_call.get("impact", since=since.isoformat(), until=(since + timedelta(minutes=1)).isoformat())
    ).json()
    here = (await on_call.get("impact", since=since.isoformat(), provider="stripe")).json()

    assert [0, 0, 1] == [each["orders"]["opened"]["orders"] for each in (elsewhere, earlier, here)]
    assert (400, "invalid_request") == codes(await on_call.get("impact"))
    assert (400, "invalid_request") == codes(await on_call.get("impact/orders", since="yesterday"))
    assert (400, "invalid_request") == codes(await on_call.get("impact", since="yesterday"))
    assert (400, "invalid_request") == codes(
        await on_call.get("impact", since="2026-01-01T00:00:00Z", until="2026-03-01T00:00:00Z")
    )


async def test_an_order_that_stands_still_is_found_out(stage, on_call):
    """Its attempt has no answer and its money is there: it is listed with what it waits for, and asking now ends it."""
    nowhere = [{"url": "http://127.0.0.1:9/none", "secret": "whsec_x"}]
    (await stage.emulator.put("/_emulator/endpoints", json=nowhere)).raise_for_status()
    checkout = (await stage.checkout()).json()
    order = checkout["orderId"]
    await stage.pay(checkout)
    await stage.rows("UPDATE orders SET status = 'processing', updated_at = now() - interval '1 hour'")

    (stuck,) = (await on_call.get("orders/stuck")).json()["orders"]
    planned = (await on_call.post(f"orders/{order}/find-out", dryRun=True)).json()
    done = (await on_call.post(f"orders/{order}/find-out", key="k", expect=planned["planHash"])).json()
    again = (await on_call.post(f"orders/{order}/find-out", key="k", expect=planned["planHash"])).json()

    assert (order, "bank", 0) == (stuck["orderId"], stuck["waitsFor"], stuck["deadLetters"])
    assert [stuck["paymentId"]] == planned["after"]["asks"]
    assert ("processing", "paid") == (done["before"]["status"], done["after"]["status"])
    assert done == again
    assert [] == (await on_call.get("orders/stuck")).json()["orders"]
    assert [("order.find_out", order), ("order.found_out", order)] == await on_call.noted()
    assert not (await on_call.post(f"orders/{order}/find-out")).json()["changes"]
    assert 404 == (await on_call.post("orders/ord_x/find-out")).status_code


async def test_a_gateway_that_says_nothing_leaves_the_order_as_it_is(stage, on_call):
    """503, and the key is free again."""
    order = (await stage.checkout()).json()["orderId"]
    await stage.faults({"match": {"path": "/v1/*"}, "effects": {"outage": True}})

    first, second = [await on_call.post(f"orders/{order}/find-out", key="k") for _ in range(2)]

    assert [(503, "gateway_unavailable")] * 2 == [codes(first), codes(second)]


async def test_a_dead_letter_makes_its_order_a_persons(stage, on_call):
    """An order with a dead letter about it is listed as waiting for a person, however it stands."""
    checkout = (await stage.checkout()).json()
    await stage.pay(checkout)

    async def arrived():
        return await stage.rows("UPDATE payment_events SET state = 'dead', cause = 'a test' RETURNING seq")

    letters = len(await stage.until(arrived))

    found = (await on_call.get("orders/stuck", provider="stripe")).json()

    assert [(checkout["orderId"], "person")] == [(each["orderId"], each["waitsFor"]) for each in found["orders"]]
    assert letters <= found["orders"][0]["deadLetters"]
    assert (1, money(49800)) == (found["total"]["orders"], found["total"]["amounts"])
