"""The cart: plain data in a cookie, read with suspicion, at prices that only the catalogue knows."""

from tests.storefront.html import Page
from tests.storefront.visitor import Visitor


async def test_what_was_chosen_is_in_the_cart_at_catalogue_prices(stage):
    """Numbers from the store's form, total from the catalogue, and the store remembers them."""
    async with Visitor(stage) as visitor:
        answer = await visitor.choose(full_pass=2, friday_social=1)
        cart = await visitor.page(answer.headers["location"])
        store = await visitor.page("/en")

    assert 303 == answer.status_code
    assert "$498.00" in cart.text
    assert "$523.00" in cart.text
    assert "2" == store.form("/en/cart").fields["q.full-pass"]


async def test_a_line_can_be_changed_and_removed_without_a_script(stage):
    """Each change is a form; the last line removed leaves an empty cart with a way back."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=2, friday_social=1)
        await visitor.post("/en/cart", **{"q.full-pass": "1", "q.friday-social": "1", "remove": "friday-social"})
        changed = await visitor.page("/en/cart")
        await visitor.post("/en/cart", **{"q.full-pass": "1", "remove": "full-pass"})
        empty = await visitor.page("/en/cart")

    assert {"q.full-pass": "1"} == changed.form("/en/cart").fields
    assert "Your cart is empty." in empty.text
    assert "/en" in empty.links


async def test_choosing_nothing_says_what_to_do(stage):
    """Back to the store with one sentence, not to an empty cart."""
    async with Visitor(stage) as visitor:
        answer = await visitor.choose(full_pass=0)
        page = await visitor.page(answer.headers["location"])

    assert "Choose at least one ticket first." in page.text


async def test_what_changed_while_the_cart_waited_is_said_before_the_form(stage):
    """The way to the checkout leads back to the cart, which names each line's own reason."""
    reasons = {
        "UPDATE stock SET sold = capacity WHERE ticket_type = 'full-pass'": "Sold out. Remove it to continue.",
        "UPDATE stock SET held = capacity WHERE ticket_type = 'party-pass'": "All are held by other buyers",
        "UPDATE stock SET sold = capacity - 1 WHERE ticket_type = 'friday-day'": "Only 1 is left.",
        "UPDATE ticket_types SET max_per_order = 1 WHERE id = 'sunday-day'": "At most 1 an order.",
        "UPDATE ticket_types SET price_currency = 'EUR' WHERE id = 'son-roots'": "Sold in another currency.",
    }
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=2, party_pass=2, friday_day=2, sunday_day=2, son_roots=1)
        for change in reasons:
            await stage.rows(change)
        form = await visitor.get("/en/checkout")
        cart = await visitor.page("/en/cart")

    assert (303, "/en/cart") == (form.status_code, form.headers["location"])
    assert list(reasons.values()) == [each for each in reasons.values() if each in cart.text]


async def test_what_is_no_longer_on_sale_is_taken_out_and_said(stage):
    """The rest of the cart stays; the form waits until the buyer has seen it."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=2, friday_social=1)
        await stage.rows("UPDATE ticket_types SET on_sale = false WHERE id = 'full-pass'")
        form = await visitor.get("/en/checkout")
        cart = await visitor.page("/en/cart")

    assert (303, "/en/cart") == (form.status_code, form.headers["location"])
    assert "no longer on sale. We took it out." in cart.text
    assert {"q.friday-social": "1"} == cart.form("/en/cart").fields


NOT_OURS = ["full-pass:2", "cart_x|full-pass:2", "'; DROP TABLE orders;--", "a" * 4000, '"', f"cart_{'k' * 22}|x:999"]


async def test_a_cart_cookie_that_is_not_ours_is_an_empty_cart(stage):
    """Every page that reads it still answers, and no order comes of it."""
    async with Visitor(stage) as visitor:
        for cookie in NOT_OURS:
            given = {"Cookie": f"cubano_cart={cookie}"}
            cart = await visitor.get("/en/cart", **given)
            store = await visitor.get("/en", **given)
            sent = await visitor.client.post("/en/checkout", data={"key": "x", "name": "A"}, headers=given)
            assert (200, 200, 303) == (cart.status_code, store.status_code, sent.status_code), cookie
            assert "Your cart is empty." in Page(cart.text).text, cookie

    assert [(0,)] == await stage.rows("SELECT count(*) FROM orders")


async def test_a_number_that_no_field_can_hold_is_refused_with_a_page(stage):
    """400 in plain words; the cart stays as it was."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=2)
        for field in ("q.full-pass=-1", "q.full-pass=1e9", "q.full-pass=1000000000", "q.%00=1", "q.a=%FF"):
            answer = await visitor.client.post("/en/cart", content=field, headers=form)
            assert 400 == answer.status_code, field
            assert "We did not understand that" in Page(answer.text).headings, field
        cart = await visitor.page("/en/cart")

    assert "2" == cart.form("/en/cart").fields["q.full-pass"]


async def test_another_site_cannot_send_our_forms(stage):
    """403 as a page, no cookie set, nothing done."""
    elsewhere = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
    elsewhere.append({"Origin": "http://["})  # no address at all
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        paths = ("/en/cart", "/en/checkout", "/es/order/ord_x/again")
        sent = [(path, headers) for path in paths for headers in elsewhere]
        answers = [
            await visitor.client.post(path, data={"q.friday-social": "5"}, headers=headers) for path, headers in sent
        ]

    assert {403} == {each.status_code for each in answers}
    assert {"That came from somewhere else", "Eso vino de otro sitio"} == {
        Page(each.text).headings[0] for each in answers
    }
    assert not any("cubano_cart" in each.headers.get("set-cookie", "") for each in answers)


async def test_what_we_keep_in_the_browser_is_out_of_reach_of_scripts_and_other_sites(stage):
    """HttpOnly and SameSite=Lax on every cookie; an order's token goes to its own page only."""
    async with Visitor(stage) as visitor:
        chosen = await visitor.choose(full_pass=1)
        bought = await visitor.check_out()

    cookies = [*chosen.headers.get_list("set-cookie"), *bought.headers.get_list("set-cookie")]
    tokens = [each for each in cookies if each.startswith("cubano_order=")]
    assert 5 == len(cookies)
    assert all("HttpOnly" in each and "SameSite=lax" in each for each in cookies)
    assert all(f"Path=/{language}/order/ord_" in token for language, token in zip(("en", "es"), tokens, strict=True))
