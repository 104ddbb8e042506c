"""Switches over the API: planned, agreed to by hash, done once, leased, and written down."""

from datetime import timedelta

import pytest

from service.controls import flow as controls
from service.kernel.clock import Dial, utc_now
from tests.ops.conftest import codes


@pytest.fixture
def stage_clock():
    return Dial(utc_now())


async def test_a_dry_run_tells_what_the_act_will_do_and_changes_nothing(stage, on_call):
    """Counts of what it touches, the hash of the plan; nothing moves, nothing is noted."""
    await stage.checkout()
    before = (await on_call.get("switches/breaker.stripe")).json()

    plan = (await on_call.put("switches/breaker.stripe", value="open", lease=60, dryRun=True)).json()

    assert (True, True) == (plan["dryRun"], plan["changes"])
    assert {"value": "open", "lease": 60} == plan["after"]
    assert {"orders": 1, "sessions": 1, "events": 0, "amounts": [{"minor": 49800, "currency": "USD"}]} == plan[
        "affects"
    ]
    assert before == (await on_call.get("switches/breaker.stripe")).json()
    assert [] == await on_call.noted()


async def test_what_was_agreed_to_is_done_once_and_written_down(stage, on_call):
    """The plan's hash binds the act; its key makes a repetition the same act; another body under it is refused."""
    plan = (await on_call.put("switches/sales", value="paused", lease=60, dryRun=True, key="k1")).json()
    wish = {"value": "paused", "lease": 60, "expect": plan["planHash"]}

    done = await on_call.put("switches/sales", key="k1", **wish)
    again = await on_call.put("switches/sales", key="k1", **wish)
    other = await on_call.put("switches/sales", key="k1", **wish | {"lease": 61})
    late = await on_call.put("switches/sales", **wish)

    assert {**plan, "dryRun": False} == done.json() == again.json()
    assert (422, "idempotency_key_reused") == codes(other)
    assert (409, "plan_changed") == codes(late)
    assert [("switch.put", "sales")] == await on_call.noted()
    ((before, after, ip),) = await stage.rows("SELECT before, after, ip FROM audit_trail WHERE action = 'switch.put'")
    assert ('{"until": null, "value": "open"}', '{"lease": 60, "reason": "a test", "value": "paused"}') == (
        before,
        after,
    )
    assert ip == "127.0.0.1"


async def test_the_lease_ends_by_itself(stage, on_call):
    """The switch is normal again to the second, the list says so, and the history tells how it ended."""
    await on_call.put("switches/breaker.paypal", value="open", lease=60)
    stands = (await on_call.get("switches/breaker.paypal")).json()

    stage.clock.advance(timedelta(seconds=60))

    after = (await on_call.get("switches/breaker.paypal")).json()
    assert ("open", "auto", None) == (stands["value"], after["value"], after["until"])
    async with stage.db.transaction() as session:
        await controls.end_leases(session)
    history = (await on_call.get("switches/breaker.paypal")).json()["history"]
    assert [(None, "lease"), ("open", on_call.name)] == [(each["value"], each["by"]) for each in history]


async def test_a_switch_is_put_back_before_its_time(stage, on_call):
    """By DELETE, or by putting its default; once is enough, and what was so already is not noted."""
    await on_call.put("switches/route", value="paypal", lease=60)
    query = {"reason": "the incident is over"}
    client, headers = stage.client, on_call.headers

    planned = await client.delete("/api/ops/switches/route", params=query | {"dryRun": "true"}, headers=headers)
    back = await client.delete("/api/ops/switches/route", params=query, headers=headers)
    again = await on_call.put("switches/route", value="stripe,paypal", lease=60)

    assert (True, planned.json()["planHash"]) == (planned.json()["dryRun"], back.json()["planHash"])
    assert ("paypal", True) == (back.json()["before"]["value"], back.json()["changes"])
    assert not again.json()["changes"]
    assert [("switch.put", "route"), ("switch.clear", "route")] == await on_call.noted()


async def test_wrong_wishes_are_refused_by_name(stage, on_call):
    """A position there is not, a lease too long or missing, a reason that is none, a body that is none."""
    refused = [
        (await on_call.put("switches/sales", value="closed"), "value"),
        (await on_call.put("switches/breaker.stripe", value="open"), "lease"),
        (await on_call.put("switches/sales", value="paused", lease=8 * 86_400), "lease"),
        (await on_call.put("switches/sales", value="paused", reason=" "), "reason"),
        (await on_call.put("switches/sales", value="paused", expect="x"), "expect"),
        (await on_call.put("switches/sales", value="paused", dryRun=0), "dryRun"),  # near to false, and no word for it
        (await on_call.put("switches/sales", value="paused", lease="60"), "lease"),
        (await on_call.put("switches/sales", value="paused", leese=60), "body"),
    ]

    assert [(400, field) for _, field in refused] == [
        (answer.status_code, answer.json()["errors"][0]["field"]) for answer, _ in refused
    ]
    assert 404 == (await on_call.put("switches/venmo", value="open")).status_code
    url, headers = "/api/ops/switches/sales", on_call.headers
    assert 415 == (await stage.client.put(url, content=b"{}", headers=headers)).status_code
    deep = await stage.client.put(url, content=b"[" * 60_000, headers=headers | {"Content-Type": "application/json"})
    assert (400, "invalid_request") == codes(deep)
    half = await stage.client.put(url, content=b'{"value":', headers=headers | {"Content-Type": "application/json"})
    assert (400, "invalid_json") == codes(half)
    assert [] == await on_call.noted()


async def test_the_routing_says_who_gets_checkouts_and_why(stage, on_call):
    """By the switches and breakers of the process that answers, with what happened lately."""
    await stage.checkout()
    await on_call.put("switches/breaker.stripe", value="open", lease=60)

    async def moved():
        routing = (await on_call.get("routing")).json()
        return routing if routing["usable"] == ["paypal"] else None

    routing = await stage.until(moved)

    stripe = next(each for each in routing["providers"] if each["provider"] == "stripe")
    assert (["stripe"], "breaker") == (routing["away"], routing["detour"])
    assert ("open", "open", 1, False) == tuple(
        stripe[name] for name in ("breaker", "breakerSwitch", "opened", "usable")
    )
    assert 25 == stripe["turns"]["rate"]
