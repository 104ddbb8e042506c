"""Each fault does what it says, as often as it says, and the same again with the same seed."""

import time

import httpx
import pytest
import stripe

from tests.emulator.gateway import eventually, session_of

SESSIONS = {"method": "POST", "path": "/v1/checkout/sessions"}


async def test_latency_delays(gateway):
    """Within its bounds, for as many requests as asked."""
    await gateway.arm({"match": SESSIONS, "effects": {"latency_ms": [150, 250]}, "times": 1})
    took = []

    for _ in range(2):
        began = time.monotonic()
        await gateway.open()
        took.append(time.monotonic() - began)

    assert 0.15 <= took[0] < 0.6
    assert took[1] < 0.15


async def test_an_error_has_its_status_and_body(gateway):
    """Nothing is done behind it."""
    body = {"error": {"type": "api_error", "message": "The kitchen is on fire."}}
    await gateway.arm({"match": SESSIONS, "effects": {"error": {"status": 502, "body": body}}, "times": 1})

    with pytest.raises(stripe.APIError, match="kitchen") as failed:
        await gateway.open()

    assert 502 == failed.value.http_status
    assert [] == (await gateway.truth())["payments"]


async def test_an_error_after_the_work_hides_it(gateway):
    """500 to the caller while the session exists; the same key gets the same 500, so only a look-up finds it."""
    await gateway.arm({"match": SESSIONS, "effects": {"error": {"status": 500, "commit": True}}, "times": 1})

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})

    [payment] = (await gateway.truth())["payments"]
    assert {"order_id": "ord_1"} == payment["metadata"]


async def test_a_lost_504_is_found_again_by_its_key(gateway):
    """An error in front of the endpoint after the work: the retry with the same key replays the success."""
    effects = {"error": {"status": 504, "commit": True}}
    await gateway.arm({"match": SESSIONS, "effects": effects, "times": 1})

    client = gateway.client(max_network_retries=1)
    session = await client.v1.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})

    assert [session.id] == [payment["session"] for payment in (await gateway.truth())["payments"]]
    assert "true" == gateway.wire.last_headers["idempotent-replayed"]


@pytest.mark.parametrize(("moment", "made"), [(True, 0), ("before", 0), ("after", 1)])
async def test_a_reset_cuts_the_connection(gateway, moment, made):
    """Before the work nothing is done, after it everything is."""
    await gateway.arm({"match": SESSIONS, "effects": {"reset": moment}, "times": 1})

    with pytest.raises(stripe.APIConnectionError, match=r"ReadError|RemoteProtocolError"):
        await gateway.open()

    assert made == len((await gateway.truth())["payments"])


@pytest.mark.parametrize(("moment", "made"), [("before", 0), ("after", 1)])
async def test_an_answer_may_never_come(gateway, moment, made):
    """The caller gives up; whether the work was done is the moment's matter, and the key tells."""
    await gateway.arm({"match": SESSIONS, "effects": {"timeout": moment}, "times": 1})
    headers = {"authorization": "Bearer sk_test_emulator_tests", "idempotency-key": "k"}
    form = {
        "mode": "payment",
        "success_url": "http://127.0.0.1/",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1000",
        "line_items[0][price_data][product_data][name]": "Pass",
        "line_items[0][quantity]": "1",
    }

    with pytest.raises(httpx.ReadTimeout):
        await gateway.http.post("/v1/checkout/sessions", data=form, headers=headers, timeout=0.3)
    lost = (await gateway.truth())["payments"]
    again = await gateway.http.post("/v1/checkout/sessions", data=form, headers=headers)

    assert made == len(lost)
    assert 1 == len((await gateway.truth())["payments"])
    assert ("true" if made else None) == again.headers.get("idempotent-replayed")


async def test_a_rate_limit_is_429(gateway):
    """In the vendor's shape; the SDK does not try again by itself."""
    await gateway.arm({"effects": {"rate_limit": True}, "times": 1})

    with pytest.raises(stripe.RateLimitError) as limited:
        await gateway.client(max_network_retries=2).v1.checkout.sessions.create_async(session_of())

    assert (429, "rate_limit") == (limited.value.http_status, limited.value.error.code)


async def test_an_outage_lasts_until_it_is_lifted(gateway):
    """503 for everything in /v1; control and health still answer."""
    await gateway.arm({"effects": {"outage": True}})

    for path in ("/v1/charges", "/v1/events", "/v1/nothing"):
        assert 503 == (await gateway.http.get(path)).status_code
    assert 200 == (await gateway.http.get("/health/ready")).status_code
    await gateway.http.delete("/_emulator/faults")

    assert "open" == (await gateway.open()).status


async def test_a_fault_finds_its_match(gateway):
    """By method, path with a star, and provider."""
    await gateway.arm(
        {"match": {"method": "POST", "path": "/v1/checkout/sessions/*/expire"}, "effects": {"outage": True}},
        {"match": {"provider": "paypal"}, "effects": {"outage": True}},
    )
    session = await gateway.open()

    with pytest.raises(stripe.APIError):
        await gateway.api.checkout.sessions.expire_async(session.id)

    assert "open" == (await gateway.api.checkout.sessions.retrieve_async(session.id)).status


async def test_the_pay_page_can_fail_too(gateway):
    """When its path is named."""
    session = await gateway.open()
    await gateway.arm({"match": {"path": "/pay/*"}, "effects": {"outage": True}, "times": 1})

    first, second = [(await gateway.http.get(session.url)).status_code for _ in range(2)]

    assert (503, 200) == (first, second)


