"""The one way an alarm gets in: on the board, then to the engine; told every few seconds, and yet one run at a time."""

import asyncio

import pytest

from runbooks.engine.runs import RESOLVED, Alarm
from runbooks.engine.states import State
from runbooks.responder.board import Side
from runbooks.responder.operators import Operators, Sessions
from runbooks.responder.station import Station
from runbooks.settings import Settings
from service.telemetry.registry import Telemetry
from tests.runbooks.engine.conftest import Night, memory


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


async def told(station, status="firing"):
    alarm = Alarm("LampOut", {"lamp": "red"}, "2026-11-23T03:00:00Z", status)
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
