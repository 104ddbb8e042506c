"""Nobody decided in time, and the alert still fires: there is another plan, later each time, and every limit counts on."""

import pytest

from runbooks.engine.playbook import Limits
from runbooks.engine.runs import RESOLVED
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, human, verify
from tests.runbooks.engine.conftest import ANNA

HALF_AN_HOUR = 1800


async def expired(night, **how):
    """The alarm's run, of which nobody takes any notice."""
    run = await night.alarm(**how)
    night.clock.advance(HALF_AN_HOUR)
    await night.engine.advance()
    assert State.EXPIRED == run.state
    return run


async def test_an_alert_that_still_fires_is_planned_again(night):
    """Another run with a plan of its own; what is told of the alert afterwards is that run's."""
    night.start()
    first = await expired(night)

    second = await night.alarm()

    assert second is not first
    assert State.AWAITING_APPROVAL == second.state
    assert second is await night.alarm()
    assert second is await night.alarm(status=RESOLVED)
    assert (False, True) == (first.resolved, second.resolved)


async def test_who_flaps_meanwhile_is_planned_again_too(night):
    """Another beginning of the same alert does not stand behind the plan that nobody read."""
    night.start()
    first = await expired(night)

    second = await night.alarm(starts_at="2026-11-23T03:30:00Z")

    assert second is not first
    assert State.AWAITING_APPROVAL == second.state


async def test_an_alert_that_is_over_is_not_planned_again(night):
    """Its last word closes the matter."""
    night.start()
    first = await expired(night)

    assert first is await night.alarm(status=RESOLVED)
    assert [first] == night.engine.runs()


async def test_it_never_stops_asking_and_asks_ever_more_rarely(night):
    """Told every minute for a day: a handful of plans, each a while after the last, also when it is started anew in between."""
    night.start()
    for minute in range(1440):
        await night.alarm(starts_at="2026-11-23T03:00:00Z")
        night.clock.advance(60)
        if minute == 700:
            await night.restart()

    runs = list(reversed(night.engine.runs()))
    began = [round((run.started_at - runs[0].started_at).total_seconds() / HALF_AN_HOUR) for run in runs]
    assert [0, 1, 3, 6, 10, 15, 21, 28, 36, 45] == began
    assert len({run.id for run in runs}) == len(runs)
    assert night.kinds().count("alarm.repeated") <= len(runs)
    assert [] == night.house.switched


async def test_the_limits_count_over_all_of_them(night):
    """An approved one after two that expired is the first of the day that did anything; the third that does is stopped."""
    night.start(book(limits=Limits(cents=None, cooldown_s=0)))
    for start in ("one", "two"):
        await expired(night, starts_at=start)
        night.clock.advance(HALF_AN_HOUR)
        await night.approved(starts_at=start)
        night.house.switch("by hand", "red", "off", "k")
    run = await night.alarm(starts_at="three")

    assert State.STOPPED == run.state
    assert "goes round in a circle" in run.reason


async def test_a_run_that_did_something_cools_down_first(night):
    """Its person never answered; after the cooldown, and within the limits, there is another."""
    night.settings = type(night.settings)(waiting_s=60)
    night.start(book(act(), human("look", answers=("well",)), verify()))
    first = await night.approved()
    assert State.WAITING_HUMAN == first.state
    night.house.switch("by hand", "red", "off", "k")
    night.clock.advance(61)
    await night.engine.advance()
    assert State.EXPIRED == first.state

    assert first is await night.alarm()
    night.clock.advance(900)
    second = await night.alarm()

    assert State.AWAITING_APPROVAL == second.state
    assert 1 == night.house.times("red", "on")


@pytest.mark.parametrize("word", ["refuse", "abort"])
async def test_who_decided_is_not_asked_again(night, word):
    """A no is an answer."""
    night.start()
    run = await night.alarm()
    await getattr(night.engine, word)(run.id, ANNA, "we know")
    night.clock.advance(HALF_AN_HOUR)

    assert run is await night.alarm()
