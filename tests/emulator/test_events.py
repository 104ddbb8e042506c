"""The list of events as recovery uses it: what was not delivered, from a cursor on, oldest first, for thirty days."""

import time

import pytest
import stripe

from tests.emulator.gateway import eventually
from tests.emulator.receiver import SECRET

DAY_S = 86_400
OF_A_PAYMENT = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
    "charge.updated",
]


async def listed(gateway, **filters):
    return (await gateway.api.events.list_async(filters)).data


async def quiet(gateway):
    """Nothing is on its way any more."""

    async def settled():
        return "pending" not in {row["state"] for row in await gateway.deliveries()}

    await eventually(settled)


async def test_events_are_kept_for_thirty_days(gateway):
    """Older ones are neither listed nor found, not even by who asks for that time."""
    await gateway.paid()
    [event] = await listed(gateway, type="charge.succeeded")

    await gateway.advance(29 * DAY_S)
    before = await listed(gateway, type="charge.succeeded")
    await gateway.advance(2 * DAY_S)

    assert [event.id] == [one.id for one in before]
    assert [] == await listed(gateway, type="charge.succeeded")
    assert [] == await listed(gateway, type="charge.succeeded", created={"gte": event.created - 60})
    with pytest.raises(stripe.InvalidRequestError) as gone:
        await gateway.api.events.retrieve_async(event.id)
    assert 404 == gone.value.http_status


async def test_what_was_delivered_is_told_from_what_was_not(gateway, receiver):
    """Refused to the end, dropped, or still under way: not delivered; all else is."""
    await gateway.arm(
        {"match": {"event_type": "charge.updated"}, "effects": {"drop": True}},
        {"match": {"event_type": "payment_intent.succeeded"}, "effects": {"delay_ms": 600_000}},
    )
    receiver.answers = [500] * 4  # as often as is tried
    await gateway.listen((receiver.url, SECRET))
    await gateway.paid()

    async def done():
        return sorted(row["state"] for row in await gateway.deliveries()) == [
            "delivered", "delivered", "delivered", "dropped", "pending",
        ]  # fmt: skip

    await eventually(done)
    missed = [event.type for event in await listed(gateway, delivery_success=False)]
    good = [event.type for event in await listed(gateway, delivery_success=True)]
    assert ["charge.updated", "payment_intent.succeeded"] == missed
    assert ["checkout.session.completed", "charge.succeeded", "payment_intent.created"] == good


async def test_an_event_nobody_wanted_is_delivered(gateway):
    """There is nothing left to do about it."""
    await gateway.paid()

    assert 5 == len(await listed(gateway, delivery_success=True))


async def test_a_refused_delivery_is_not_delivered(gateway, receiver):
    """After the last try nobody is owed it any more, but the list tells; a resend brings it."""
    receiver.answers = [500] * 4
    await gateway.listen((receiver.url, SECRET), enabled_events=["charge.succeeded"])
    await gateway.paid()
    await quiet(gateway)
    [missed] = await listed(gateway, delivery_success=False)

    await gateway.http.post(f"/_emulator/events/{missed.id}/resend")
    await receiver.until(5)

    assert "charge.succeeded" == missed.type
    assert 0 == missed.pending_webhooks


async def test_recovery_reads_from_a_cursor_on(gateway):
    """Page by page with `ending_before`, each page turned around: oldest first, none twice, none left out."""
    await gateway.paid()
    cursor = (await listed(gateway))[-1].id
    for _ in range(3):
        await gateway.paid()
    seen = []

    while batch := await listed(gateway, ending_before=cursor, limit=4):
        seen += [event.id for event in reversed(batch)]
        cursor = batch[0].id

    everything = [event.id for event in reversed(await listed(gateway, limit=100))]
    assert everything[1:] == seen


async def test_types_may_be_a_group_or_a_list(gateway):
    """Wildcard, several, and a window of time."""
    await gateway.paid()

    async def types(**filters):
        return [event.type for event in reversed(await listed(gateway, **filters))]

    assert OF_A_PAYMENT == await types(type="*")
    assert ["payment_intent.created", "payment_intent.succeeded"] == await types(type="payment_intent.*")
    assert ["charge.succeeded", "checkout.session.completed"] == await types(
        types=["checkout.session.completed", "charge.succeeded"]
    )
    assert [] == await types(created={"lt": int(time.time()) - 60})
    with pytest.raises(stripe.InvalidRequestError, match="at most 20"):
        await types(types=["charge.succeeded"] * 21)
