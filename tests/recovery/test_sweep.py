"""The gateway's own list of events is read every minute, and what is missing here is written down."""

import asyncio
from datetime import timedelta

import pytest

from service.kernel.clock import Dial, utc_now
from service.kernel.errors import GatewayError
from service.recovery import flow
from service.recovery.rules import EVERY, KEPT, LOOK, OVERLAP, STEP, WIDEST, YOUNG, next_step, window
from tests.payments.history import ordered
from tests.recovery.both import DROPPED, PROVIDERS, later, listen_to_both, order_from, pay
from tests.recovery.sweeping import Broom
from tests.stage import Stage
from tests.webhooks.delivery import deaf, deliver, told

KEY = ("sk_test_stage", "")
FORM = {
    "mode": "payment",
    "success_url": "http://127.0.0.1/",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "100",
    "line_items[0][price_data][product_data][name]": "a coffee",
}


async def others_sell(stage: Stage, how_many: int) -> None:
    """Another application on the same account opens pages and closes them: an event each."""
    for _ in range(how_many):
        page = (await stage.emulator.post("/v1/checkout/sessions", data=FORM, auth=KEY)).raise_for_status().json()
        (await stage.emulator.post(f"/v1/checkout/sessions/{page['id']}/expire", auth=KEY)).raise_for_status()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_row_that_was_lost_after_its_200_is_found_again(stage: Stage, broom: Broom, provider):
    """The endpoint answered, the gateway will never repeat it, and the row is gone (a restored backup)."""
    await listen_to_both(stage)
    await pay(stage, await order_from(stage, provider))
    await stage.until(lambda: stage.rows("SELECT 1 FROM payment_events"))
    await asyncio.sleep(0.3)  # until the last of them is there
    before = set(await broom.events())
    await stage.rows("DELETE FROM payment_events")

    await broom.sweep(provider)

    found = await broom.events()
    assert {"sweep"} == set(found.values())
    assert found.keys() <= before  # the webhook endpoint takes more types than we act on


async def test_what_is_known_is_left_alone(stage: Stage, broom: Broom):
    """Delivered events are neither written nor counted again, however often the list is read."""
    await deaf(stage)
    await pay(stage, await ordered(stage))
    for event in await told(stage):
        await deliver(stage, event)
    await broom.inbox.apply()
    rows = "SELECT event_id, found_by, received_at, state, attempts FROM payment_events ORDER BY seq"
    before = await stage.rows(rows)

    swept = [await broom.sweep(), await broom.sweep()]

    assert [True, True] == swept
    assert before == await stage.rows(rows)
    assert 0 == broom.counted("cubano_recovered_total")["sweep", "stripe"]


async def test_the_young_are_left_to_their_webhook(stage: Stage, stage_clock: Dial, broom: Broom):
    """It is on its way; only what has not come a little later was lost."""
    await deaf(stage)
    stage_clock.set(utc_now())
    await pay(stage, await ordered(stage))

    await broom.sweep(after_s=1)
    young = await broom.events()
    await broom.sweep()

    assert {} == young
    assert {"sweep"} == set((await broom.events()).values())


async def test_a_list_of_many_pages_is_read_to_its_end(stage: Stage, broom: Broom):
    """More events than a page of the vendor and a batch of ours hold; others' are written down and ignored."""
    await deaf(stage)
    await others_sell(stage, 230)
    checkout = await ordered(stage)
    await pay(stage, checkout)

    await broom.sweep()
    await broom.inbox.settle()

    assert "paid" == (await stage.order(checkout))["status"]
    states = dict(await stage.rows("SELECT state, count(*) FROM payment_events GROUP BY 1"))
    assert 230 == states["ignored"]
    assert sum(states.values()) == broom.counted("cubano_recovered_total")["sweep", "stripe"]


async def test_a_sweep_that_dies_half_way_is_repeated(stage: Stage, broom: Broom):
    """What was found stays, the mark is not beyond it, nobody waits for a lease, and the next one finds the rest."""
    await deaf(stage)
    await broom.sweep()
    await others_sell(stage, 230)
    third = {"match": {"method": "GET", "path": "/v1/events"}, "after": 4, "effects": {"error": {"status": 400}}}
    await stage.faults(third)

    with pytest.raises(GatewayError):
        await broom.sweep()
    half = len(await broom.events())
    await stage.faults()
    again = await broom.sweep(after_s=10)

    assert 0 < half < 230
    assert again
    assert 230 == len(await broom.events())
    assert 230 == broom.counted("cubano_recovered_total")["sweep", "stripe"]


