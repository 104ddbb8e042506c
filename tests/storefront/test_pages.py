"""What every page holds: nothing from elsewhere, nothing inline, one heading, and the right words in two languages."""

import re

import pytest

from service.storefront.rules import LANGUAGES
from tests.storefront.html import Page
from tests.storefront.visitor import Visitor

URL_ATTRIBUTES = ("href", "src", "action", "srcset", "poster", "data", "xlink:href", "formaction")


async def every_page(visitor: Visitor) -> dict[str, Page]:
    """One of each kind, on the way of a sale that waits for its payment."""
    language = visitor.language
    pages = {"store": await visitor.page(f"/{language}"), "empty": await visitor.page(f"/{language}/cart")}
    await visitor.choose(full_pass=2, friday_social=1)
    pages |= {"cart": await visitor.page(f"/{language}/cart"), "form": await visitor.page(f"/{language}/checkout")}
    pages["errors"] = Page((await visitor.check_out(name="", email="nobody")).text)
    await visitor.check_out()
    pages["order"] = await visitor.order_page()
    pages["lost"] = await visitor.page(f"/{language}/nowhere", status=404)
    return pages


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_page_needs_what_its_policy_forbids(stage, language):
    """No inline style or script, no handler attribute, no address of a third party, and well-formed."""
    async with Visitor(stage, language) as visitor:
        pages = await every_page(visitor)

    gateway = str(stage.emulator.base_url).rstrip("/")
    for name, page in pages.items():
        loaded = [each[a] for _, each in page.tags for a in URL_ATTRIBUTES if a in each]
        foreign = [url for url in loaded if not url.startswith(("/", "#", "mailto:", gateway))]
        assert [] == foreign, name
        assert [] == [tag for tag, each in page.tags if "style" in each or tag == "style"], name
        assert [] == [each for _, each in page.tags if any(key.startswith("on") for key in each)], name
        assert [] == [each for tag, each in page.tags if tag == "script" and not each.get("src")], name
        assert [] == page.unclosed, name


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_can_be_read_without_eyes(stage, language):
    """Language, landmarks, one first heading, a label for every field, a way past the banner, no duplicate id."""
    async with Visitor(stage, language) as visitor:
        pages = await every_page(visitor)

    for name, page in pages.items():
        landmarks = [tag for tag, _ in page.tags if tag in {"header", "nav", "main", "footer"}]
        ids = [each["id"] for _, each in page.tags if "id" in each]
        labelled = {each["for"] for tag, each in page.tags if tag == "label"}
        fields = {each.get("id", "?") for tag, each in page.tags if tag == "input" and each["type"] != "hidden"}
        assert ("html", {"lang": language}) == page.tags[0], name
        assert {"header", "nav", "main", "footer"} <= set(landmarks), name
        assert 1 == len(page.by_tag["h1"]), name
        assert "#main" in page.links, name
        assert fields == labelled, name
        assert len(ids) == len(set(ids)), name


async def test_every_page_carries_its_headers(stage):
    """The policy, and nothing of an order kept by anybody on the way."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=1)
        paths = ("/", "/en", "/es/cart", "/en/checkout", f"/en/order/{checkout['orderId']}", "/en/nowhere")
        answers = {path: await visitor.get(path) for path in paths}

    for path, answer in answers.items():
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; "), path
        assert "nosniff" == answer.headers["x-content-type-options"], path
        assert "same-origin" == answer.headers["referrer-policy"], path
        assert "camera=()" in answer.headers["permissions-policy"], path
        assert answer.headers["cache-control"] in {"no-store", "no-cache"}, path
    assert "no-store" == answers[paths[4]].headers["cache-control"]


async def test_a_form_may_lead_to_the_gateway_and_nowhere_else(stage):
    """The policy names the origin that the checkout's redirect goes to."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=1)
        policy = (await visitor.get("/en/checkout")).headers["content-security-policy"]

    allowed = re.search(r"form-action ([^;]+)", policy)[1].split()
    assert "'self'" == allowed[0]
    assert checkout["checkoutUrl"].startswith(allowed[1] + "/")
    assert 2 == len(allowed)


async def test_files_may_be_kept_for_ever_because_their_name_changes_with_them(stage):
    """Style, script and icon: hashed names, a mark to compare, and 304 for who has them."""
    async with Visitor(stage) as visitor:
        page = await visitor.page("/en")
        urls = [each.get("href") or each.get("src") for tag, each in page.tags if tag in {"link", "script"}]
        files = [url for url in urls if url.startswith("/static/")]
        answers = [await visitor.get(url) for url in files]
        again = [await visitor.get(a.request.url.path, **{"If-None-Match": a.headers["etag"]}) for a in answers]
        older = await visitor.get("/static/store.0000000000000000.css")
        unknown = await visitor.get("/static/passwd")

    assert 3 == len(files)
    assert {200} == {each.status_code for each in answers}
    assert {"public, max-age=31536000, immutable"} == {each.headers["cache-control"] for each in answers}
    assert {304} == {each.status_code for each in again}
    assert (200, "no-cache") == (older.status_code, older.headers["cache-control"])
    assert 404 == unknown.status_code


async def test_the_first_visit_goes_to_the_browsers_language_and_the_next_to_the_chosen_one(stage):
    """Each page links to itself in the other language, and a visit there is remembered."""
    async with Visitor(stage) as visitor:
        first = await visitor.get("/", **{"Accept-Language": "es-CU,es;q=0.9"})
        page = await visitor.page("/en/cart")
        second = await visitor.get("/", **{"Accept-Language": "es-CU,es;q=0.9"})

    assert (303, "/es") == (first.status_code, first.headers["location"])
    assert "/es/cart" in page.links
    assert "/en" == second.headers["location"]


async def test_the_store_says_how_many_are_left_of_everything(stage):
    """Left, few, all held, sold out: as of a time with its zone; what cannot be had has no field."""
    await stage.rows("UPDATE stock SET held = 0, sold = capacity - 7 WHERE ticket_type = 'full-pass'")
    await stage.rows("UPDATE stock SET held = 5, sold = capacity - 5 WHERE ticket_type = 'party-pass'")
    await stage.rows("UPDATE stock SET sold = capacity WHERE ticket_type = 'friday-day'")

    async with Visitor(stage) as visitor:
        page, spanish = await visitor.page("/en"), await visitor.page("/es")

    fields = page.form("/en/cart").fields
    assert "Only 7 left" in page.text
    assert "All held, some may come back" in page.text
    assert "Sold out" in page.text
    assert re.search(r"Counted at \d{1,2}:\d\d (AM|PM) M[DS]T\.", page.text)
    assert {"q.party-pass", "q.friday-day"}.isdisjoint(fields)
    assert "q.full-pass" in fields
    assert "Solo quedan 7" in spanish.text
    assert "Pase Completo" in spanish.headings


async def test_a_shop_with_nothing_to_sell_says_so(stage):
    """An empty programme is a page, not a failure."""
    await stage.rows("UPDATE ticket_types SET on_sale = false")

    async with Visitor(stage) as visitor:
        page = await visitor.page("/en")

    assert "Nothing is on sale yet" in page.text
    assert [] == page.forms
