"""What the stand-in answers is what the vendor publishes, and the check that says so can fail."""

import pytest

from tests.emulator.gateway import FULL_PASS


async def test_every_answer_of_a_whole_life_is_checked(gateway, published):
    """Session, intent, charge, movements, refund, dispute, lists and all their events hold against the schema."""
    before = published.checked
    outcome = await gateway.paid()
    await gateway.api.refunds.create_async({"payment_intent": outcome["payment_intent"], "amount": FULL_PASS})
    await gateway.http.post("/_emulator/disputes", json={"charge": outcome["charge"]})
    expand = {"expand": ["data.payment_intent.latest_charge", "data.payment_intent.payment_method"]}
    await gateway.api.checkout.sessions.list_async(expand)
    for noun in ("payment_intents", "charges", "refunds", "balance_transactions", "disputes", "events"):
        await getattr(gateway.api, noun).list_async({"limit": 100})

    assert published.checked - before > 30


async def test_the_check_catches_a_wrong_field(gateway, published):
    """An unknown field, and a word outside its list."""
    session = (await gateway.open()).to_dict()

    with pytest.raises(AssertionError, match="colour"):
        published.check({**session, "colour": "red"})
    with pytest.raises(AssertionError, match="payment_status"):
        published.check({**session, "payment_status": "probably"})
