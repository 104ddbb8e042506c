"""From the form to the ticket without a script, and everything that can come between."""

import pytest

from tests.stage import Stage
from tests.storefront.html import Page
from tests.storefront.visitor import NAMES, Visitor


async def come_back(stage: Stage, visitor: Visitor, checkout: dict, *, canceled: bool = False) -> str:
    """What the gateway does with the buyer: to our page with the order's token. Answers where that leads."""
    session_id = next(part for part in checkout["checkoutUrl"].split("/") if part.startswith("cs_")).split("?")[0]
    session = (await stage.emulator.get(f"/v1/checkout/sessions/{session_id}", auth=("sk_test_stage", ""))).json()
    answer = await visitor.get(session["cancel_url" if canceled else "success_url"])
    assert 303 == answer.status_code
    return answer.headers["location"]


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_customer_buys_two_passes_without_a_script(stage, language):
    """Store, cart, form, gateway, and back to a page that reloads until it holds the tickets."""
    async with Visitor(stage, language) as visitor, stage.worker():
        checkout = await visitor.buy(full_pass=2)
        waiting = await visitor.order_page()
        await stage.pay(checkout)
        path = await come_back(stage, visitor, checkout)

        async def arrived() -> Page | None:
            page = await visitor.page(path)
            return page if page.with_class("admit") else None

        page = await stage.until(arrived)
        store = await visitor.page(f"/{language}")

    assert f"/{language}/order/{checkout['orderId']}" == path
    assert checkout["checkoutUrl"] in waiting.links
    assert 2 == len(page.with_class("qr"))
    assert "0" == store.form(f"/{language}/cart").fields["q.full-pass"]


async def test_who_comes_back_before_the_gateways_word_is_asked_to_wait(stage):
    """Without a worker the event stays in the inbox: "one moment", no second payment offered."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=1)
        await stage.pay(checkout)
        page = await visitor.page(await come_back(stage, visitor, checkout))

    assert "Thank you! One moment…" in page.headings
    assert checkout["checkoutUrl"] not in page.links


async def test_who_comes_back_without_paying_finds_the_hold_running(stage):
    """The gateway's way back leads to the order, with the time left and the same open page."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=1)
        page = await visitor.page(await come_back(stage, visitor, checkout, canceled=True))
        cart = await visitor.page("/en/cart")

    assert "Your tickets are waiting for you" in page.headings
    assert checkout["checkoutUrl"] in page.links
    assert "1" == cart.form("/en/cart").fields["q.full-pass"]


async def test_a_declined_card_is_explained_and_a_good_one_in_the_same_session_pays(stage):
    """The order page says why, offers the same page again, and ends with the ticket."""
    async with Visitor(stage) as visitor, stage.worker():
        checkout = await visitor.buy(full_pass=1)
        await stage.pay(checkout, card="4000000000009995")

        async def declined() -> Page | None:
            page = await visitor.order_page()
            return page if page.with_class("why") else None

        page = await stage.until(declined)
        await stage.pay(checkout)

        async def paid() -> bool:
            return bool((await visitor.order_page()).with_class("admit"))

        assert await stage.until(paid)

    assert "not enough money" in page.text
    assert checkout["checkoutUrl"] in page.links


async def test_sending_the_form_twice_is_one_order_and_one_payment_page(stage):
    """Double click, reload and back all lead to the same open page."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        answers = [await visitor.check_out() for _ in range(3)]

    assert 1 == len({each.headers["location"] for each in answers})
    assert [(1,)] == await stage.rows("SELECT count(*) FROM orders")


async def test_what_is_missing_is_said_at_the_field_and_on_top(stage):
    """422, each message linked to its field, and what was typed is still there."""
    async with Visitor(stage, "es") as visitor:
        await visitor.choose(full_pass=1)
        answer = await visitor.check_out(name="", email="ana@")

    page = Page(answer.text)
    assert 422 == answer.status_code
    assert {"#name", "#email"} <= set(page.links)
    assert ["true", "true"] == [each["aria-invalid"] for _, each in page.tags if "aria-invalid" in each]
    assert "ana@" == page.form("/es/checkout").fields["email"]
    assert 2 == page.text.count("Dinos tu nombre, por favor.")


async def test_the_last_ticket_going_to_someone_else_is_told_plainly(stage):
    """409 with what is left, what was not charged and where to go; nothing is held."""
    async with Visitor(stage) as visitor:
        await visitor.choose(orishas_masterclass=2)
        form = (await visitor.page("/en/checkout")).form("/en/checkout").fields
        await stage.rows("UPDATE stock SET sold = capacity - 1 WHERE ticket_type = 'orishas-masterclass'")
        answer = await visitor.post("/en/checkout", **form | {"name": "Ana", "email": "ana@example.org"})

    page = Page(answer.text)
    assert 409 == answer.status_code
    assert "only 1 is left. Nothing was charged." in page.text
    assert "/en/cart" in page.links
    assert [(0,)] == await stage.rows("SELECT held FROM stock WHERE ticket_type = 'orishas-masterclass'")


async def test_a_gateway_that_does_not_answer_loses_nothing_of_the_order(stage):
    """503 with the form as it was; the same form works when the gateway is back."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        await stage.faults({"effects": {"outage": True}, "match": {"path": "/v1/checkout/sessions"}})
        down = await visitor.check_out()
        await stage.faults()
        up = await visitor.check_out()

    page = Page(down.text)
    assert 503 == down.status_code
    assert "Nothing was charged." in page.text
    assert "ana@example.org" == page.form("/en/checkout").fields["email"]
    assert 303 == up.status_code


