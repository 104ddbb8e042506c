"""What the stand-in answers for PayPal is what the vendor publishes, and the check that says so can fail."""

import pytest

from tests.emulator.paypal.shop import EVENTS


@pytest.fixture
def schemas(shared_data, published):
    """Skipped, and named, without the vendor's files."""
    shared_data("paypal")
    return published


async def test_every_answer_of_a_whole_life_is_checked(shop, schemas):
    """Order, capture, refunds, and the resources of all their events."""
    before = schemas.checked
    made = await shop.captured("pending", invoice_id="R-1")
    await shop.control(f"refunds/{made['id']}/settle")
    await shop.refund(made["id"], "1.00")
    refund = (await shop.refund(made["id"])).json()
    await shop.control(f"refunds/{refund['id']}/fail")
    await shop.control("disputes", capture=made["id"])
    await shop.get(EVENTS, page_size=100)

    assert schemas.checked - before >= 20


async def test_the_check_catches_a_wrong_field(shop, schemas):
    """An unknown field however deep, a word outside its list, and a text of the wrong form."""
    order = await shop.open()
    unit = order["purchase_units"][0]

    with pytest.raises(AssertionError, match="colour is not published"):
        schemas.hold("orders", "order", {**order, "purchase_units": [{**unit, "colour": "red"}]})
    with pytest.raises(AssertionError, match="PROBABLY"):
        schemas.hold("orders", "order", {**order, "status": "PROBABLY"})
    with pytest.raises(AssertionError, match="dear"):
        schemas.hold("payments", "capture", {"amount": {"currency_code": "USD", "value": "dear"}})
