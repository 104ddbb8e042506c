"""Thin events name an object; it is fetched outside of any transaction, and one fact has one effect, however it is told."""

from datetime import timedelta

import pytest

from service.recovery.flow import fetch_thin
from service.webhooks.rules import MOST_REFUSED
from tests.checkout.rows import broken_promises
from tests.payments.history import PAID, end_of, ordered
from tests.recovery.both import later, listen_to_both
from tests.stage import Stage
from tests.webhooks.applying import LONG, Inbox
from tests.webhooks.delivery import told

OUTAGE = {"match": {"path": "/v1/*"}, "effects": {"outage": True}}
GONE = {"error": {"status": 404}}
NOTHING_THERE = {"match": {"method": "GET", "path": "/v1/*"}, "effects": GONE}


async def arrived(stage: Stage) -> None:
    """The session's and the payment's events are in the inbox."""
    enough = "SELECT 1 FROM payment_events WHERE type LIKE 'v1.checkout.session.completed'"
    await stage.until(lambda: stage.rows(enough))


async def fetch(inbox: Inbox) -> bool:
    return await fetch_thin(inbox.parts.db, inbox.parts.gateways, limit=10, jitter=0.5)


async def test_a_shop_with_a_thin_endpoint_only_is_paid(stage: Stage):
    """Loops and all: fetched, applied, tickets out; the order is the subject of its events."""
    await listen_to_both(stage, thin=True, snapshot=False)
    checkout = await ordered(stage)

    async with stage.worker():
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")

    assert 2 == len(order["tickets"])
    done = "SELECT DISTINCT state, subject FROM payment_events WHERE is_thin AND detail IS NOT NULL"
    assert [("applied", checkout["orderId"])] == await stage.rows(done)
    assert [] == await broken_promises(stage)


async def test_with_both_endpoints_armed_every_event_has_one_row_and_one_effect(stage: Stage):
    """A dual run: the thin event has its snapshot's id, whichever comes first."""
    await listen_to_both(stage, thin=True)
    checkout = await ordered(stage)

    async with stage.worker():
        await stage.pay(checkout)
        await stage.order_in(checkout, "paid")
        await stage.until(lambda: _all_answered(stage))
        await stage.until(lambda: _nothing_waits(stage))

    rows = await stage.rows("SELECT event_id FROM payment_events")
    assert sorted(each["id"] for each in await told(stage)) == sorted(row[0] for row in rows)
    assert PAID == await end_of(stage, checkout["orderId"])
    assert [] == await broken_promises(stage)


async def _deliveries(stage: Stage) -> list[dict]:
    return (await stage.emulator.get("/_emulator/deliveries")).json()["deliveries"]


async def _all_answered(stage: Stage) -> bool:
    return all(each["state"] == "delivered" for each in await _deliveries(stage))


async def _nothing_waits(stage: Stage) -> bool:
    return not await stage.rows("SELECT 1 FROM payment_events WHERE state = 'pending'")


async def test_nothing_is_applied_before_its_object_is_there(stage: Stage, inbox: Inbox):
    """The inbox passes it over; others behind it go on."""
    await listen_to_both(stage, thin=True, snapshot=False)
    await stage.pay(await ordered(stage))
    await arrived(stage)
    thin = "SELECT count(*) FROM payment_events WHERE is_thin AND state = 'pending' AND attempts = 0"
    before = await stage.rows(thin)

    await inbox.apply()

    assert before == await stage.rows(thin)
    assert before[0][0] > 0


async def test_while_the_gateway_is_away_it_is_tried_again(stage: Stage, inbox: Inbox):
    """With back-off, and the tries to fetch do not count as tries to apply."""
    await listen_to_both(stage, thin=True, snapshot=False)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await arrived(stage)
    await stage.faults(OUTAGE)
    await fetch(inbox)
    waiting = await stage.rows("SELECT DISTINCT state, attempts FROM payment_events WHERE is_thin AND detail IS NULL")
    at_once = await fetch(inbox)
    await stage.faults()
    later(stage, LONG)
    await fetch(inbox)
    await inbox.apply()

    assert [("pending", 1)] == waiting
    assert not at_once
    assert "paid" == (await stage.order(checkout))["status"]


async def test_what_cannot_be_fetched_becomes_a_dead_letter_and_can_be_replayed(stage: Stage, inbox: Inbox):
    """The gateway says that there is no such thing: a person sees it, with the cause."""
    await listen_to_both(stage, thin=True, snapshot=False)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await arrived(stage)
    await stage.faults(NOTHING_THERE)
    for _ in range(MOST_REFUSED):
        await fetch(inbox)
        later(stage, LONG)
    dead = await stage.rows("SELECT DISTINCT state, cause, attempts FROM payment_events WHERE is_thin")
    await stage.faults()
    await stage.rows("UPDATE payment_events SET state = 'pending', attempts = 0, cause = NULL")
    await fetch(inbox)
    await inbox.apply()

    assert [("dead", "not_fetched", MOST_REFUSED)] == dead
    assert "paid" == (await stage.order(checkout))["status"]


async def test_one_that_cannot_even_be_asked_for_stops_no_other(stage: Stage, inbox: Inbox):
    """Its provider stands no longer in the settings: it waits until that is mended, and the order beside it is paid."""
    await listen_to_both(stage, thin=True, snapshot=False)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await arrived(stage)
    await stage.rows("""INSERT INTO payment_events
        (provider, event_id, type, subject, livemode, payload, created_at, received_at, due_at, is_thin)
        SELECT 'gone', 'evt_gone', type, subject, livemode, payload, created_at, received_at, due_at, true
        FROM payment_events LIMIT 1""")
    for _ in range(MOST_REFUSED):
        await fetch(inbox)
        await inbox.apply()
        later(stage, LONG)

    [(state, told)] = await stage.rows("SELECT state, last_error FROM payment_events WHERE provider = 'gone'")
    assert "pending" == state
    assert "gone has open payments and is missing in CUBANO_PROVIDERS" in told
    assert "paid" == (await stage.order(checkout))["status"]


@pytest.mark.parametrize(("after_s", "again"), [(20, False), (40, True)])
async def test_whoever_dies_while_fetching_is_followed_by_another(stage: Stage, inbox: Inbox, after_s, again):
    """The due time is the lease."""
    await listen_to_both(stage, thin=True, snapshot=False)
    await stage.pay(await ordered(stage))
    await arrived(stage)
    await stage.rows("UPDATE payment_events SET due_at = :at", at=stage.clock() + timedelta(seconds=30))
    later(stage, after_s)

    assert again == await fetch(inbox)
