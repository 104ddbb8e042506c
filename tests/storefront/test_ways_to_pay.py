"""The customer chooses between what works, is told honestly what does not, and may leave a page that is closed with a good feeling."""

import pytest

from tests.failover.both import DARK, STRIPE, faults, opened_at, put, settings_of, until_goes_to
from tests.stage import Stage, buyer
from tests.storefront.html import Page
from tests.storefront.visitor import Visitor


@pytest.fixture
def stage_settings(emulator_url):
    return settings_of(emulator_url, gateway_timeout_s="1")


def ways(page: Page) -> dict[str, bool]:
    """What can be chosen, and what is."""
    radios = [each for tag, each in page.tags if tag == "input" and each.get("type") == "radio"]
    return {each["value"]: "checked" in each for each in radios}


@pytest.mark.parametrize(("language", "words"), [("en", ("Card", "PayPal")), ("es", ("Tarjeta", "PayPal"))])
async def test_where_both_work_the_customer_chooses(stage: Stage, language, words):
    """Radios that work without a script, the first choice preselected, each with its label."""
    async with Visitor(stage, language) as visitor:
        await visitor.choose(full_pass=1)
        page = await visitor.page(f"/{language}/checkout")

    assert {"stripe": True, "paypal": False} == ways(page)
    assert all(word in page.text for word in words)
    labels = {each["for"] for tag, each in page.tags if tag == "label"}
    assert {"pay-stripe", "pay-paypal"} <= labels


@pytest.mark.parametrize(("chosen", "place"), [("stripe", "/pay/"), ("paypal", "/paypal/checkoutnow")])
async def test_the_choice_is_kept(stage: Stage, chosen, place):
    """The form leads to the page of whom was chosen, which the page's policy allows."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        answer = await visitor.check_out(provider=chosen)

    assert (303, True) == (answer.status_code, place in answer.headers["location"])
    allowed = answer.headers["content-security-policy"].split("form-action ")[1].split(";")[0].split()
    assert any(answer.headers["location"].startswith(origin) for origin in allowed)


async def test_who_changes_their_mind_has_a_new_order_and_not_an_error(stage: Stage):
    """Back from one provider's page, to the other's."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        answers = [await visitor.check_out(provider=each) for each in ("stripe", "paypal", "stripe")]

    assert [303, 303, 303] == [each.status_code for each in answers]
    assert answers[0].headers["location"] == answers[2].headers["location"]


async def test_where_one_is_away_only_the_other_is_shown(stage: Stage):
    """No choice, a short honest note, and a form that works."""
    await put(stage, "breaker.stripe", "open")
    await until_goes_to(stage, "paypal")
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        page = await visitor.page("/en/checkout")
        answer = await visitor.check_out()

    assert {} == ways(page)
    assert "You pay with PayPal." in page.text
    assert "Payment by card does not answer at the moment" in page.text
    assert "/paypal/checkoutnow" in answer.headers["location"]


async def test_one_that_just_stopped_answering_is_told_with_the_other_preselected(stage: Stage):
    """503, what was typed is still there, and the same form sent again works."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        async with faults(stage, STRIPE, effects=DARK):
            down = await visitor.check_out()
            page = Page(down.text)
            again = await visitor.post("/en/checkout", **page.form("/en/checkout").fields)

    assert 503 == down.status_code
    assert "Nothing was charged." in page.text
    assert {"stripe": False, "paypal": True} == ways(page)
    assert "/paypal/checkoutnow" in again.headers["location"]


async def test_one_that_went_away_while_the_form_was_open_is_told(stage: Stage):
    """The choice of the old page is answered with what can be chosen now."""
    async with Visitor(stage) as visitor:
        await visitor.choose(full_pass=1)
        form = (await visitor.page("/en/checkout")).form("/en/checkout").fields
        await put(stage, "breaker.stripe", "open")
        await until_goes_to(stage, "paypal")
        answer = await visitor.post("/en/checkout", **form | {"name": "Ana", "email": "ana@example.org"})

    page = Page(answer.text)
    assert (503, "stripe") == (answer.status_code, form["provider"])
    assert "That way to pay does not answer" in page.headings
    assert "You pay with PayPal." in page.text
    assert "ana@example.org" == page.form("/en/checkout").fields["email"]


async def test_paypals_way_back_leads_to_the_order(stage: Stage):
    """PayPal adds a token of its own to the address, under the name of ours."""
    checkout = (await stage.checkout(buyer(provider="paypal"))).json()
    path = f"/en/order/{checkout['orderId']}?token={checkout['accessToken']}"
    async with Visitor(stage) as visitor:
        back = await visitor.get(f"{path}&token=5O190127TN364715T&PayerID=AB12")
        strange = await visitor.get(f"/en/order/{checkout['orderId']}?token=5O190127TN364715T")

    assert (303, 404) == (back.status_code, strange.status_code)
    assert [checkout["orderId"]] == await opened_at(stage, "paypal")


async def test_while_sales_are_paused_people_may_look_and_open_orders_go_on(stage: Stage):
    """The store says so; the form answers 503 and keeps what was typed; the API says 503 with when to come again."""
    open_order = (await stage.checkout(key="before")).json()
    await put(stage, "sales", "paused")

    async def paused() -> bool:
        return (await stage.checkout()).status_code == 503

    await stage.until(paused)
    async with Visitor(stage) as visitor:
        store = await visitor.page("/en/")
        await visitor.choose(full_pass=1)
        form = await visitor.page("/en/checkout")
        answer = await visitor.check_out()
    refused = await stage.checkout()

    assert "We have paused the sale for a moment." in store.text
    assert "We have paused the sale for a moment." in form.text
    assert (503, "Sales are taking a short break") == (answer.status_code, Page(answer.text).headings[1])
    assert (503, "sales_paused") == (refused.status_code, refused.json()["code"])
    assert 1 <= int(refused.headers["Retry-After"])
    assert open_order == (await stage.checkout(key="before")).json()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_while_the_shop_is_closed_every_page_says_so(stage: Stage, language):
    """503 with a page that looks as it should; webhooks and health go on; the order is paid meanwhile."""
    checkout = (await stage.checkout(buyer(provider="stripe"))).json()
    await put(stage, "maintenance", "on")

    async def closed() -> bool:
        return (await stage.client.get("/api/payment/catalog")).status_code == 503

    await stage.until(closed)
    async with Visitor(stage, language) as visitor, stage.worker():
        answers = [
            await visitor.get(path)
            for path in (f"/{language}/", f"/{language}/cart", f"/{language}/order/{checkout['orderId']}")
        ]
        page = Page(answers[0].text)
        style = next(each["href"] for tag, each in page.tags if tag == "link" and each["rel"] == "stylesheet")
        looks = await visitor.get(style)
        api = [await stage.checkout(), await stage.client.get("/api/payment/catalog")]
        await stage.pay(checkout)
        await stage.until(lambda: stage.rows("SELECT 1 FROM orders WHERE status = 'paid'"))
        ready = await stage.client.get("/health/ready")

    assert {503} == {each.status_code for each in (*answers, *api)}
    assert {"60"} == {each.headers["Retry-After"] for each in (*answers, *api)}
    assert {"maintenance"} == {each.json()["code"] for each in api}
    assert {"en": "Nothing is lost", "es": "No se pierde nada"}[language] in page.text
    assert (200, 200) == (looks.status_code, ready.status_code)
