"""Events, messages and orders that stand still: counted, done again, parked, asked for; each under its key once."""

from dataclasses import replace

import pytest

from runbooks.actions.world import open_world
from runbooks.engine.registry import RefusedError, Taken, UnreachableError
from tests.stage import API_KEY

DIED = "UPDATE payment_events SET state = 'dead', cause = 'amount_mismatch', ended_at = now(), attempts = 3"


@pytest.fixture
async def dead(stage):
    """Two paid orders whose events were all delivered and given up; the events' ids."""
    for _ in range(2):
        await stage.pay((await stage.checkout()).json())

    async def arrived():
        ((count,),) = await stage.rows("SELECT count(*) FROM payment_events")
        return count == await sent(stage)

    await stage.until(arrived)
    await stage.rows(DIED)
    return [row[0] for row in await stage.rows("SELECT event_id FROM payment_events ORDER BY seq")]


async def sent(stage):
    """How many events the gateway has told of."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return len((await stage.emulator.get("/v1/events", params={"limit": 100}, headers=headers)).json()["data"])


async def states(stage):
    """In which states events are."""
    return {row[0] for row in await stage.rows("SELECT DISTINCT state FROM payment_events")}


async def test_dead_events_are_counted_explained_and_applied_again(stage, play, dead):
    """The plan says how many orders and cents; nothing is due before; under its key it happens once; then none is left."""
    counted, causes = await play.read("inbox.dead"), await play.read("inbox.causes")
    plan = await play.plan("inbox.replay")

    assert (len(dead), len(dead), 1) == (counted["dead"], counted["recent"], counted["causes"])
    assert ("amount_mismatch", "stripe", 1.0) == (causes["cause"], causes["provider"], causes["share"])
    assert (2, len(dead), {"USD": 99600}) == (plan.orders, plan.events, plan.cents)
    assert {"inbox.dead.dead": 0} == plan.facts
    assert {"dead"} == await states(stage)
    assert 0 == (await play.read("inbox.dead", provider="paypal"))["dead"]

    done = await play.apply("inbox.replay", "r1")
    depth = await play.read("inbox.depth")
    await stage.rows(DIED)
    again = await play.apply("inbox.replay", "r1")

    assert done == again
    assert done["events"] == len(dead) == depth["due"]
    assert {"dead"} == await states(stage)  # the same act, not a second one
    assert Taken.NOT_DONE == await play.observe("inbox.replay")
    await play.apply("inbox.replay", "r2")
    assert Taken.DONE == await play.observe("inbox.replay")
    assert not (await play.plan("inbox.replay")).changes


async def test_one_event_is_parked_and_taken_up_again(stage, play, dead):
    """Parking is an act on one event; undone, it is applied after all."""
    event = dead[0]
    plan = await play.plan("inbox.discard", event=event)

    assert plan.changes
    assert {"dead"} == await states(stage)
    await play.apply("inbox.discard", "d1", event=event)
    assert Taken.DONE == await play.observe("inbox.discard", event=event)
    await play.undo("inbox.discard", "d2", event=event)
    assert Taken.NOT_DONE == await play.observe("inbox.discard", event=event)
    assert [("pending",)] == await stage.rows("SELECT state FROM payment_events WHERE event_id = :id", id=event)
    with pytest.raises(RefusedError, match="not_found"):
        await play.plan("inbox.discard", event="evt_none")


async def test_what_never_came_is_fetched_once(stage, play, dead):
    """Events that the gateway lists and nobody delivered: counted by the plan, written by the act.

    Which they are moves while somebody approves, so that is no part of what is approved.
    """
    await stage.rows("DELETE FROM payment_events")

    plan = await play.plan("inbox.sweep", provider="stripe", since="1h")
    assert 0 < plan.events
    assert {"fetched": "what is missing"} == plan.after
    assert {} == plan.before
    assert [(0,)] == await stage.rows("SELECT count(*) FROM payment_events")
    done = await play.apply("inbox.sweep", "s1", provider="stripe", since="1h")
    assert done == await play.apply("inbox.sweep", "s1", provider="stripe", since="1h")
    assert Taken.DONE == await play.observe("inbox.sweep", provider="stripe", since="1h")
    assert {"sweep"} == {row[0] for row in await stage.rows("SELECT found_by FROM payment_events")}


async def test_dead_messages_are_sent_again(stage, play):
    """All, or of one kind; what is done is not sent again, what was never dead is left alone."""
    row = "INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at) VALUES (:kind, :key, '{}', :state, 100, now(), now())"
    for kind, key, state in (
        ("mail.confirmation", "1", "dead"),
        ("refund.send", "2", "dead"),
        ("mail.confirmation", "3", "done"),
    ):
        await stage.rows(row, kind=kind, key=key, state=state)

    assert 2 == (await play.read("outbox.dead"))["dead"]
    assert 1 == (await play.read("outbox.dead", kind="mail."))["dead"]
    plan = await play.plan("outbox.retry", kind="mail.confirmation")
    assert 1 == plan.events
    assert 2 == (await play.read("outbox.dead"))["dead"]

    done = await play.apply("outbox.retry", "o1", kind="mail.confirmation")

    assert done == await play.apply("outbox.retry", "o1", kind="mail.confirmation")
    assert {("1", "pending", 0), ("2", "dead", 100), ("3", "done", 100)} == set(
        await stage.rows("SELECT key, state, attempts FROM outbox")
    )
    assert Taken.DONE == await play.observe("outbox.retry", kind="mail.confirmation")
    assert 1 == (await play.read("outbox.depth", kind="mail."))["due"]


async def test_what_waits_for_its_next_try_is_hurried(stage, play):
    """Of one kind, those that were tried; what is dead, done or new is left alone, and under its key it happens once."""
    row = "INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at) VALUES (:kind, :key, '{}', :state, :attempts, now() + interval '3 hours', now())"
    for kind, key, state, attempts in (
        ("mail.confirmation", "1", "pending", 9),
        ("mail.refund", "2", "pending", 4),
        ("mail.confirmation", "3", "pending", 0),
        ("mail.confirmation", "4", "dead", 100),
        ("refund.send", "5", "pending", 7),
    ):
        await stage.rows(row, kind=kind, key=key, state=state, attempts=attempts)

    plan = await play.plan("outbox.hurry", kind="mail.")
    assert (2, {"due": "what waits"}, {}) == (plan.events, plan.after, plan.before)

    done = await play.apply("outbox.hurry", "h1", kind="mail.")

    assert {"hurried": 2} == done == await play.apply("outbox.hurry", "h1", kind="mail.")
    assert {("3", 0), ("4", 100), ("5", 7)} == set(
        await stage.rows("SELECT key, attempts FROM outbox WHERE key IN ('3', '4', '5')")
    )


async def test_orders_that_stand_still_are_found_out_at_the_gateway(stage, play):
    """The plan names and sums them; a gateway that is away leaves them, one that answers moves them."""
    checkout = (await stage.checkout()).json()
    await stage.pay(checkout)
    await stage.rows("UPDATE orders SET status = 'processing', updated_at = now() - interval '1 hour'")
    await stage.rows("DELETE FROM payment_events")

    stuck = await play.read("orders.stuck")
    plan = await play.plan("orders.find_out")
    assert (1, "bank", 0, 49800) == (stuck["stuck"], stuck["waits_for"], stuck["for_person"], stuck["cents"])
    assert 3500 < stuck["oldest_s"] < 3900
    assert (1, {"USD": 49800}, [checkout["orderId"]]) == (plan.orders, plan.cents, plan.after["asked"])
    await stage.faults({"match": {"path": "/v1/*"}, "effects": {"outage": True}})
    with pytest.raises(UnreachableError, match="gateway_unavailable"):
        await play.apply("orders.find_out", "f1")
    assert "processing" == (await stage.order(checkout))["status"]
    await stage.faults()

    done = await play.apply("orders.find_out", "f1")

    assert {"asked": 1, "changed": 1, "refused": 0} == done == await play.apply("orders.find_out", "f1")
    assert "paid" == (await stage.order(checkout))["status"]
    assert Taken.DONE == await play.observe("orders.find_out")
    impact = await play.read("orders.impact", since="1h")
    assert (1, 1, 0, "none") == (impact["opened"], impact["paid"], impact["lost"], impact["category"])


async def test_a_wrong_key_is_refused_and_a_dead_service_unreachable(stage, play):
    """The two ways in which nothing is answered, told apart; the database still tells how many orders stand still."""
    async with open_world(replace(play.world.places, api_key="cubano_dev_none")) as stranger:
        with pytest.raises(RefusedError, match="401"):
            await play.registry.reads["switches.all"].look(stranger, {})
    async with open_world(replace(play.world.places, api_url="http://127.0.0.1:9")) as alone:
        with pytest.raises(UnreachableError, match="operators' API"):
            await play.registry.actions["inbox.replay"].apply(alone, {}, "k")
        probe = await play.registry.reads["checkout.probe"].look(alone, {})
        ready = await play.registry.reads["service.ready"].look(alone, {})
        stuck = await play.registry.reads["orders.stuck"].look(alone, {})
    assert (False, False) == (probe["ok"], probe["store"])
    assert {"answers": False, "ready": False, "failing": "all"} == ready
    assert {"stuck": 0, "oldest_s": 0} == stuck


async def test_what_a_customer_feels_is_told_without_buying(stage, play):
    """All three doors; a store that says it is closed is told from one that is broken; pages are opened ahead of a sale."""
    open_ = await play.read("checkout.probe")
    ready = await play.read("service.ready")
    warmed = await play.apply("pages.warm", "w1")
    await play.apply("maintenance.on", "m1", lease_s="60")

    async def closed():
        return (await play.read("checkout.probe"))["closed"]

    await stage.until(closed)

    assert (True, True, True, True, False) == tuple(
        open_[each] for each in ("ok", "store", "catalog", "ready", "closed")
    )
    assert open_["on_sale"] >= 1
    assert {"answers": True, "ready": True, "failing": "none", "database": True} == ready
    assert 0 == warmed["failed"]
    assert [(0,)] == await stage.rows("SELECT count(*) FROM orders")
