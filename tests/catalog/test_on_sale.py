"""What is on sale: names in two languages, prices, how many are left and as of when."""

from datetime import datetime, timedelta

import pytest

from service.kernel.clock import utc_now
from service.local.festival import FESTIVAL
from tests.checkout.rows import put_on_sale
from tests.stage import Stage, buyer

CATALOG = "/api/payment/catalog"


async def on_sale(stage: Stage, query: str = "") -> dict[str, dict[str, object]]:
    """By ticket type."""
    answer = (await stage.client.get(CATALOG + query)).raise_for_status().json()
    return {each["ticketType"]: each for each in answer["ticketTypes"]}


async def test_the_programme_in_its_order(stage):
    """All of the sample festival, with what the contract says of each."""
    found = await on_sale(stage)

    assert [each.slug for each in FESTIVAL] == list(found)
    assert found["full-pass"] == {
        "ticketType": "full-pass",
        "kind": "pass",
        "name": "Full Pass",
        "description": "Everything from Friday to Sunday: all classes, all parties, one wristband.",
        "price": {"minor": 24_900, "currency": "USD"},
        "available": 400,
        "maxPerOrder": 8,
    }


@pytest.mark.parametrize(
    ("query", "language", "name"),
    [("", "en", "Full Pass"), ("?locale=en", "en", "Full Pass"), ("?locale=es", "es", "Pase Completo")],
)
async def test_names_are_in_the_language_that_was_asked_for(stage, query, language, name):
    """English when nothing is said; the answer says which it is."""
    answer = await stage.client.get(CATALOG + query)

    assert language == answer.headers["content-language"]
    assert name == answer.json()["ticketTypes"][0]["name"]


@pytest.mark.parametrize("locale", ["fr", "", "EN", "en-US", "%00"])
async def test_an_unknown_language_is_named(stage, locale):
    """400 with the field, not English by surprise."""
    answer = await stage.client.get(f"{CATALOG}?locale={locale}")

    problem = answer.json()
    assert (400, "invalid_request") == (answer.status_code, problem["code"])
    assert ["locale"] == [each["field"] for each in problem["errors"]]


async def test_held_and_sold_seats_are_not_available(stage):
    """The count falls with the hold, stays with the sale, and rises when a hold is given back."""
    counts = [(await on_sale(stage))["full-pass"]["available"]]
    paid, given_back = [(await stage.checkout()).json() for _ in range(2)]
    counts.append((await on_sale(stage))["full-pass"]["available"])
    async with stage.worker():
        await stage.pay(paid)
        await stage.order_in(paid, "paid")
        counts.append((await on_sale(stage))["full-pass"]["available"])
        await stage.rows("UPDATE orders SET expires_at = now() WHERE status = 'awaiting_payment'")
        await stage.order_in(given_back, "expired")
    counts.append((await on_sale(stage))["full-pass"]["available"])

    assert [400, 396, 396, 398] == counts


async def test_a_sold_out_type_is_shown_as_such(stage):
    """None left is a fact worth showing; withdrawn is not on sale at all."""
    await put_on_sale(stage, "rare", capacity=1)
    await put_on_sale(stage, "withdrawn", on_sale=False)
    await stage.checkout(buyer(items=[{"ticketType": "rare", "quantity": 1}]))

    found = await on_sale(stage)

    assert 0 == found["rare"]["available"]
    assert "withdrawn" not in found


async def test_a_cache_may_take_the_load_but_not_for_long(stage):
    """Seconds, because seats change by the second; and the answer says when it was read."""
    answer = await stage.client.get(CATALOG)

    directives = {each.strip() for each in answer.headers["cache-control"].split(",")}
    assert {"public", "max-age=2"} == directives
    assert abs(datetime.fromisoformat(answer.json()["asOf"]) - utc_now()) < timedelta(seconds=10)