async def test_a_cart_changed_in_another_window_is_looked_at_before_it_is_paid(stage):
    """The form of the old cart buys nothing; the new one is shown instead."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        old = (await visitor.page("/en/checkout")).form("/en/checkout").fields
        await visitor.choose(friday_social=2)
        answer = await visitor.post("/en/checkout", **old | {"name": "Ana", "email": "ana@example.org"})

    assert 409 == answer.status_code
    assert "Your cart has changed" in Page(answer.text).headings
    assert [(0,)] == await stage.rows("SELECT count(*) FROM orders")


async def test_an_order_that_was_canceled_meanwhile_makes_room_for_a_new_one(stage):
    """The same form, sent again after the end of its order, opens another."""
    async with Visitor(stage) as visitor:
        first = await visitor.buy(full_pass=1)
        await stage.rows("UPDATE orders SET status = 'canceled'")
        answer = await visitor.check_out()

    assert 303 == answer.status_code
    assert first["checkoutUrl"] != answer.headers["location"]


async def test_an_order_that_ended_can_be_started_again_with_one_button(stage):
    """The same tickets, in a new cart, at the form."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=2)
        await visitor.choose(friday_social=1)
        await stage.rows("UPDATE orders SET status = 'expired'")
        action = f"/en/order/{checkout['orderId']}/again"
        page = await visitor.order_page()
        answer = await visitor.post(page.form(action).action)
        form = await visitor.page(answer.headers["location"])

    assert "$498.00" in form.text
    assert "Friday Social" not in form.text


async def test_starting_again_twice_is_one_order_and_one_hold(stage):
    """Two clicks lead to the same cart, and a form sent twice for an ended order to the same new order."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=2)
        await stage.rows("UPDATE orders SET status = 'expired'")
        old = (await visitor.page("/en/checkout")).form("/en/checkout").fields | NAMES
        kept = visitor.client.cookies.get("cubano_cart")
        pages = []
        for _ in range(2):
            visitor.client.cookies.set("cubano_cart", kept, path="/")
            pages.append((await visitor.post("/en/checkout", **old)).headers["location"])
        carts = [(await visitor.post(f"/en/order/{checkout['orderId']}/again")).headers["set-cookie"] for _ in range(2)]

    assert pages[0] == pages[1] != checkout["checkoutUrl"]
    assert carts[0].split(";")[0] == carts[1].split(";")[0]
    assert [("awaiting_payment", 1), ("expired", 1)] == await stage.rows(
        "SELECT status, count(*) FROM orders GROUP BY 1 ORDER BY 1"
    )


async def test_nobody_else_sees_an_order(stage):
    """No cookie, a wrong token, an unknown order: one and the same page."""
    async with Visitor(stage) as buyer, Visitor(stage) as stranger:
        path = f"/en/order/{(await buyer.buy(full_pass=1))['orderId']}"
        unknown = "/en/order/ord_01jkq9xw3hzz4c1t0v5m7n8p9q"
        paths = (path, f"{path}?token=wrong", f"{path}/now", unknown, f"{unknown}?token=wrong", "/en/order/x")
        answers = [await stranger.get(each) for each in paths]

    assert {404} == {each.status_code for each in answers}
    assert 1 == len({each.text for each in answers})


async def test_the_page_asks_for_what_changed_only(stage):
    """304 while nothing happened; the new part, with its new mark, when something did."""
    async with Visitor(stage) as visitor:
        path = f"/en/order/{(await visitor.buy(full_pass=1))['orderId']}"
        mark = (await visitor.page(path)).with_class("state")[0]["data-tag"]
        same = await visitor.get(f"{path}/now", **{"If-None-Match": mark})
        await stage.rows("UPDATE orders SET status = 'processing'")
        other = await visitor.get(f"{path}/now", **{"If-None-Match": mark})

    assert 304 == same.status_code
    assert 200 == other.status_code
    assert mark != other.headers["etag"]
    assert "Your bank is taking its time" in Page(other.text).headings
