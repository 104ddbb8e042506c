"""Rate limits: off, for each endpoint, for all, and as the vendor's library sees them."""

import asyncio

import pytest
import stripe

from tests.emulator.gateway import session_of
from tests.emulator.test_process import Running

AUTH = ("sk_test_emulator_tests", "")


async def limit(gateway, **limits):
    (await gateway.http.put("/_emulator/rate-limits", json=limits)).raise_for_status()


async def asked(gateway, path, times):
    return [(await gateway.http.get(path, auth=AUTH)).status_code for _ in range(times)]


async def test_there_is_no_limit_by_default(gateway):
    """Nobody asked for one."""
    assert {"per_endpoint": None, "global": None} == (await gateway.http.get("/_emulator/rate-limits")).json()
    assert {200} == set(await asked(gateway, "/v1/charges", 60))


async def test_each_endpoint_has_its_own(gateway):
    """Three go through, the fourth is told why; another endpoint, and another id of the same, are what they are."""
    session = await gateway.open()
    await limit(gateway, per_endpoint=3)

    charges = await asked(gateway, "/v1/charges", 4)
    refused = await gateway.http.get("/v1/charges", auth=AUTH)
    events = await asked(gateway, "/v1/events", 1)
    others = await asked(gateway, f"/v1/checkout/sessions/{session.id}", 2)
    same = await asked(gateway, "/v1/checkout/sessions/cs_test_other", 2)

    assert [200, 200, 200, 429] == charges
    assert "endpoint-rate" == refused.headers["stripe-rate-limited-reason"]
    assert "rate_limit" == refused.json()["error"]["code"]
    assert ([200], [200, 200], [404, 429]) == (events, others, same)


async def test_all_endpoints_share_one(gateway):
    """With its own reason."""
    await limit(gateway, **{"global": 2})

    statuses = await asked(gateway, "/v1/charges", 1) + await asked(gateway, "/v1/events", 1)
    refused = await gateway.http.get("/v1/refunds", auth=AUTH)

    assert [200, 200] == statuses
    assert (429, "global-rate") == (refused.status_code, refused.headers["stripe-rate-limited-reason"])


async def test_a_limited_request_does_nothing_and_is_not_remembered(gateway):
    """The library does not try again by itself; the same key later does the work."""
    await limit(gateway, per_endpoint=1)
    await gateway.open()

    with pytest.raises(stripe.RateLimitError):
        await gateway.client(max_network_retries=2).v1.checkout.sessions.create_async(
            session_of(), {"idempotency_key": "k"}
        )
    before = (await gateway.truth())["payments"]
    await limit(gateway)
    await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})

    assert 1 == len(before)
    assert 2 == len((await gateway.truth())["payments"])


async def test_room_comes_back_with_time(gateway):
    """Evenly: a tenth of a second is one more of ten."""
    await limit(gateway, per_endpoint=10)
    await asked(gateway, "/v1/charges", 15)

    await asyncio.sleep(0.25)

    assert 200 == (await asked(gateway, "/v1/charges", 1))[0]


async def test_a_reset_lifts_them(gateway):
    """Unlimited, as at the start; what makes no sense is refused."""
    await limit(gateway, per_endpoint=1)

    wrong = await gateway.http.put("/_emulator/rate-limits", json={"per_endpoint": 0})
    await gateway.http.post("/_emulator/reset")

    assert 400 == wrong.status_code
    assert [200, 200, 200] == await asked(gateway, "/v1/charges", 3)


async def test_the_command_line_may_set_one(shapes):
    """For each endpoint, from the first request on and after a reset."""
    async with Running(shapes, "--rate-limit", "2") as gateway:
        first = await asked(gateway, "/v1/charges", 3)
        await limit(gateway)
        await gateway.http.post("/_emulator/reset")
        again = await asked(gateway, "/v1/charges", 3)

    assert [200, 200, 429] == first == again