async def test_the_same_seed_tells_the_same_story(gateway):
    """Half of forty requests fail; which ones depends on the seed alone."""

    async def story(seed: int) -> list[int]:
        await gateway.arm(
            {"match": {"path": "/v1/charges"}, "effects": {"outage": True}, "probability": 0.5}, seed=seed
        )
        auth = ("sk_test_emulator_tests", "")
        return [(await gateway.http.get("/v1/charges", auth=auth)).status_code for _ in range(40)]

    first, again, other = await story(7), await story(7), await story(8)

    assert first == again != other
    assert 8 < first.count(503) < 32


async def test_a_fault_waits_and_counts(gateway):
    """After two matches, for two; the list shows how often it was seen and fired."""
    await gateway.arm({"id": "flaky", "effects": {"outage": True}, "after": 2, "times": 2})
    auth = ("sk_test_emulator_tests", "")

    statuses = [(await gateway.http.get("/v1/charges", auth=auth)).status_code for _ in range(6)]
    shown = (await gateway.http.get("/_emulator/faults")).json()

    assert [200, 200, 503, 503, 200, 200] == statuses
    assert ("flaky", 6, 2) == tuple(shown["faults"][0][name] for name in ("id", "seen", "fired"))


async def test_a_dropped_webhook_never_comes(gateway, receiver):
    """The others do; the event is listed as not delivered."""
    await gateway.arm({"match": {"event_type": "checkout.session.completed"}, "effects": {"drop": True}})
    await gateway.paid()

    await receiver.until(4)

    missed = await gateway.api.events.list_async({"delivery_success": False})
    assert "checkout.session.completed" not in receiver.types
    assert ["checkout.session.completed"] == [event.type for event in missed.data]


async def test_a_webhook_may_come_many_times(gateway, receiver):
    """One and three more of the same event."""
    await gateway.arm({"match": {"event_type": "checkout.session.*"}, "effects": {"duplicate": 3}})
    await gateway.paid()

    await receiver.until(8)

    completed = [one.event["id"] for one in receiver.got if one.event["type"] == "checkout.session.completed"]
    assert 4 == len(completed)
    assert 1 == len(set(completed))


async def test_a_webhook_may_be_late(gateway, receiver):
    """The delayed one comes after what happened after it."""
    await gateway.arm({"match": {"event_type": "payment_intent.created"}, "effects": {"delay_ms": 300}})
    await gateway.paid()

    await receiver.until(5)

    assert "payment_intent.created" == receiver.types[-1]


async def test_webhooks_may_come_in_another_order(gateway, receiver):
    """Five held, then let go shuffled, each once, the same way for the same seed."""
    orders = []
    for _ in range(2):
        await gateway.arm({"effects": {"reorder": 5}}, seed=3)
        receiver.got.clear()
        await gateway.paid()
        await receiver.until(5)
        orders.append(receiver.types)

    natural = (await gateway.event_types())[:5]
    assert sorted(natural) == sorted(orders[0])
    assert natural != orders[0] == orders[1]


async def test_held_webhooks_do_not_wait_for_ever(gateway, receiver):
    """Fewer than the fault waits for: they go out after a second."""
    await gateway.arm({"effects": {"reorder": 50}})
    await gateway.paid()

    await receiver.until(5, within_s=5)

    assert 5 == len(receiver.types)


async def test_a_bad_signature_does_not_verify_and_the_next_try_does(gateway, receiver):
    """The fault is about one try; the receiver refuses it and gets the event again."""
    await gateway.arm({"match": {"event_type": "checkout.session.*"}, "effects": {"bad_signature": True}, "times": 1})
    receiver.answers = [400]
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    got = await receiver.until(2)

    assert [False, True] == [one.verified for one in got]


async def test_a_signature_may_be_of_another_time(gateway, receiver):
    """Ten minutes old: outside the window the vendor's code allows."""
    await gateway.arm({"effects": {"skew_s": -600}})
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    [got] = await receiver.until(1)

    assert not got.verified


@pytest.mark.parametrize(
    "fault",
    [
        {"effects": {}},  # does nothing
        {"effects": {"outage": True, "drop": True}},  # about a request and a delivery at once
        {"effects": {"reset": "sometimes"}},
        {"effects": {"timeout": "soon"}},
        {"effects": {"latency_ms": [5, 1]}},
        {"effects": {"latency_ms": -1}},
        {"effects": {"outage": True}, "probability": 2},
        {"effects": {"outage": True}, "times": 0},
        {"effects": {"explode": True}},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(gateway, fault):
    """400, and the list stays as it was."""
    await gateway.arm({"id": "kept", "effects": {"outage": True}})

    answer = await gateway.http.put("/_emulator/faults", json={"faults": [fault]})

    assert 400 == answer.status_code
    assert ["kept"] == [row["id"] for row in (await gateway.http.get("/_emulator/faults")).json()["faults"]]


async def test_reset_lifts_faults_and_forgets_all(gateway, receiver):
    """Objects, keys, clock and deliveries are gone; endpoints stay."""
    receiver.answers = [500] * 4
    await gateway.paid()
    await gateway.advance(86_400)
    await gateway.arm({"effects": {"outage": True}})

    await gateway.http.post("/_emulator/reset")

    async def quiet():
        return await gateway.deliveries() == []

    await eventually(quiet)
    assert [] == (await gateway.truth())["payments"]
    assert 0 == (await gateway.http.get("/_emulator/clock")).json()["offset_s"]
    assert "open" == (await gateway.open()).status
    assert 1 == len((await gateway.http.get("/_emulator/endpoints")).json()["endpoints"])
