"""Leaving, coming back, clicking twice: whatever a customer does on the way, it stays one order and one hold."""

import asyncio

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]


async def test_back_from_the_gateway_and_on(visit, system):
    """Leaving the gateway's page leads to the order, which leads back to the same page: no second hold, one payment."""
    customer = await visit()
    before = system.left("saturday-day")
    await customer.order(saturday_day=2)
    session = customer.page.url

    await customer.leave_gateway()
    await customer.is_titled("order.awaiting.title")
    await customer.sees("order.awaiting.body", "order.awaiting.left", "order.self_update")
    await customer.looks_at("order-awaiting")
    assert before - 2 == system.left("saturday-day")
    await customer.press("order.awaiting.go")
    assert session == customer.page.url
    await customer.pay()
    await customer.has_tickets(2)

    assert ["paid"] == system.orders(customer.email)
    assert before - 2 == system.left("saturday-day")
    assert 1 == len(system.charged(customer.order_id))


async def test_back_button_and_once_more(visit, system):
    """Back to the form, all typed still there, reloaded, sent again: the same page of the gateway, one order."""
    customer = await visit()
    await customer.order(party_pass=1)
    session = customer.page.url

    await customer.page.go_back()
    await customer.is_titled("checkout.title")
    await expect(customer.page.get_by_label(customer.says("checkout.email"))).to_have_value(customer.email)
    await customer.press("checkout.go")
    await customer.is_at_gateway()
    assert session == customer.page.url
    await customer.open("/en/checkout")
    await customer.page.reload()
    await customer.type_in()
    await customer.press("checkout.go")
    await customer.is_at_gateway()

    assert session == customer.page.url
    assert ["awaiting_payment"] == system.orders(customer.email)


async def test_double_click(visit, system):
    """Two clicks on "Continue to payment", as fast as a hand can, are one order."""
    customer = await visit()
    await customer.choose(party_pass=1)
    await customer.fill_in()

    await customer.thing("checkout.go").dblclick(no_wait_after=True)
    await customer.is_at_gateway()

    assert ["awaiting_payment"] == system.orders(customer.email)


async def test_two_windows_at_once(visit, system):
    """The same form sent from two windows at the same moment, without a script to hold it back, is one order."""
    customer = await visit(script=False)
    await customer.choose(party_pass=1)
    twin = await customer.second_window()
    await customer.fill_in()
    await twin.fill_in()

    await asyncio.gather(customer.press("checkout.go"), twin.press("checkout.go"))
    await asyncio.gather(customer.is_at_gateway(), twin.is_at_gateway())

    assert customer.page.url == twin.page.url
    assert ["awaiting_payment"] == system.orders(customer.email)


async def test_paid_in_one_window_seen_in_the_other(visit, system):
    """Whoever pays the same page twice, in two windows, pays once and sees the tickets in both."""
    customer = await visit()
    await customer.order(party_pass=1)
    twin = await customer.second_window()
    await twin.page.goto(customer.page.url)

    await customer.pay()
    await customer.has_tickets(1)
    await twin.pay()
    await twin.has_tickets(1)

    assert [11500] == system.charged(customer.order_id)
    assert ["paid"] == system.orders(customer.email)


async def test_order_of_somebody_else(visit):
    """Without the token an order's address is the page for "not found", like an address that never was."""
    owner, stranger = await visit(), await visit()
    await owner.order(party_pass=1)
    await owner.leave_gateway()
    stranger.watch.expects(404)

    for address in (owner.page.url, f"{owner.page.url}/now", f"{owner.page.url}?token=guess", f"{owner.page.url}x"):
        answer = await stranger.page.goto(address)
        assert 404 == answer.status
        await stranger.is_titled("not_found.title")
    await stranger.looks_at("not-found")

    assert owner.email not in await stranger.page.content()
    await stranger.press("not_found.go")
    await expect(stranger.page).to_have_url(f"{stranger.local.store}/en")
