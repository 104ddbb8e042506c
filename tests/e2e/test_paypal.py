"""Paying with PayPal: approved there, taken by us, tickets at once; declined, and approved anew; left, and held for a while."""

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]


async def at_paypal(customer) -> None:
    """Fill the form in, choose PayPal, and wait for its page."""
    await customer.choose(son_roots=1)
    await customer.fill_in()
    await customer.page.locator("#pay-paypal").check()
    await customer.press("checkout.go")
    await customer.page.wait_for_url("**/paypal/checkoutnow?**")


async def answers(customer, answer: str, source: str | None = None) -> None:
    """What the buyer does on PayPal's page."""
    if source:
        await customer.page.locator(f"input[name=source][value={source}]").check()
    await customer.page.locator(f"button[name=answer][value={answer}]").click()


async def test_a_pass_is_bought_with_paypal(visit, system):
    """The money is taken by us after the buyer's yes, once; the tickets follow by themselves."""
    customer = await visit()
    await at_paypal(customer)
    await customer.looks_at("paypal")
    await answers(customer, "approve")

    await customer.has_tickets(1)

    assert ["paid"] == system.orders(customer.email)
    assert [3500] == system.charged(customer.order_id)


async def test_who_leaves_paypal_has_not_paid(visit, system):
    """Back in the shop the order waits, and nothing was charged."""
    customer = await visit()
    await at_paypal(customer)
    await answers(customer, "cancel")

    await customer.page.wait_for_url(f"{customer.local.store}/{customer.language}/order/*")
    await expect(customer.page.get_by_role("heading", level=1)).to_be_visible()

    assert ["awaiting_payment"] == system.orders(customer.email)
    assert [] == system.charged(customer.order_id)
