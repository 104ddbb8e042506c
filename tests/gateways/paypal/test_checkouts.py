"""An order at PayPal from its request to its money: what is asked, what is answered, and what a capture really says."""

import json

import pytest

from service.gateways.facts import CheckoutStatus, LineItem
from service.gateways.paypal import create
from service.gateways.paypal_words import ids_of, read_checkout
from service.kernel.errors import GatewayRejected
from service.kernel.money import Money
from tests.gateways.paypal.conftest import ORDER_ID, PAYMENT_ID, TRACEPARENT, Desk, context, intent
from tests.gateways.paypal.resources import capture, order


@pytest.fixture
async def gateway():
    made = create(context())
    yield made
    await made.close()


def test_a_request_carries_our_ids_within_the_vendor_s_room(gateway):
    """The custom id has both ids in 127 characters; the trace travels as the unit's reference; each attempt is one invoice."""
    request = gateway.checkout_request(intent())

    [unit] = request["purchase_units"]
    assert {"order_id": ORDER_ID, "payment_id": PAYMENT_ID} == ids_of(unit["custom_id"])
    assert len(unit["custom_id"]) <= 127
    assert (TRACEPARENT, PAYMENT_ID) == (unit["reference_id"], unit["invoice_id"])
    assert request == gateway.checkout_request(intent())  # nothing of the moment is in it


@pytest.mark.parametrize(
    ("price", "each", "total"),
    [
        (Money(12_505, "USD"), "125.05", "250.10"),
        (Money(5, "EUR"), "0.05", "0.10"),
        (Money(1_500, "JPY"), "1500", "3000"),
        (Money(450_000, "HUF"), "4500", "9000"),  # has cents by ISO 4217 and none at PayPal
    ],
)
def test_amounts_are_written_as_paypal_takes_them(gateway, price, each, total):
    """By the decimals PayPal takes for a currency, which are not always those of ISO 4217."""
    request = gateway.checkout_request(intent(price=price))

    [unit] = request["purchase_units"]
    assert {"currency_code": price.currency, "value": each} == unit["items"][0]["unit_amount"]
    assert total == unit["amount"]["value"] == unit["amount"]["breakdown"]["item_total"]["value"]


def test_a_fraction_that_paypal_cannot_take_is_never_sent(gateway):
    """Half a forint is no amount there: an error before anything is asked, not a rounded price."""
    with pytest.raises(ValueError, match="do not fit"):
        gateway.checkout_request(intent(price=Money(450_050, "HUF")))


async def test_an_order_is_opened_once_for_each_key(desk: Desk):
    """The same request under the same key is the same order, with the page the buyer is sent to."""
    first = await desk.open()
    again = await desk.open()

    assert first == again
    assert (CheckoutStatus.OPEN, False, None, Money(25_000, "USD")) == (
        first.status,
        first.paid,
        first.payment_ref,
        first.amount,
    )
    assert first.url.endswith(f"/paypal/checkoutnow?token={first.ref}")
    assert 1 == len(await desk.sold())


async def test_approval_moves_no_money_and_capture_does_once(desk: Desk):
    """Until we capture nothing is charged; a capture repeated under its key, or under another, charges nothing more."""
    opened = await desk.open()
    await desk.buyer(opened.ref, "approve")
    approved = await desk.gateway.fetch_checkout(opened.ref)
    taken = await desk.gateway.capture(opened.ref, key="capture-1")
    repeated = await desk.gateway.capture(opened.ref, key="capture-1")
    other_key = await desk.gateway.capture(opened.ref, key="capture-2")

    assert (CheckoutStatus.APPROVED, False) == (approved.status, approved.paid)
    assert (CheckoutStatus.COMPLETE, True, Money(25_000, "USD")) == (taken.status, taken.paid, taken.amount)
    assert taken.payment_ref == repeated.payment_ref == other_key.payment_ref is not None
    [sold] = await desk.sold()
    assert (25_000, taken.payment_ref) == (sold["charged"], sold["payment"])
    assert {"order_id": ORDER_ID, "payment_id": PAYMENT_ID} == sold["metadata"]


async def test_a_created_capture_is_not_money_yet(desk: Desk):
    """PayPal answers 201 to a capture of an e-check, which is pending for days."""
    opened = await desk.open()
    await desk.buyer(opened.ref, "pending")

    taken = await desk.gateway.capture(opened.ref, key="capture-1")

    assert (CheckoutStatus.COMPLETE, False, None) == (taken.status, taken.paid, taken.decline)


