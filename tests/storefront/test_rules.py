"""What the pages decide by themselves: language, cart cookie, keys, where a form may come from."""

import pytest

from service.storefront.rules import (
    Cart,
    Stock,
    choose,
    following,
    from_our_pages,
    order_key,
    preferred_language,
    problem_of,
    read_cart,
    stock_of,
)

KEY = "cart_" + "k" * 22
OURS = "https://tickets.example"


@pytest.mark.parametrize(
    ("accepted", "earlier", "expected"),
    [
        ("", None, "en"),  # a browser that says nothing
        ("es-CU,es;q=0.9,en;q=0.8", None, "es"),
        ("de-DE,de;q=0.9,es;q=0.3,en;q=0.2", None, "es"),  # the better of those we have
        ("fr", None, "en"),
        ("es;q=0", None, "en"),  # "anything but Spanish"
        ("en;q=0.5, es;q=0.51", None, "es"),
        ("es", "en", "en"),  # chosen before beats the header
        ("es", "xx", "es"),  # a cookie of somebody else
        (";;;,q=9,es;q=nan" * 50, None, "en"),  # nonsense
    ],
)
def test_the_language_is_the_one_chosen_before_or_the_best_the_browser_names(accepted, earlier, expected):
    """RFC 9110 weights; what cannot be read weighs nothing."""
    assert expected == preferred_language(accepted, earlier)


def test_a_cart_comes_back_from_its_cookie_as_it_was():
    """Plain text without quotes, spaces or prices."""
    cart = Cart(KEY, {"full-pass": 2, "friday-social": 1})

    cookie = cart.to_cookie()

    assert f"{KEY}|full-pass:2|friday-social:1" == cookie
    assert cart == read_cart(cookie)


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "full-pass:2",  # no key
        f"{KEY}x|full-pass:2",  # a key of another length
        f"{KEY}|full-pass",
        f"{KEY}|full-pass:0",
        f"{KEY}|full-pass:-1",
        f"{KEY}|full-pass:100",
        f"{KEY}|full-pass:٢",  # a digit, but not an ASCII one
        f"{KEY}|full-pass:2|full-pass:3",  # twice
        f"{KEY}|../etc:1",
        f"{KEY}|<script>:1",
        f"{KEY}|full-pass:2:1",
        "|".join([KEY, *(f"t-{number}:1" for number in range(21))]),  # longer than the programme
    ],
)
def test_a_cart_that_was_tampered_with_is_no_cart(cookie):
    """Nothing of it is kept: not the good lines either."""
    assert read_cart(cookie) is None


def test_the_cart_after_an_ended_order_has_one_key_that_cookies_may_hold():
    """The same for the same cart and order, another for any other."""
    keys = [following(KEY, "ord_1"), following(KEY, "ord_2"), following(KEY[:-1] + "x", "ord_1")]

    assert following(KEY, "ord_1") == keys[0]
    assert len(keys) == len(set(keys))
    assert all(read_cart(key) == Cart(key) for key in keys)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([("q.full-pass", "2"), ("q.friday-day", "0"), ("q.son-roots", "")], {"full-pass": 2}),
        ([("q.full-pass", "2"), ("q.friday-day", "1"), ("remove", "full-pass")], {"friday-day": 1}),
        ([("other", "1")], {}),
        ([("q.full-pass", "-1")], None),
        ([("q.full-pass", "1000000000")], None),
        ([("q.full-pass", "1.5")], None),
        ([("q.Full Pass", "1")], None),
        ([(f"q.t-{number}", "1") for number in range(21)], None),
    ],
)
def test_a_form_is_read_whole_or_not_at_all(form, expected):
    """None is "not one of our forms"."""
    assert expected == choose(form)


def test_a_corrected_address_is_another_order_and_a_second_click_is_not():
    """The key of an order is made from the cart and what was typed."""
    cart = Cart(KEY, {"full-pass": 2})
    first = order_key(cart, name="Ana", email="ana@example.org", language="en", secret="s")

    again = order_key(cart, name="Ana", email="ana@example.org", language="en", secret="s")
    corrected = order_key(cart, name="Ana", email="anna@example.org", language="en", secret="s")

    assert first == again
    assert first != corrected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),  # typed or reloaded by the person
        ({"sec-fetch-site": "same-site"}, False),  # a sister domain is not us
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": OURS}, False),
        ({"origin": OURS}, True),  # an older browser
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),  # a sandboxed frame
        ({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}, True),  # behind no proxy
        ({"origin": "https://evil.example", "host": "evil.example.tickets.example"}, False),
        ({}, True),  # no browser: no cookies to abuse
    ],
)
def test_a_form_is_taken_from_our_own_pages_only(headers, expected):
    """Sec-Fetch-Site decides where there is one, Origin where there is not."""
    assert expected == from_our_pages(headers, own_origin=OURS)


@pytest.mark.parametrize(
    ("capacity", "held", "sold", "expected"),
    [
        (100, 0, 0, Stock("open", 100, 8)),
        (100, 2, 88, Stock("low", 10, 8)),
        (100, 2, 95, Stock("low", 3, 3)),  # never offers more than there are
        (100, 5, 95, Stock("held_out", 0, 0)),
        (100, 0, 100, Stock("sold_out", 0, 0)),
        (90, 0, 100, Stock("sold_out", 0, 0)),  # the room became smaller
    ],
)
def test_how_many_are_left_is_said_in_one_of_four_ways(capacity, held, sold, expected):
    """Held tickets may come back, sold ones do not."""
    assert expected == stock_of(capacity=capacity, held=held, sold=sold, max_per_order=8)


@pytest.mark.parametrize(
    ("quantity", "stock", "expected"),
    [
        (2, Stock("open", 50, 8), None),
        (9, Stock("open", 50, 8), "max"),
        (3, Stock("low", 2, 2), "few"),
        (1, Stock("held_out", 0, 0), "held_out"),
        (1, Stock("sold_out", 0, 0), "sold_out"),
    ],
)
def test_a_line_that_cannot_be_ordered_says_why(quantity, stock, expected):
    """One reason, the one to act on."""
    assert expected == problem_of(quantity, stock, max_per_order=8)
