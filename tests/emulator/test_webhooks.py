"""Webhooks on a real wire: signed, retried, counted, resent."""

import json
import time

import pytest
import stripe

from tests.emulator.gateway import eventually
from tests.emulator.receiver import SECRET


async def states(gateway, **filters):
    return [row["state"] for row in await gateway.deliveries(**filters)]


async def test_each_event_arrives_signed(gateway, receiver):
    """The vendor's own verification accepts every one, on the raw bytes."""
    await gateway.paid()

    got = await receiver.until(5)

    assert all(one.verified for one in got)
    assert set(await gateway.event_types()) == set(receiver.types)
    if gateway.shapes is not None:
        for one in got:
            gateway.shapes.check(one.event)


async def test_the_sdk_constructs_the_event(gateway, receiver):
    """Snapshot form, with the API version and the moment; the object is as it was then."""
    session = await gateway.open()
    await gateway.pay(session)
    await receiver.until(5)

    [got] = [one for one in receiver.got if one.event["type"] == "checkout.session.completed"]
    event = gateway.client().construct_event(got.body, got.header, SECRET)
    assert ("2026-10-28.endive", False, 1) == (event.api_version, event.livemode, event.pending_webhooks)
    assert (session.id, "paid") == (event.data.object.id, event.data.object.payment_status)
    assert abs(time.time() - event.created) < 5


async def test_a_secret_that_is_being_rolled_signs_twice(gateway, receiver):
    """With the old one and the new one; either verifies."""
    await gateway.listen((receiver.url, f"whsec_new,{SECRET}"))
    await gateway.paid()

    got = (await receiver.until(5))[0]

    assert 2 == got.header.count("v1=")
    assert got.verified


async def test_a_body_written_anew_does_not_verify(gateway, receiver):
    """The body is indented as the gateway's is: whoever parses and dumps it has other bytes."""
    await gateway.paid()
    got = (await receiver.until(5))[0]

    rewritten = json.dumps(json.loads(got.body))

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(rewritten, got.header, SECRET)


async def test_an_event_knows_the_request_it_came_from(gateway, receiver):
    """Request id and idempotency key of the API call; the buyer's own acts have none."""
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id, {}, {"idempotency_key": "expire_1"})
    request_id = gateway.wire.last_headers["request-id"]

    event = await receiver.until_type("checkout.session.expired")

    assert {"id": request_id, "idempotency_key": "expire_1"} == event["request"]


async def test_a_refused_delivery_is_tried_again(gateway, receiver):
    """500 twice, then 200: the same event and bytes, later each time; pending until then."""
    receiver.answers = [500, 503]
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    got = await receiver.until(3)

    async def delivered():
        return await states(gateway) == ["delivered"]

    await eventually(delivered)
    [row] = await gateway.deliveries()
    [event] = (await gateway.api.events.list_async()).data
    gaps = [later["at_ms"] - sooner["at_ms"] for sooner, later in zip(row["tries"], row["tries"][1:], strict=False)]
    assert 1 == len({one.body for one in got})
    assert [500, 503, 200] == [one["status"] for one in row["tries"]]
    assert gaps[0] >= 40
    assert gaps[1] >= 80
    assert 0 == event.pending_webhooks


async def test_tries_end(gateway, receiver):
    """After the last one the event counts as not delivered, and a list finds it; a resend delivers it."""
    receiver.answers = [500] * 4
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    async def given_up():
        return await states(gateway) == ["failed"]

    await eventually(given_up)
    missed = await gateway.api.events.list_async({"delivery_success": False})
    good = await gateway.api.events.list_async({"delivery_success": True})
    answer = await gateway.http.post(f"/_emulator/events/{missed.data[0].id}/resend")
    await receiver.until(5)

    assert (["checkout.session.expired"], []) == ([event.type for event in missed.data], good.data)
    assert 202 == answer.status_code
    assert 1 == len({one.body for one in receiver.got})


async def test_an_endpoint_that_is_down_is_tried_again(gateway, receiver):
    """Nobody listens at first; when somebody does, the event arrives."""
    await gateway.listen(("http://127.0.0.1:1/nobody", SECRET))
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    async def tried():
        rows = await gateway.deliveries()
        return rows and rows[0]["tries"]

    [first, *_] = await eventually(tried)
    await gateway.listen((receiver.url, SECRET))
    event = await receiver.until_type("checkout.session.expired")

    assert (0, "ConnectError") == (first["status"], first["error"])
    assert session.id == event["data"]["object"]["id"]


async def test_a_slow_endpoint_times_out(gateway, receiver):
    """No answer within the time-out is a refusal."""
    receiver.wait_s = 1.3
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    async def tried():
        rows = await gateway.deliveries()
        return rows and rows[0]["tries"]

    [first, *_] = await eventually(tried)

    assert "ReadTimeout" == first["error"]


async def test_several_endpoints_get_what_they_asked_for(gateway, receiver):
    """One asked for everything, one for refunds alone, each with its own secret."""
    endpoints = [
        {"url": receiver.url, "secret": SECRET},
        {"url": receiver.url, "secret": "whsec_other", "enabled_events": ["refund.*"]},
    ]
    (await gateway.http.put("/_emulator/endpoints", json=endpoints)).raise_for_status()
    outcome = await gateway.paid()
    await gateway.api.refunds.create_async({"charge": outcome["charge"]})

    await receiver.until_type("charge.refunded")
    await receiver.until(8)

    created = [one for one in receiver.got if one.event["type"] == "refund.created"]
    assert [False, True] == sorted(one.verified for one in created)
    assert [2, 2] == [one.event["pending_webhooks"] for one in created]
    assert all(one.verified for one in receiver.got if not one.event["type"].startswith("refund."))


async def test_pending_deliveries_are_visible(gateway, receiver):
    """While an endpoint thinks, the event says that somebody is still owed it."""
    receiver.wait_s = 0.4
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)
    await receiver.until(1)

    during = (await gateway.api.events.list_async({"delivery_success": False})).data

    async def delivered():
        return await states(gateway, type="checkout.session.*") == ["delivered"]

    await eventually(delivered)
    after = await gateway.api.events.retrieve_async(during[0].id)
    assert (1, 0) == (during[0].pending_webhooks, after.pending_webhooks)


@pytest.mark.alone
async def test_many_are_under_way_at_once(gateway, receiver):
    """A slow endpoint does not make forty deliveries a queue of forty."""
    receiver.wait_s = 0.2
    began = time.monotonic()
    for _ in range(8):
        await gateway.paid()

    await receiver.until(40)

    assert time.monotonic() - began < 4


async def test_an_unknown_event_cannot_be_resent(gateway):
    """404."""
    answer = await gateway.http.post("/_emulator/events/evt_none/resend")

    assert 404 == answer.status_code
