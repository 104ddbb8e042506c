"""Idempotency keys: one answer a key, for a day of the stand-in's clock."""

import asyncio

import pytest
import stripe

from tests.emulator.gateway import session_of

KEY = {"idempotency_key": "pay_1"}


async def test_the_same_request_is_answered_the_same(gateway):
    """Status and body are the first ones, and a header says that they are a replay."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), KEY)
    fresh = dict(gateway.wire.last_headers)
    second = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    replayed = gateway.wire.last_headers
    assert first.to_dict() == second.to_dict()
    assert ("idempotent-replayed" in fresh, replayed["idempotent-replayed"]) == (False, "true")
    assert fresh["request-id"] == replayed["original-request"] != replayed["request-id"]


async def test_a_replay_shows_the_first_state(gateway):
    """The session has been paid since; the key still answers what it answered."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), KEY)
    await gateway.pay(first)

    second = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    assert "open" == second.status


async def test_the_order_of_parameters_is_no_matter(gateway):
    """The same parameters in another order are the same request."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    second = await gateway.api.checkout.sessions.create_async(dict(reversed(session_of().items())), KEY)

    assert first.id == second.id


async def test_other_parameters_are_an_error(gateway):
    """400 idempotency_error; the first answer stays."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        await gateway.api.checkout.sessions.create_async(session_of(client_reference_id="other"), KEY)

    again = await gateway.api.checkout.sessions.create_async(session_of(), KEY)
    assert 400 == refused.value.http_status
    assert first.id == again.id


async def test_another_endpoint_is_an_error(gateway):
    """A key belongs to the endpoint it was first used for."""
    session = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await gateway.api.checkout.sessions.expire_async(session.id, {}, KEY)


async def test_a_key_in_flight_is_a_conflict(gateway):
    """Five at once while the first is slow: one is made, four are told to wait, and later they get it."""
    await gateway.arm({"effects": {"latency_ms": 200}, "times": 1})
    create = gateway.api.checkout.sessions.create_async

    results = await asyncio.gather(*(create(session_of(), KEY) for _ in range(5)), return_exceptions=True)
    later = await create(session_of(), KEY)

    refused = [result for result in results if isinstance(result, stripe.StripeError)]
    [made] = [result for result in results if not isinstance(result, Exception)]
    assert [(409, "idempotency_key_in_use")] * 4 == [(error.http_status, error.error.code) for error in refused]
    assert made.id == later.id


async def test_a_500_is_kept_too(gateway):
    """The endpoint had begun: the key answers 500 from then on, another key works."""
    await gateway.arm({"effects": {"error": {"status": 500}}, "times": 1})

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            await gateway.api.checkout.sessions.create_async(session_of(), KEY)
        assert 500 == failed.value.http_status

    other = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "pay_2"})
    assert "true" not in gateway.wire.last_headers.get("idempotent-replayed", "")
    assert "open" == other.status


async def test_a_503_in_front_of_the_endpoint_is_not_kept(gateway):
    """The SDK's own retry with the same key succeeds."""
    await gateway.arm({"effects": {"outage": True}, "times": 1})

    session = await gateway.client(max_network_retries=1).v1.checkout.sessions.create_async(session_of(), KEY)

    assert "open" == session.status


async def test_a_refusal_by_the_endpoint_is_kept(gateway):
    """Expiring a complete session fails under its key in the same words, replayed."""
    session = await gateway.open()
    await gateway.pay(session)
    messages = []

    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await gateway.api.checkout.sessions.expire_async(session.id, {}, KEY)
        messages.append(refused.value.user_message)

    assert "true" == gateway.wire.last_headers["idempotent-replayed"]
    assert 1 == len(set(messages))


async def test_a_key_is_forgotten_after_a_day(gateway):
    """Then the same request makes something new."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), KEY)

    await gateway.advance(24 * 3600 + 1)

    second = await gateway.api.checkout.sessions.create_async(session_of(), KEY)
    assert first.id != second.id


async def test_a_key_has_a_limit(gateway):
    """255 characters."""
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k" * 256})
