"""One round on the wire: a visitor goes from the shop to the order again and again, and what that took is told."""

import asyncio
import os

import pytest

from loadtests.pace import Spent, play_round
from loadtests.scenario import SCENARIOS
from loadtests.stages import PLENTY
from loadtests.target import Target, UnhealthyError


@pytest.fixture
def stage_settings():
    """The visitor never rests, and comes from one address."""
    return {"CUBANO_RATE_LIMITS": "1000", "CUBANO_GATEWAY_RATE": "1000"}


def target_of(stage, database_url) -> Target:
    """The stage as a target: all of it is this very process, and tells no metrics."""
    url = str(stage.client.base_url).rstrip("/")
    who = dict.fromkeys(("serve", "work", "postgres"), os.getpid())
    told = {"api": url, "emulator": str(stage.emulator.base_url).rstrip("/"), "pids": who, "database_url": database_url}
    return Target(told | {"metrics": {"serve": f"{url}/health/live"}})


async def one_round(target: Target) -> Spent:
    (spent,) = await asyncio.to_thread(play_round, [target], 1, 1.0)
    return spent


async def test_a_round_is_orders_that_were_paid(stage, database_url):
    """Each checkout is an order, each was paid at the gateway and looked at; seats are there for all of them."""
    target = target_of(stage, database_url)
    await asyncio.to_thread(target.stock, SCENARIOS["steady"])

    spent = await one_round(target)

    truth = (await stage.emulator.get("/_emulator/truth")).json()["payments"]
    ((orders,),) = await stage.rows("SELECT count(*) FROM orders")
    ((seats,),) = await stage.rows("SELECT min(capacity - held - sold) FROM stock WHERE ticket_type = 'full-pass'")
    assert [] == spent.failed
    assert {"catalog", "checkout", "order"} == set(spent.waited_ms)
    assert orders == len(spent.waited_ms["checkout"]) == len(spent.waited_ms["order"]) > 0
    assert orders == len([each for each in truth if each["charged"]])
    assert seats > PLENTY - 10 * orders
    assert spent.cpu_ms > 0
    assert all(used > 0 for used in spent.used_ms["checkout"])


async def test_two_systems_are_visited_in_turns(stage, database_url):
    """As many orders at the one as at the other, whatever the machine does; each has its own figures."""
    target = target_of(stage, database_url)
    await asyncio.to_thread(target.stock, SCENARIOS["steady"])

    old, new = await asyncio.to_thread(play_round, [target, target], 1, 1.0)

    assert len(old.waited_ms["order"]) == len(new.waited_ms["order"]) > 0
    assert old.waited_ms["order"] != new.waited_ms["order"]


async def test_a_round_in_which_something_fails_says_so(stage, database_url):
    """The gateway refuses every call: nobody gets an order, the reason is kept, and the round has no figures."""
    await stage.faults({"match": {}, "effects": {"error": {"status": 500}}})

    spent = await one_round(target_of(stage, database_url))

    assert spent.failed
    assert {} == spent.figures


def test_a_round_against_nobody_is_unhealthy():
    """Nothing was measured, and nothing is said."""
    gone = Target(
        {
            "api": "http://127.0.0.1:9",
            "emulator": "",
            "pids": dict.fromkeys(("serve", "work", "postgres"), 0),
            "metrics": {"serve": "http://127.0.0.1:9"},
        }
    )

    with pytest.raises(UnhealthyError):
        play_round([gone], 1, 0.1)
