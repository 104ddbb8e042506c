"""The switches as acts: planned by the service, leased, done once under one key, and put back to what stood before."""

import pytest

from runbooks.engine.registry import RefusedError, Taken
from tests.runbooks.actions.conftest import REASON

LEASED = "SELECT leased_until BETWEEN now() AND now() + interval '61 s' FROM controls WHERE name = :name"
MOVES = [  # action, arguments, switch, position
    ("route.put", {"order": "paypal"}, "route", "paypal"),
    ("breaker.put", {"provider": "stripe"}, "breaker.stripe", "open"),
    ("sales.pause", {}, "sales", "paused"),
    ("maintenance.on", {}, "maintenance", "on"),
    ("load.shed", {}, "load", "shed"),
    ("limits.put", {"level": "tight"}, "limits", "tight"),
]

WRONG = [
    ("sales.pause", {}),
    ("sales.pause", {"lease_s": "864000"}),
    ("sales.pause", {"lease_s": "-1"}),
    ("route.put", {"order": "stripe,nobody", "lease_s": "60"}),
    ("route.put", {"lease_s": "60"}),
    ("breaker.put", {"provider": "nobody", "lease_s": "60"}),
    ("breaker.put", {"provider": "stripe/../sales", "lease_s": "60"}),
    ("breaker.put", {"provider": "stripe", "state": "ajar", "lease_s": "60"}),
    ("limits.put", {"level": "none", "lease_s": "60"}),
]


async def history(stage, name):
    """What was done to a switch, oldest first."""
    return await stage.rows("SELECT position, reason FROM control_history WHERE name = :name ORDER BY seq", name=name)


async def test_a_move_is_planned_done_once_seen_and_taken_back(stage, play):
    """A plan changes nothing; a repetition under the key is the same act; the lease goes along; undone, all is as before.

    What is wrong moves nothing: no lease or one without end, a provider or a position that is none, an argument that is a query.
    """
    for action, args in WRONG:
        with pytest.raises(RefusedError):
            await play.plan(action, **args)
        with pytest.raises(RefusedError):
            await play.apply(action, "wrong", **args)

    assert [] == await stage.rows("SELECT 1 FROM controls")
    for action, given, switch, position in MOVES:
        args = {**given, "lease_s": "60"}

        plan = await play.plan(action, **args)
        assert plan.changes, action
        assert plan.before["value"] != position == plan.after["value"]
        assert [] == await history(stage, switch)
        assert Taken.NOT_DONE == await play.observe(action, **args)

        done = await play.apply(action, f"key-{action}", **args)
        again = await play.apply(action, f"key-{action}", **args)
        assert done == again
        assert done["changed"]
        assert done["value"] == position
        assert [(position, REASON)] == await history(stage, switch)
        assert Taken.DONE == await play.observe(action, **args)
        assert [(True,)] == await stage.rows(LEASED, name=switch)

        back = await play.undo(action, f"undo-{action}", **args)
        assert back["changed"]
        assert [] == await stage.rows("SELECT 1 FROM controls WHERE name = :name", name=switch)
        assert Taken.NOT_DONE == await play.observe(action, **args)


async def test_undoing_restores_what_stood_before_and_never_anothers_move(stage, play):
    """A person's route comes back with what is left of its lease; what somebody else moved since is left alone."""
    person = await stage.client.put(
        "/api/ops/switches/route",
        json={"value": "stripe", "lease": 900, "reason": "PayPal is slow"},
        headers=play_headers(play),
    )
    assert person.is_success
    await play.apply("route.put", "k1", order="paypal", lease_s="60")
    await play.apply("route.put", "k2", order="paypal", lease_s="60")  # renewed

    restored = await play.undo("route.put", "k3", order="paypal", lease_s="60")
    nothing = await play.undo("route.put", "k4", order="paypal", lease_s="60")

    assert {"changed": True, "value": "stripe"} == restored
    assert {"changed": False, "value": "stripe"} == nothing
    ((left,),) = await stage.rows(
        "SELECT extract(epoch FROM leased_until - now())::int FROM controls WHERE name = 'route'"
    )
    assert 800 < left <= 900


async def test_a_move_is_ours_until_somebody_sets_it_anew(stage, play):
    """A person pauses the sale until noon, over our pause: it still stands, and is not ours any more."""
    ours = play.registry.actions["sales.pause"].ours
    said = {"reason": REASON, "lease_s": "60"}
    await play.apply("sales.pause", "o1", lease_s="60")
    assert await ours(play.world, said)

    body = {"value": "paused", "lease": 7200, "reason": "closed until noon"}
    person = await stage.client.put("/api/ops/switches/sales", json=body, headers=play_headers(play))

    assert person.is_success
    assert Taken.DONE == await play.observe("sales.pause", lease_s="60")
    assert not await ours(play.world, said)


def play_headers(play):
    return {"Authorization": f"Bearer {play.world.places.api_key}"}


async def test_the_route_goes_back_and_its_clearing_is_undone(stage, play):
    """Clearing is an act of its own: planned, done, seen, and taken back to what it cleared."""
    await stage.client.put(
        "/api/ops/switches/route",
        json={"value": "paypal", "lease": 900, "reason": "an outage"},
        headers=play_headers(play),
    )

    async def obeyed():
        return (await play.read("gateway.routing"))["route"] == "paypal"  # a process looks every second

    await stage.until(obeyed)

    plan = await play.plan("route.clear")
    assert plan.changes
    assert Taken.NOT_DONE == await play.observe("route.clear")
    await play.apply("route.clear", "c1")
    assert Taken.DONE == await play.observe("route.clear")
    assert not (await play.plan("route.clear")).changes
    await play.undo("route.clear", "c2")

    switches = await play.read("switches.all")
    assert ("paypal", 1, "route=paypal") == (switches["route"], switches["away"], switches["names"])


async def test_a_pause_is_taken_back_early(stage, play):
    """By the same run or by another; undone, the sale is paused for as long as was left."""
    assert not (await play.plan("sales.resume")).changes
    await play.apply("sales.pause", "p1", lease_s="900")
    assert (await play.read("switches.all"))["sales"] == "paused"

    plan = await play.plan("sales.resume")
    assert (True, {"switches.all.sales": "open"}) == (plan.changes, dict(plan.facts))
    await play.apply("sales.resume", "s1", reason="runbook Other, run 2")

    assert Taken.DONE == await play.observe("sales.resume")
    assert Taken.NOT_DONE == await play.observe("sales.pause", lease_s="900")
    await play.undo("sales.resume", "s2", reason="runbook Other, run 2")
    assert (await play.read("switches.all"))["sales"] == "paused"
