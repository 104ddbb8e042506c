"""A hold that runs out, in a store where that takes seconds."""

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]


async def test_hold_runs_out(visit, brief_holds):
    """The order page says so by itself, the tickets are free again, the gateway's page is closed, and a new start works."""
    customer = await visit(at=brief_holds)
    before = brief_holds.left("full-pass")
    await customer.order(full_pass=2)
    session = customer.page.url
    await customer.leave_gateway()
    await customer.is_titled("order.awaiting.title")
    await customer.mark()
    assert before - 2 == brief_holds.left("full-pass")

    await customer.is_titled("order.expired.title")
    await customer.sees("order.expired.body", "order.again_hint")
    assert await customer.is_marked(), "the page was loaded again"
    await customer.looks_at("order-expired")
    assert before == brief_holds.left("full-pass")
    late = await customer.second_window()
    await late.page.goto(session)
    await expect(late.page.get_by_role("heading", level=1)).to_have_text(late.gateway_says("expired_title"))
    await customer.press("order.again")
    await customer.is_titled("checkout.title")
    await customer.type_in()
    await customer.press("checkout.go")
    await customer.is_at_gateway()
    assert session != customer.page.url
    await customer.pay()
    await customer.has_tickets(2)

    assert ["expired", "paid"] == brief_holds.orders(customer.email)
    assert before - 2 == brief_holds.left("full-pass")
