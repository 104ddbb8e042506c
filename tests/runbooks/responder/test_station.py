"""The one way an alarm gets in: on the board, then to the engine; told every few seconds, and yet one run at a time."""

import asyncio

import pytest

from runbooks.engine.runs import RESOLVED, Alarm
from runbooks.engine.states import State
from runbooks.responder.board import Side
from runbooks.responder.operators import Operators, Sessions
from runbooks.responder.showing import board_view
from runbooks.responder.station import Station
from runbooks.settings import Settings
from service.telemetry.registry import Telemetry
from tests.runbooks.engine.conftest import ANNA, Night, memory


@pytest.fixture
async def station():
    """Over an engine of lamps, with a clock that is turned by hand."""
    with memory() as folder:
        night = Night(folder / "state")
        engine, people = night.start(), Operators(folder / "state")
        told = Telemetry("respond", version="0", environment="test")
        settings = Settings(state=folder / "state")
        sessions = Sessions(people)
        station = Station(settings, engine, night.shelf, night.house, told, people, sessions, night.clock)
        yield station
        await asyncio.gather(*station._gathering)
        night.stop()


async def told(station, status="firing", since="2026-11-23T03:00:00Z"):
    alarm = Alarm("LampOut", {"lamp": "red"}, since, status)
    await station.hear([alarm], Side.PROMETHEUS)
    await station.engine.advance()
    return station.engine.runs()


async def test_what_fires_on_after_nobody_decided_gets_another_plan(station):
    """Told again and again it is one run; once that has expired, the next telling brings a new one, and only one."""
    (first,) = await told(station)
    assert [first] == await told(station)
    station.clock.advance(1800)
    await station.engine.advance()

    second, _ = await told(station)
    await told(station)

    assert (State.EXPIRED, State.AWAITING_APPROVAL) == (first.state, second.state)
    assert [second, first] == station.engine.runs()
    (firing,) = station.board.all()
    assert second.id == firing.run


async def test_what_has_ended_is_not_planned_again(station):
    """An alert that is over leaves the board, and nothing begins."""
    (first,) = await told(station)
    station.clock.advance(1800)
    await station.engine.advance()

    assert [first] == await told(station, RESOLVED)
    assert [] == station.board.all()


async def test_what_comes_back_while_the_last_run_cools_down_is_planned_after_that(station):
    """Two minutes after it was mended it fires again, and goes on firing: it is that run's until it has cooled, then it has its own."""
    (first,) = await told(station)
    await station.engine.approve(first.id, first.plan.hash, ANNA)
    await station.engine.advance()
    assert State.RECOVERED == first.state
    await told(station, RESOLVED)
    station.world.switch("by hand", "red", "off", "k")
    station.clock.advance(120)

    back = "2026-11-23T03:02:30Z"
    for _ in range(5):
        assert [first] == await told(station, since=back)
        station.clock.advance(60)
    lines = len(list(station.engine.entries()))
    assert [first] == await told(station, since=back)
    assert lines == len(list(station.engine.entries()))
    station.clock.advance(600)
    second, _ = await told(station, since=back)

    assert State.AWAITING_APPROVAL == second.state
    assert [second, first] == await told(station, since=back)


async def test_an_outage_that_waits_for_anothers_plan_is_among_what_needs_you(station):
    """Both are critical, and the first is not decided: it says about which run to decide, and how to go there."""
    (first,) = await told(station)
    other = Alarm("LampOut", {"lamp": "blue", "severity": "critical"}, "2026-11-23T03:00:00Z")
    await station.hear([other], Side.PROMETHEUS)
    await station.engine.advance()

    board = board_view(station)

    assert ["blue", "red"] == sorted(each["subject"].removeprefix("lamp:") for each in board["asking"])
    waiting = next(each for each in board["asking"] if each["subject"] == "lamp:blue")
    assert f"run {first.id} (LampOut) changes the same" in waiting["why"]
    assert "decide about that one first" in waiting["why"]
    assert waiting["action"]


async def test_what_finds_no_place_is_asked_for_again(station):
    """A storm of labels: the alert is on the board with the reason, and has its run as soon as there is place."""
    storm = [Alarm("LampOut", {"lamp": f"lamp-{number}"}, "2026-11-23T03:00:00Z") for number in range(20)]
    await station.hear(storm, Side.PROMETHEUS)
    assert 20 == len(await told(station))
    left = next(each for each in station.board.all() if not each.run)
    assert "20 others" in left.why_none

    for _ in range(10):
        station.clock.advance(600)
        await station.engine.advance()
    await told(station)

    assert (True, "") == (bool(left.run), left.why_none)