async def test_an_e_check_that_bounces_is_a_decline_of_a_complete_order(desk: Desk):
    """The order stays completed at PayPal; that the money will not come stands in its capture."""
    opened = await desk.open()
    await desk.buyer(opened.ref, "pending", **{"async": "fail"})
    await desk.gateway.capture(opened.ref, key="capture-1")
    await desk.post("/clock", advance=8 * 86_400)

    later = await desk.gateway.fetch_checkout(opened.ref)

    assert (CheckoutStatus.COMPLETE, False) == (later.status, later.paid)
    assert "CAPTURE_DECLINED" == later.decline.code


@pytest.mark.parametrize(
    ("statuses", "tells", "paid", "declined"),
    [
        (["COMPLETED", "DECLINED"], "1", True, False),
        (["DECLINED", "COMPLETED"], "2", True, False),
        (["PENDING", "REFUNDED"], "2", True, False),
        (["PENDING", "DECLINED"], "1", False, False),
        (["DECLINED", "FAILED"], "2", False, True),
    ],
)
def test_of_several_captures_the_one_with_money_tells(statuses, tells, paid, declined):
    """Whichever stands last: a try that failed does not undo one that took the money."""
    captures = [capture(status, id=str(place)) for place, status in enumerate(statuses, 1)]
    [unit] = order()["purchase_units"]
    body = json.dumps(order(status="COMPLETED", purchase_units=[{**unit, "payments": {"captures": captures}}]))

    told = read_checkout(body.encode())

    assert (tells, paid, declined) == (told.payment_ref, told.paid, told.decline is not None)


async def test_a_decline_leads_the_buyer_back_to_approve_anew(desk: Desk):
    """The answer has the reason and the page; approved with another way to pay, the next capture takes the money."""
    opened = await desk.open()
    await desk.buyer(opened.ref, "decline")

    declined = await desk.gateway.capture(opened.ref, key="capture-1")
    await desk.buyer(opened.ref, "approve")
    taken = await desk.gateway.capture(opened.ref, key="capture-2")

    assert (CheckoutStatus.OPEN, False) == (declined.status, declined.paid)
    assert "INSTRUMENT_DECLINED" == declined.decline.code
    assert declined.url.endswith(f"/paypal/checkoutnow?token={opened.ref}")
    assert taken.paid


async def test_what_nobody_approved_is_not_captured(desk: Desk):
    """A definite no: nothing was charged."""
    opened = await desk.open()

    with pytest.raises(GatewayRejected) as caught:
        await desk.gateway.capture(opened.ref, key="capture-1")

    assert "ORDER_NOT_APPROVED" == caught.value.code


@pytest.mark.parametrize("way", [None, "approve", "cancel"])
async def test_to_close_is_not_to_capture(desk: Desk, way):
    """Open, approved or left: an order that is closed answers that no payment comes of it any more."""
    opened = await desk.open()
    if way:
        await desk.buyer(opened.ref, way)

    closed = await desk.gateway.expire_checkout(opened.ref)

    assert (CheckoutStatus.EXPIRED, False, None) == (closed.status, closed.paid, closed.url)
    assert [0] == [each["charged"] for each in await desk.sold()]


async def test_to_close_what_is_paid_answers_that_it_is(desk: Desk):
    """Too late to close: the money is there, and the answer says so."""
    bought = await desk.buy()

    closed = await desk.gateway.expire_checkout(bought.ref)

    assert (CheckoutStatus.COMPLETE, True) == (closed.status, closed.paid)


async def test_an_order_that_paypal_forgot_has_expired(desk: Desk):
    """After six hours PayPal knows nothing of an order nobody captured; an id that never was answers the same."""
    opened = await desk.open()
    await desk.post("/clock", advance=7 * 3600)

    seen = [await desk.gateway.fetch_checkout(ref) for ref in (opened.ref, "0NEVERWAS0ANORDER")]

    assert [(CheckoutStatus.EXPIRED, None)] * 2 == [(each.status, each.amount) for each in seen]


async def test_a_sum_that_does_not_add_up_is_a_definite_no(desk: Desk):
    """PayPal adds up the lines itself; the code of the refusal is its most exact word."""
    lines = (LineItem("Pase completo", Money(12_500, "USD"), 3),)

    with pytest.raises(GatewayRejected) as caught:
        await desk.open(lines=lines)

    assert "ITEM_TOTAL_MISMATCH" == caught.value.code
