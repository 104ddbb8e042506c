"""What is delivered names an event, and no more: what happened is what PayPal itself says under that id."""

import json
from datetime import timedelta

import pytest

from service.kernel.clock import utc_now
from service.kernel.errors import GatewayRejected, GatewayUnavailable, Parked
from tests.gateways.paypal.conftest import Desk
from tests.gateways.paypal.notary import forged_to

HOUR = timedelta(hours=1)


async def listed(desk: Desk) -> list[bytes]:
    now = utc_now()
    return [each async for each in desk.gateway.list_events(since=now - HOUR, until=now + HOUR)]


async def test_a_forged_body_is_replaced_by_the_event_of_its_id(desk: Desk):
    """Another type and another amount, under the checksum of the true one: applied is what PayPal has."""
    await desk.buy()
    [approval, _] = await listed(desk)
    told = json.loads(approval)
    forged = forged_to(approval, {**told, "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "9"}})

    fetched = await desk.gateway.fetch_event(forged)

    assert desk.gateway.normalise(approval) == desk.gateway.normalise(fetched)


async def test_an_event_that_paypal_does_not_know_is_refused_by_its_name(desk: Desk):
    """It is no dead letter at once: PayPal's own list may be a moment behind its deliveries."""
    with pytest.raises(GatewayRejected) as caught:
        await desk.gateway.fetch_event(b'{"id": "WH-58D329510W468432D-8HN650336L201105X"}')

    assert "unknown_event" == caught.value.code


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"id": 5}', "malformed"),
        (b'{"id": ""}', "unknown_event"),
        (b'{"id": "../../v2/checkout/orders/1"}', "unknown_event"),
        (b'{"id": "WH-1?x=1"}', "unknown_event"),
        (b'{"id": "WH-1%2f.."}', "unknown_event"),
        (b'{"id": "' + b"W" * 200 + b'"}', "unknown_event"),
    ],
)
async def test_an_id_that_could_lead_elsewhere_is_never_asked_for(desk: Desk, body, cause):
    """It stands in the address of a request that has our token, and a stranger may have written it."""
    await desk.arm({"outage": True}, path="*")

    with pytest.raises(Parked) as caught:
        await desk.gateway.fetch_event(body)

    assert cause == caught.value.cause


async def test_while_paypal_is_away_nothing_is_decided(desk: Desk):
    """Neither genuine nor forged: it is asked again later."""
    await desk.buy()
    [approval, _] = await listed(desk)
    await desk.arm({"outage": True}, path="/paypal/v1/notifications/*")

    with pytest.raises(GatewayUnavailable):
        await desk.gateway.fetch_event(approval)
