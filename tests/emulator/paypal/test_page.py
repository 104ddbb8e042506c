"""The buyer's page: a choice of ways to pay, yes or no, and back to the shop; without a script."""

import re

import pytest

from tests.emulator.paypal.shop import issue, order_of

PAGE = "/paypal/checkoutnow"


async def send(shop, identifier, answer, **more):
    return await shop.http.post(PAGE, params={"token": identifier}, data={"answer": answer, **more})


async def test_the_page_shows_what_is_paid(shop):
    """Shop, lines, total, and each way to pay; no script anywhere."""
    identifier = (await shop.open())["id"]
    page = await shop.http.get(PAGE, params={"token": identifier})

    for text in ("A Lo Cubano Boulder Fest", "Full pass", "$370.00", "$415.00", "PayPal balance", "eCheck"):
        assert text in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_the_link_of_the_order_leads_to_it(shop):
    """What the shop redirects to is a page."""
    [link] = [link["href"] for link in (await shop.open())["links"] if link["rel"] == "payer-action"]

    assert 200 == (await shop.http.get(link)).status_code


async def test_approving_leads_back_to_the_shop(shop):
    """With the order and the payer, as the vendor appends them; then the capture works."""
    identifier = (await shop.open())["id"]
    answer = await send(shop, identifier, "approve", source="complete")
    order = await shop.order(identifier)

    back = answer.headers["location"]
    assert (303, f"http://127.0.0.1:9/back?token={identifier}&PayerID={order['payer']['payer_id']}") == (
        answer.status_code,
        back,
    )
    assert "APPROVED" == order["status"]
    assert 201 == (await shop.capture(identifier)).status_code


async def test_cancelling_leads_back_to_the_cart(shop):
    """A query that is there already stays; the order can still be paid."""
    identifier = (await shop.open())["id"]
    answer = await send(shop, identifier, "cancel")
    page = await shop.http.get(PAGE, params={"token": identifier})

    assert f"http://127.0.0.1:9/cart?from=paypal&token={identifier}" == answer.headers["location"]
    assert "PayPal balance" in page.text


@pytest.mark.parametrize(
    ("source", "expected"),
    [("decline", (422, "INSTRUMENT_DECLINED")), ("pending", "PENDING"), ("pending_fail", "PENDING")],
)
async def test_the_way_to_pay_decides_the_capture(shop, source, expected):
    """As its words on the page say."""
    identifier = (await shop.open())["id"]
    await send(shop, identifier, "approve", source=source)
    answer = await shop.capture(identifier)

    if source == "decline":
        assert expected == issue(answer)
    else:
        [made] = answer.json()["purchase_units"][0]["payments"]["captures"]
        assert expected == made["status"]


async def test_a_shop_that_wants_its_money_at_once_is_offered_no_echeck(shop):
    """The preference of the order rules what the page offers."""
    body = order_of()
    body["payment_source"]["paypal"]["experience_context"]["payment_method_preference"] = "IMMEDIATE_PAYMENT_REQUIRED"
    identifier = (await shop.ask("POST", "/paypal/v2/checkout/orders", json=body)).json()["id"]
    page = (await shop.http.get(PAGE, params={"token": identifier})).text

    assert ["complete", "decline"] == re.findall(r'name="source" value="(\w+)"', page)


async def test_after_a_decline_the_page_asks_for_another_way(shop):
    """It says that nothing was charged, and does not offer the same again."""
    identifier = await shop.approved("decline")
    await shop.capture(identifier)
    page = (await shop.http.get(PAGE, params={"token": identifier})).text
    await send(shop, identifier, "approve", source="complete")

    assert "was declined" in page
    assert ["complete", "pending", "pending_fail"] == re.findall(r'name="source" value="(\w+)"', page)
    assert 201 == (await shop.capture(identifier)).status_code


async def test_a_form_sent_twice_approves_once(shop):
    """One event, the same way back."""
    identifier = (await shop.open())["id"]
    answers = [await send(shop, identifier, "approve", source=source) for source in ("complete", "decline")]

    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert ["CHECKOUT.ORDER.APPROVED"] == await shop.event_types()
    assert 201 == (await shop.capture(identifier)).status_code


async def test_a_paid_order_is_not_paid_again(shop):
    """The page says so and leads back."""
    identifier = await shop.approved()
    await shop.capture(identifier)
    page = await shop.http.get(PAGE, params={"token": identifier})
    again = await send(shop, identifier, "approve")

    assert "This payment is complete" in page.text
    assert "This payment is complete" in again.text


async def test_an_unknown_or_lapsed_order_has_a_kind_word(shop, gateway):
    """404, and nothing was charged."""
    identifier = (await shop.open())["id"]
    await gateway.advance(6 * 3600)
    pages = [await shop.http.get(PAGE, params={"token": token}) for token in (identifier, "NOBODY", "")]

    assert [404] * 3 == [page.status_code for page in pages]
    assert all("has expired" in page.text for page in pages)
    assert 404 == (await send(shop, identifier, "approve")).status_code


async def test_an_order_without_addresses_ends_on_the_page(shop):
    """There is nowhere to go back to."""
    body = order_of()
    del body["payment_source"]
    identifier = (await shop.http.post("/paypal/v2/checkout/orders", json=body, headers=shop.headers)).json()["id"]
    answer = await send(shop, identifier, "approve")

    assert (200, True) == (answer.status_code, "You approved this payment" in answer.text)


async def test_the_page_speaks_the_buyers_language(shop):
    """The browser's, when the order names none."""
    identifier = (await shop.open())["id"]
    page = await shop.http.get(PAGE, params={"token": identifier}, headers={"accept-language": "es-ES"})

    assert '<html lang="es">' in page.text
    assert "Saldo de PayPal" in page.text


async def test_control_pays_only_what_can_be_paid(shop, gateway):
    """409 for a captured order, 404 for one that nobody knows or that lapsed."""
    done = await shop.approved()
    await shop.capture(done)
    waiting = (await shop.open())["id"]
    late = await shop.control(f"sessions/{done}/pay", paypal="approve")
    await gateway.advance(6 * 3600)
    lapsed = await shop.control(f"sessions/{waiting}/pay", paypal="approve")
    unknown = await shop.control("sessions/NOBODY/pay", paypal="approve")

    assert [409, 404, 404] == [late.status_code, lapsed.status_code, unknown.status_code]
