"""Every page can be read by eye, by ear and by keyboard, in both languages, in light and in dark; and is photographed."""

import pytest

from tests.e2e.customer import Customer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

FOCUS_IS_SHOWN = """(element) => {
  const style = getComputedStyle(element);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none";
}"""


@pytest.mark.parametrize("language", ["en", "es"])
async def test_every_page_can_be_read(visit, language):
    """Landmarks, headings, labels, contrast, size: from the store over the gateway to the tickets and to a lost page."""
    customer = await visit(language=language)
    await customer.looks_at(f"store-{language}")

    await customer.choose(full_pass=2, saturday_social=1)
    await customer.looks_at(f"cart-{language}")
    await customer.fill_in()
    await customer.looks_at(f"checkout-{language}")
    await customer.press("checkout.go")
    await customer.is_at_gateway()
    await customer.looks_at(f"gateway-{language}")
    await customer.pay()
    await customer.has_tickets(3)
    await customer.looks_at(f"order-paid-{language}")
    customer.watch.expects(404)
    await customer.open(f"/{language}/nowhere")
    await customer.looks_at(f"not-found-{language}")

    assert [] == customer.watch.complaints()


async def test_by_keyboard_alone(visit, system):
    """Tab, arrows, letters and Enter lead from the store to the gateway's page; where one is can always be seen."""
    customer = await visit()
    keys = customer.page.keyboard

    await tab_to(customer, "a.skip")
    await keys.press("Enter")
    await tab_to(customer, "#q-full-pass + [data-step]")
    await keys.press("Enter")
    await keys.press("Space")
    await tab_to(customer, ".checkout-bar .go")
    await keys.press("Enter")
    await customer.is_titled("cart.title")
    await tab_to(customer, "button[value=checkout]")
    await keys.press("Enter")
    await customer.is_titled("checkout.title")
    await tab_to(customer, "#name")
    await keys.type(customer.name)
    await tab_to(customer, "#email")
    await keys.type(customer.email)
    await keys.press("Enter")
    await customer.is_at_gateway()

    assert ["awaiting_payment"] == system.orders(customer.email)
    assert [2] == system.quantities(customer.email)


async def tab_to(customer: Customer, selector: str) -> None:
    """Press Tab until this has the focus; wherever the focus is on the way, it is shown."""
    for _ in range(60):
        await customer.page.keyboard.press("Tab")
        focused = customer.page.locator(":focus")
        assert await focused.evaluate(FOCUS_IS_SHOWN), await focused.evaluate("element => element.outerHTML")
        if await focused.evaluate("(element, selector) => element.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")
