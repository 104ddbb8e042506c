"""Thin events: delivered, read with the vendor's own code, and followed to the object they are about."""

import asyncio

import pytest
import stripe
from stripe.events import UnknownEventNotification

from tests.emulator.receiver import SECRET

COMPLETED = "v1.checkout.session.completed"
DAY_S = 86_400


@pytest.fixture
async def thinly(gateway, receiver):
    """The receiver, told of events in the thin form."""
    await gateway.listen((receiver.url, SECRET), payload="thin")
    return receiver


async def test_a_thin_event_is_signed_and_parsed_by_the_sdk(gateway, thinly):
    """The vendor's code verifies it, knows its class, and fetches event and object by it."""
    session = await gateway.open()
    await gateway.pay(session)
    got = next(one for one in await thinly.until(5) if one.event["type"] == COMPLETED)

    notice = gateway.client().parse_event_notification(got.body, got.header, SECRET)
    event = await notice.fetch_event_async()
    related = await notice.fetch_related_object_async()

    assert "V1CheckoutSessionCompletedEventNotification" == type(notice).__name__
    assert (session.id, "checkout.session") == (notice.related_object.id, notice.related_object.type)
    assert got.event == event.to_dict()
    assert ("checkout.session", session.id, "complete") == (related.object, related.id, related.status)


async def test_it_holds_no_object_but_names_the_snapshot(gateway, thinly):
    """Another id, the same moment, and the way to the snapshot event."""
    await gateway.paid()

    got = await thinly.until(5)

    for one in got:
        snapshot = await gateway.api.events.retrieve_async(one.event["snapshot_event"])
        assert {
            "id", "object", "context", "created", "livemode", "reason", "related_object", "snapshot_event", "type",
        } == one.event.keys()  # fmt: skip
        assert ("v2.core.event", False, None) == (one.event["object"], one.event["livemode"], one.event["context"])
        assert one.event["id"] != snapshot.id
        assert f"v1.{snapshot.type}" == one.event["type"]
        assert one.verified


async def test_every_kind_of_event_has_a_thin_form_the_sdk_knows(gateway, thinly):
    """A whole life: none is unknown, and each related object can be fetched."""
    outcome = await gateway.paid("4000000000000077")
    refund = await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 100})
    await gateway.http.post(f"/_emulator/refunds/{refund.id}/fail")
    await gateway.paid("4000000000000002")
    dispute = (await gateway.http.post("/_emulator/disputes", json={"charge": outcome["charge"]})).json()
    await gateway.http.post(f"/_emulator/disputes/{dispute['id']}/close", json={"outcome": "won"})
    await gateway.pay(await gateway.open(), None, **{"async": "fail"})
    await gateway.paid("4000000000000077")
    await gateway.http.post("/_emulator/payouts")
    await gateway.open()
    await gateway.advance(2 * DAY_S)
    total = len(await gateway.event_types())

    got = await thinly.until(total)

    client = gateway.client()
    notices = [client.parse_event_notification(one.body, one.header, SECRET) for one in got]
    related = await asyncio.gather(*(notice.fetch_related_object_async() for notice in notices))
    assert [] == [notice.type for notice in notices if isinstance(notice, UnknownEventNotification)]
    assert [notice.related_object.id for notice in notices] == [one.id for one in related]
    assert {"v1.payout.paid", "v1.refund.failed", "v1.charge.dispute.closed"} <= {notice.type for notice in notices}


async def test_the_request_behind_it_is_the_reason(gateway, thinly):
    """With its key; what the buyer did has none."""
    outcome = await gateway.paid()
    options = {"idempotency_key": "ref_1"}
    await gateway.api.refunds.create_async({"charge": outcome["charge"]}, options)
    await thinly.until(7)

    by_type = {one.event["type"]: one.event["reason"] for one in thinly.got}

    assert by_type[COMPLETED] is None
    assert ("request", "ref_1") == (
        by_type["v1.refund.created"]["type"],
        by_type["v1.refund.created"]["request"]["idempotency_key"],
    )


async def test_the_wrong_parser_refuses(gateway, receiver):
    """Each of the vendor's two parsers takes only its own kind."""
    await gateway.listen((receiver.url, SECRET), (receiver.url, SECRET))
    await gateway.open()
    await gateway.listen((receiver.url, SECRET), payload="thin")
    await gateway.paid()
    thin = (await receiver.until(5))[0]
    await gateway.listen((receiver.url, SECRET))
    await gateway.paid()
    snapshot = (await receiver.until(10))[-1]

    with pytest.raises(ValueError, match="thin event"):
        gateway.client().parse_event_notification(snapshot.body, snapshot.header, SECRET)
    with pytest.raises(ValueError, match="parse_event_notification"):
        gateway.client().construct_event(thin.body, thin.header, SECRET)


async def test_a_thin_endpoint_names_thin_types(gateway, receiver):
    """Only those come."""
    await gateway.listen((receiver.url, SECRET), payload="thin", enabled_events=["v1.checkout.session.*"])

    await gateway.paid()

    assert [COMPLETED] == [one.event["type"] for one in await receiver.until(1)]
    assert 1 == len(await gateway.deliveries())


async def test_thin_events_are_listed(gateway):
    """In pages, newest first, by type, object and time."""
    outcome = await gateway.paid()
    client = gateway.client()

    async def types(**filters):
        listed = await client.v2.core.events.list_async(filters)
        return [event.type async for event in listed.auto_paging_iter()]

    everything = await types()
    assert [f"v1.{name}" for name in reversed(await gateway.event_types())] == everything
    assert everything == await types(limit=2)
    assert [COMPLETED] == await types(types=[COMPLETED], limit=1)
    assert ["v1.charge.updated", "v1.charge.succeeded"] == await types(object_id=outcome["charge"], limit=1)
    assert everything == await types(created={"gte": "2020-01-01T00:00:00Z"}, limit=2)
    assert [] == await types(created={"lt": "2020-01-01T00:00:00Z"})


async def test_thin_events_are_kept_for_thirty_days(gateway):
    """Then they are neither listed nor found."""
    await gateway.paid()
    client = gateway.client()
    event = (await client.v2.core.events.list_async()).data[0]

    await gateway.advance(40 * DAY_S)

    assert [] == (await client.v2.core.events.list_async()).data
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        await client.v2.core.events.retrieve_async(event.id)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/core/events/evt_test_65none", 404),
        ("/v2/core/events/evt_1none", 404),
        ("/v2/core/events?created[gt]=soon", 400),
        ("/v2/core/events?colour=red", 400),
        ("/v2/core/events?limit=0", 400),
        ("/v2/core/events?page=evt_test_65none", 400),
        ("/v2/core/nothing", 404),
    ],
)
async def test_a_wrong_read_is_refused(gateway, path, status):
    """With an error object."""
    answer = await gateway.http.get(path, auth=("sk_test_emulator_tests", ""))

    assert status == answer.status_code
    assert "message" in answer.json()["error"]
