"""Faults strike PayPal's paths in PayPal's words, and never spoil what was done before them."""

import httpx
import pytest

from tests.emulator.paypal.shop import EVENTS, ORDERS, order_of

CAPTURE = {"method": "POST", "path": f"{ORDERS}/*/capture"}


async def charged(gateway):
    return (await gateway.truth())["totals"]["charged"].get("usd", 0)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ({"rate_limit": True}, (429, "RATE_LIMIT_REACHED")),
        ({"outage": True}, (503, "SERVICE_UNAVAILABLE")),
        ({"error": {"status": 500}}, (500, "INTERNAL_SERVER_ERROR")),
        ({"error": {"status": 502}}, (502, "INTERNAL_SERVER_ERROR")),
        ({"error": {"status": 429}}, (429, "RATE_LIMIT_REACHED")),
    ],
)
async def test_an_error_has_the_vendors_shape(shop, gateway, effects, expected):
    """Name, message and a debug id that the header repeats; nothing is done."""
    identifier = await shop.approved()
    await gateway.arm({"match": CAPTURE, "effects": effects, "times": 1})
    answer = await shop.capture(identifier)

    assert expected == (answer.status_code, answer.json()["name"])
    assert answer.headers["paypal-debug-id"] == answer.json()["debug_id"]
    assert 0 == await charged(gateway)


async def test_an_error_may_have_a_body_of_its_own(shop, gateway):
    """As it was written in the fault."""
    body = {"error": "forbidden", "error_description": "Ask us."}
    await gateway.arm({"match": {"provider": "paypal"}, "effects": {"error": {"status": 403, "body": body}}})
    answer = await shop.ask("GET", EVENTS)

    assert (403, body) == (answer.status_code, answer.json())


@pytest.mark.parametrize("status", [500, 504])
async def test_work_behind_an_error_is_found_by_its_id(shop, gateway, status):
    """The money is taken, the caller is told otherwise, and the repetition tells the truth."""
    identifier = await shop.approved()
    await gateway.arm({"match": CAPTURE, "effects": {"error": {"status": status, "commit": True}}, "times": 1})
    lost = await shop.capture(identifier, key="k")
    found = await shop.capture(identifier, key="k")

    assert [status, 200] == [lost.status_code, found.status_code]
    assert 41_500 == await charged(gateway)


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 41_500)])
async def test_a_reset_cuts_the_connection(shop, gateway, moment, taken):
    """Before the work, or between the work and its answer."""
    identifier = await shop.approved()
    await gateway.arm({"match": CAPTURE, "effects": {"reset": moment}, "times": 1})
    with pytest.raises(httpx.TransportError):
        await shop.capture(identifier, key="k")

    assert taken == await charged(gateway)
    assert (200 if taken else 201) == (await shop.capture(identifier, key="k")).status_code


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 41_500)])
async def test_an_answer_may_never_come(shop, gateway, moment, taken):
    """The caller gives up; the id finds what was done."""
    identifier = await shop.approved()
    await gateway.arm({"match": CAPTURE, "effects": {"timeout": moment}, "times": 1})
    with pytest.raises(httpx.ReadTimeout):
        await shop.capture(identifier, key="k", timeout=0.3)

    assert taken == await charged(gateway)
    await shop.capture(identifier, key="k")
    assert 41_500 == await charged(gateway)


async def test_an_outage_of_one_provider_spares_the_other(shop, gateway):
    """Tokens are out, too; the other one's sessions open."""
    await gateway.arm({"match": {"provider": "paypal"}, "effects": {"outage": True}})
    answer = await shop.ask("POST", ORDERS, json=order_of())
    token = await gateway.http.post("/paypal/v1/oauth2/token")

    assert [503, 503] == [answer.status_code, token.status_code]
    assert "open" == (await gateway.open()).status


async def test_a_fault_without_path_or_provider_strikes_both(shop, gateway):
    """The API of either, not the pages."""
    identifier = (await shop.open())["id"]
    await gateway.arm({"effects": {"outage": True}})
    answers = [
        await shop.ask("GET", f"{ORDERS}/{identifier}"),
        await gateway.http.get("/v1/charges"),
        await gateway.http.get("/paypal/checkoutnow", params={"token": identifier}),
    ]

    assert [503, 503, 200] == [answer.status_code for answer in answers]


async def test_a_fault_may_strike_the_page(shop, gateway):
    """When its path says so."""
    identifier = (await shop.open())["id"]
    await gateway.arm({"match": {"path": "/paypal/checkoutnow"}, "effects": {"outage": True}})

    assert 503 == (await gateway.http.get(f"/paypal/checkoutnow?token={identifier}")).status_code