async def test_a_long_list_is_read_in_steps_and_none_is_read_again(stage: Stage, broom: Broom):
    """After an hour's absence the third step fails: the mark stands behind the second."""
    await deaf(stage)
    await broom.sweep()
    await stage.rows("UPDATE sweeps SET swept_until = swept_until - interval '58 minutes'")
    fails = {"match": {"method": "GET", "path": "/v1/events"}, "after": 2, "effects": {"error": {"status": 400}}}
    before = await broom.swept_ago()
    await stage.faults(fails)

    with pytest.raises(GatewayError):
        await broom.sweep(after_s=0)

    gone = before - await broom.swept_ago()
    assert STEP * 3 - OVERLAP == gone  # ten minutes, then twenty as they were empty
    assert [(None,)] == await stage.rows("SELECT leased_until FROM sweeps")


async def test_a_wide_step_that_takes_too_long_is_read_in_short_ones(stage: Stage, broom: Broom):
    """It looked as if nothing happened, and then a sale did: the lease must not run out meanwhile."""
    await deaf(stage)
    await broom.sweep()
    await stage.rows("UPDATE sweeps SET swept_until = swept_until - interval '58 minutes'")
    slow = {"match": {"method": "GET", "path": "/v1/events"}, "after": 1, "times": 1, "effects": {"latency_ms": 3000}}
    await stage.faults(slow)

    parts = broom.inbox.parts
    swept = await flow.sweep(
        parts.db, parts.gateways["stripe"], broom.intake, livemode=False, patience=timedelta(seconds=1)
    )

    assert swept
    assert YOUNG == await broom.swept_ago()


def test_steps_are_short_where_much_happens():
    """They grow over what is empty, and the first busy one makes them short again; the usual sweep is one step."""
    grown = [next_step(each, is_sparse=True) for each in (STEP, STEP * 2, WIDEST)]

    assert [STEP * 2, STEP * 4, WIDEST] == grown
    assert STEP == next_step(WIDEST, is_sparse=False)
    assert OVERLAP + EVERY + YOUNG + LOOK * 2 < STEP


async def test_one_worker_reads_a_list_at_a_time_and_once_a_minute(stage: Stage, broom: Broom):
    """Several look; each gateway's list is read by one of them."""
    later(stage, 70)
    looks = await asyncio.gather(*(broom.sweep(after_s=0) for _ in range(5)))
    soon = await broom.sweep(after_s=50)
    in_a_minute = await broom.sweep(after_s=10)

    assert [False, False, False, False, True] == sorted(looks)
    assert (False, True) == (soon, in_a_minute)
    assert YOUNG == await broom.swept_ago()
    assert (stage.clock() - YOUNG).timestamp() == broom.counted("cubano_sweep_last_timestamp_seconds")[("stripe",)]


async def test_whoever_dies_while_reading_is_followed_by_another(stage: Stage, broom: Broom):
    """The lease of the dead runs out within a minute."""
    await broom.sweep()
    await stage.rows("UPDATE sweeps SET leased_until = :until", until=stage.clock() + timedelta(seconds=105))

    assert [False, True] == [await broom.sweep(after_s=60), await broom.sweep(after_s=50)]


async def test_events_of_the_other_mode_are_counted_and_stay_out(stage: Stage, broom: Broom):
    """Test events are nothing to a live shop."""
    await deaf(stage)
    await pay(stage, await ordered(stage))

    await broom.sweep(livemode=True)

    assert {} == await broom.events()
    assert broom.counted("cubano_webhooks_total")["stripe", "wrong_mode"] > 0


@pytest.mark.parametrize("away", PROVIDERS)
async def test_a_gateway_that_is_away_keeps_no_other_waiting(stage: Stage, stage_clock: Dial, away):
    """Its own loop fails and is counted; the other gateway's orders are paid."""
    await listen_to_both(stage)
    other = next(each for each in PROVIDERS if each != away)
    checkout = await order_from(stage, other)
    await stage.faults(DROPPED, {"match": {"provider": away, "method": "GET"}, "effects": {"outage": True}})
    await pay(stage, checkout)
    stage_clock.advance(YOUNG * 2)

    async with stage.worker() as worker:
        await stage.order_in(checkout, "paid", within_s=30)
        await stage.until(lambda: asyncio.sleep(0.02, f"sweep-{away}" in worker.turned_at), within_s=30)
        failures = worker.parts.telemetry.render("")[0].decode()

    assert 'cubano_worker_failures_total{loop="sweep"}' in failures


def test_a_long_absence_is_bounded_by_what_a_gateway_keeps():
    """Thirty days; what lies further back is for reconciliation."""
    now = utc_now()

    since, until = window(now - timedelta(days=90), now=now)

    assert (now - KEPT, now - YOUNG) == (since, until)
    assert timedelta(days=29) < now - since < timedelta(days=30)


async def test_after_a_long_absence_both_gateways_take_the_question(stage: Stage, broom: Broom):
    """Neither refuses a window that is as long as it keeps events."""
    for provider in PROVIDERS:
        await broom.sweep(provider)
    await stage.rows("UPDATE sweeps SET swept_until = swept_until - interval '90 days'")

    assert [True, True] == [await broom.sweep(provider) for provider in PROVIDERS]
