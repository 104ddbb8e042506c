"""The main story: from the store to the ticket and the mail, in both languages, with and without a script."""

import html
import re

import pytest
from playwright.async_api import expect

from tests.e2e.customer import Customer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

SLOW_NEWS = {"effects": {"delay_ms": 1500}}  # every webhook; long enough to see the page wait


async def test_two_passes_and_the_mail(visit, system):
    """Two passes, paid by card: the tickets appear by themselves, and the mail's link shows them to who has it."""
    customer = await visit()
    system.faults(SLOW_NEWS)

    await customer.order(full_pass=2)
    await customer.pay()
    await customer.is_titled("order.confirming.title")
    await customer.mark()
    codes = await customer.has_tickets(2)

    assert await customer.is_marked(), "the page was loaded again"
    assert "token" not in customer.page.url
    assert [49800] == system.charged(customer.order_id)
    assert 2 == len(set(codes))
    await assert_mail_shows(customer, visit, codes)


async def test_spanish_from_start_to_mail(visit, system):
    """A Spanish browser reads Spanish on every page, at the gateway and in the mail."""
    customer = await visit(language="es")

    await customer.order(party_pass=1, sunrise_social=1)
    await customer.pay()
    codes = await customer.has_tickets(2)

    assert "Pase de Fiestas" in await customer.page.inner_text("main")
    assert re.search(r"/es/order/", customer.page.url)
    await assert_mail_shows(customer, visit, codes)


async def test_cart_keeps_the_order_of_the_store(visit):
    """Lines stand as in the store, here and in the order, also after one was taken out."""
    customer = await visit()

    await customer.choose(full_pass=1, friday_day=1, son_roots=1, friday_social=1)
    await expect(customer.page.locator(".line h2")).to_have_text(
        ["Full Pass", "Friday", "Son: the Roots", "Friday Social"]
    )
    await customer.page.get_by_role("button", name="Remove Friday", exact=True).click()

    await expect(customer.page.locator(".line h2")).to_have_text(["Full Pass", "Son: the Roots", "Friday Social"])
    await expect(customer.page.locator(".grand")).to_contain_text("$309.00")


async def test_without_a_script(visit, system):
    """Without JavaScript everything works; the order page loads itself anew until the tickets are there."""
    customer = await visit(script=False)
    system.faults(SLOW_NEWS)

    await customer.order(full_pass=2)
    await customer.pay()
    await customer.is_titled("order.confirming.title")
    await customer.sees("order.self_update_no_script")
    codes = await customer.has_tickets(2)

    assert 2 == len(codes)
    assert ["paid"] == system.orders(customer.email)


async def assert_mail_shows(customer: Customer, visit, codes: list[str]) -> None:
    """Text and HTML hold codes and link; the link opens the tickets in a browser that was never here."""
    mail = customer.local.mail(customer.email)
    (link,) = set(re.findall(r"https?://\S+/order/\S+", mail["text"]))
    sheet = html.unescape(mail["html"])

    assert [] == [code for code in codes if code not in mail["text"]]
    assert [] == [code for code in codes if code not in sheet]
    assert f'<html lang="{customer.language}">' in sheet
    assert f'href="{link}"' in sheet
    reader = await visit(language=customer.language)
    await reader.reads_mail(mail["id"], codes)
    await reader.page.goto(link)
    assert codes == await reader.has_tickets(len(codes))
    assert "token" not in reader.page.url
