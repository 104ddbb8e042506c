"""When it is not the customer's fault: sold out, gateway down, server away. Said plainly, and nothing typed is lost."""

import httpx
import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

SCARCE, FREE = "orishas-masterclass", "son-roots"


async def test_somebody_was_faster(visit, system):
    """What was free when it was chosen is gone at the checkout: the words say what, the rest is still there and is bought."""
    customer = await visit()
    await customer.choose(orishas_masterclass=2, son_roots=1)
    await customer.fill_in()
    hold_all(system, SCARCE)
    customer.watch.expects(409)

    await customer.press("checkout.go")
    await customer.sees("error.sold_out_title", "error.sold_out_held")
    await expect(customer.page.get_by_role("alert")).to_be_focused()
    await expect(customer.page.get_by_label(customer.says("checkout.name"))).to_have_value(customer.name)
    await expect(customer.page.get_by_label(customer.says("checkout.email"))).to_have_value(customer.email)
    await customer.looks_at("checkout-sold-out")
    assert [] == system.orders(customer.email)
    await customer.press("error.sold_out_go")
    await customer.sees("cart.changed", "cart.problem_held_out")
    await customer.looks_at("cart-sold-out")
    await customer.page.get_by_role("button", name="Remove Orishas Masterclass").click()
    await customer.fill_in()
    await customer.press("checkout.go")
    await customer.is_at_gateway()
    await customer.pay()

    await customer.has_tickets(1)
    await customer.open("/en")
    await expect(customer.page.locator(f"#t-{SCARCE}")).to_contain_text(customer.says("store.held_out"))
    await expect(customer.page.locator(f"#q-{SCARCE}")).to_have_count(0)


async def test_gateway_is_down(visit, system):
    """The words say that nothing was charged, all typed stays, nothing stays held; when it is back one click goes on."""
    customer = await visit()
    before = system.left(FREE)
    await customer.choose(son_roots=2)
    await customer.fill_in()
    system.faults({"effects": {"outage": True}})
    customer.watch.expects(503)

    await customer.press("checkout.go")
    await customer.sees("error.gateway_title", "error.gateway")
    await expect(customer.page.get_by_label(customer.says("checkout.name"))).to_have_value(customer.name)
    await expect(customer.page.get_by_label(customer.says("checkout.email"))).to_have_value(customer.email)
    await customer.looks_at("checkout-gateway-down")
    assert before == system.left(FREE)
    system.calm()
    await customer.page.locator("#pay-stripe").check()  # the page offers the other way first after such an answer
    await customer.press("checkout.go")
    await customer.is_at_gateway()
    await customer.pay()
    await customer.has_tickets(2)

    assert ["canceled", "paid"] == system.orders(customer.email)
    assert [7000] == system.charged(customer.order_id)


async def test_form_filled_in_wrongly(visit, system):
    """Each wrong field says what is wrong beside it and in one list on top; what was right stays."""
    customer = await visit()
    await customer.choose(son_roots=1)
    await customer.fill_in()
    customer.watch.expects(422)
    email = customer.page.get_by_label(customer.says("checkout.email"))
    await email.fill("ana@")

    await customer.press("checkout.go")
    await customer.sees("error.summary", "error.email_bad")
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(email).to_have_accessible_description(customer.says("error.email_bad"))
    await expect(email).to_have_value("ana@")
    await expect(customer.page.get_by_label(customer.says("checkout.name"))).to_have_value(customer.name)
    await customer.looks_at("checkout-wrong")
    await email.fill(customer.email)
    await customer.press("checkout.go")
    await customer.is_at_gateway()

    assert ["awaiting_payment"] == system.orders(customer.email)


async def test_nothing_chosen_and_empty_cart(visit):
    """Continuing without a ticket is answered in words, and so is an empty cart."""
    customer = await visit()

    await customer.press("store.go")
    await customer.sees("store.nothing")
    await customer.open("/en/checkout")

    await expect(customer.page).to_have_url(f"{customer.local.store}/en/cart")
    await customer.sees("cart.empty", "cart.empty_hint")
    await customer.looks_at("cart-empty")


async def test_store_cannot_be_reached(visit):
    """An order page that loses the server says that the order is safe, and goes on when it is back."""
    customer = await visit()
    await customer.order(party_pass=1)
    session = customer.page.url
    await customer.page.clock.install()
    await customer.leave_gateway()
    await customer.is_titled("order.awaiting.title")

    await customer.loses_the_net()
    for _ in range(3):
        async with customer.page.expect_event("requestfailed"):
            await customer.page.clock.fast_forward(5000)
    await customer.sees("order.lost_touch")
    await customer.finds_the_net()
    await customer.page.clock.fast_forward(5000)
    await expect(customer.page.get_by_text(customer.says("order.lost_touch"))).to_be_hidden()
    other = await customer.second_window()
    await other.page.goto(session)
    await other.pay()

    await customer.has_tickets(1)


def hold_all(system, ticket_type: str) -> None:
    """Somebody else orders all that are left."""
    while left := system.left(ticket_type):
        body = {
            "items": [{"ticketType": ticket_type, "quantity": min(left, 2)}],
            "customer": {"email": "faster@example.org", "name": "Faster"},
            "locale": "en",
        }
        headers = {"Idempotency-Key": f"faster-{ticket_type}-{left}"}
        httpx.post(f"{system.store}/api/payment/checkout-session", json=body, headers=headers).raise_for_status()
