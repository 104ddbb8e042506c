"""What cards and banks do: decline, ask who is there, take days. Paid is paid once, and every no is said in plain words."""

import pytest
from playwright.async_api import expect

from tests.e2e.customer import CHALLENGE, DECLINED, NO_FUNDS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

PASS = 24900  # cents
BANKS_LAST_WORD = ("payment_intent.succeeded", "checkout.session.async_payment_succeeded")


async def test_declined_then_paid(visit, system):
    """A declined card stays on the gateway's page, and a good one typed into the same page pays, once."""
    customer = await visit()
    await customer.order(full_pass=1)

    await customer.pay(DECLINED)
    await customer.is_told("Your card was declined. Try a different card.")
    await customer.is_told("You have not been charged.")
    await customer.pay()
    await customer.has_tickets(1)

    assert [PASS] == system.charged(customer.order_id)
    assert ["paid"] == system.orders(customer.email)


async def test_declined_and_back_to_the_shop(visit, system):
    """Back from a decline the order page says why and holds the tickets; "try again" is the same session."""
    customer = await visit()
    await customer.order(full_pass=1)
    session = customer.page.url

    await customer.pay(NO_FUNDS)
    await customer.is_told("Your card has insufficient funds. Try a different card.")
    await customer.leave_gateway()
    await customer.is_titled("order.declined.title")
    await customer.sees("order.declined.body", "order.awaiting.left")
    await expect(customer.page.locator(".why")).to_contain_text("not enough money")
    await customer.looks_at("order-declined")
    await customer.press("order.declined.go")
    assert session == customer.page.url
    await customer.pay()
    await customer.has_tickets(1)

    assert [PASS] == system.charged(customer.order_id)


async def test_3d_secure_completed(visit, system):
    """The bank asks whether it is you; yes leads to the tickets."""
    customer = await visit()

    await customer.order(full_pass=1)
    await customer.pay(CHALLENGE)
    await customer.looks_at("gateway-challenge")
    await customer.answer_challenge(passed=True)
    await customer.has_tickets(1)

    assert [PASS] == system.charged(customer.order_id)


async def test_3d_secure_failed(visit, system):
    """No leads back to the gateway's form with words about it; another card pays, once."""
    customer = await visit()

    await customer.order(full_pass=1)
    await customer.pay(CHALLENGE)
    await customer.answer_challenge(passed=False)
    await customer.is_told("Your bank could not confirm it was you. Try again or use a different card.")
    await customer.looks_at("gateway-declined")
    await customer.pay()
    await customer.has_tickets(1)

    assert [PASS] == system.charged(customer.order_id)


async def test_bank_takes_its_time(visit, system):
    """A debit that settles later reserves the tickets and says so; they appear by themselves when the money is there."""
    customer = await visit()
    system.faults(*({"match": {"event_type": each}, "effects": {"drop": True}} for each in BANKS_LAST_WORD))

    await customer.order(full_pass=1)
    await customer.pay_by_bank()
    await customer.is_titled("order.processing.title")
    await customer.sees("order.processing.body", "order.self_update")
    assert ["processing"] == system.orders(customer.email)
    await customer.looks_at("order-processing")
    await customer.mark()
    system.settled(customer.order_id)
    system.calm()
    system.resend(*BANKS_LAST_WORD)
    await customer.has_tickets(1)

    assert await customer.is_marked(), "the page was loaded again"
    assert [PASS] == system.charged(customer.order_id)
