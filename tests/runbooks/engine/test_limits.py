"""Limits, each on its own, before every act, and after a restart as before it."""

from dataclasses import replace

import pytest

from runbooks.engine.limits import holds
from runbooks.engine.playbook import Domain, Limits
from runbooks.engine.runs import Alarm
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, check, human, look, verify
from tests.runbooks.engine.conftest import ANNA, AUTO, Night

FREE = Limits(cents=None, cooldown_s=0)


@pytest.fixture(params=["at once", "after a restart"])
def again(request, night):
    """Goes on with the same engine, or with another one that has only the journal."""

    async def go_on():
        return night.engine if request.param == "at once" else await night.restart()

    return go_on


async def put_out(night, lamp="red"):
    night.house.switch("by hand", lamp, "off", "k")


@pytest.mark.parametrize(
    ("limits", "touched", "said"),
    [
        (Limits(orders=5, cents=None), {"orders": 6}, "6 orders, and 5 is its limit"),
        (Limits(sessions=0, cents=None), {"sessions": 1}, "1 sessions, and 0 is its limit"),
        (Limits(cents=0), {"cents": {"USD": 100}}, "USD 1.00, and USD 0.00 is its limit"),
        (Limits(cents=500), {"cents": {"USD": 400, "EUR": 501}}, "EUR 5.01"),
    ],
)
async def test_what_touches_more_than_its_limit_asks(night, limits, touched, said):
    """A playbook that may act by itself does not, when the estimate is above its limit."""
    night.trust()
    night.start(book(autonomy=AUTO, limits=limits))
    night.house.effects["lamp.put"] = touched

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert said in run.reason


async def test_what_stays_within_its_limits_goes_by_itself(night):
    """The limits themselves are allowed."""
    night.trust()
    night.start(book(autonomy=AUTO, limits=Limits(orders=5, sessions=2, cents=400)))
    night.house.effects["lamp.put"] = {"orders": 5, "sessions": 2, "cents": {"USD": 400}}

    run = await night.alarm()

    assert State.RECOVERED == run.state


async def test_it_cools_down(night, again):
    """Another alarm within the cooldown is the same run; one by hand is stopped, and a person told why."""
    night.start()
    first = await night.approved()
    await put_out(night)
    night.clock.advance(60)
    engine = await again()

    assert first.id == (await night.alarm(starts_at="later")).id
    by_hand = await engine.start("LampOut", {"lamp": "red"}, ANNA)
    await engine.advance()

    assert State.STOPPED == by_hand.state
    assert "has only just ended" in by_hand.reason


async def test_it_runs_only_so_often_in_a_day(night, again):
    """Also by hand; tomorrow again."""
    night.start(book(limits=Limits(cents=None, cooldown_s=0, runs_per_day=1)))
    await night.approved()
    await put_out(night)
    night.clock.advance(3600)
    engine = await again()

    second = await engine.start("LampOut", {"lamp": "red"}, ANNA)
    await engine.advance()
    assert State.STOPPED == second.state
    assert "its limit is 1" in second.reason
    night.clock.advance(86_400)
    third = await night.alarm(starts_at="tomorrow")

    assert State.AWAITING_APPROVAL == third.state


async def test_a_third_run_for_a_subject_is_a_circle(night, again):
    """Two runs changed it within a day, and it is back: nothing more by alarm, a person looks, and may start it by hand."""
    night.start(book(limits=FREE), book(name="Other", limits=FREE))
    for number, name in enumerate(["LampOut", "Other"]):
        await night.approved(name=name, starts_at=f"at {number}")
        await put_out(night)
        night.clock.advance(60)
    engine = await again()

    third = await night.alarm(starts_at="at 3")
    assert State.STOPPED == third.state
    assert "goes round in a circle" in third.reason
    night.clock.advance(1)
    by_hand = await engine.start("LampOut", {"lamp": "red"}, ANNA)
    await engine.advance()

    assert State.AWAITING_APPROVAL == by_hand.state


async def test_one_at_a_time_changes_a_subject(night, again):
    """A run that waits for its approval holds it; the other one waits, and goes on with a fresh plan when it is free."""
    night.start(book(), book(name="Other", domain=Domain.MAIL))
    first = await night.alarm()
    second = await night.alarm(name="Other")
    assert (State.PLANNED, State.AWAITING_APPROVAL) == (second.state, first.state)
    assert f"run {first.id} (LampOut) changes the same, and is awaiting approval" == second.blocked

    engine = await again()
    first, second = engine.run(first.id), engine.run(second.id)
    await engine.approve(first.id, first.plan.hash, ANNA)
    await engine.advance()
    await engine.advance()

    assert (State.RECOVERED, State.STOPPED) == (first.state, second.state)  # the fresh plan sees that it burns
    assert 1 == night.house.times("red", "on")


async def test_one_at_a_time_changes_a_domain(night, again):
    """Two faults at once in one domain: one after the other. In another domain: side by side."""
    night.start(book(), book(name="Far", domain=Domain.MAIL))
    red, blue = await night.alarm(), await night.alarm(lamp="blue")
    far = await night.alarm(name="Far", lamp="green")
    assert [State.AWAITING_APPROVAL, State.PLANNED, State.AWAITING_APPROVAL] == [red.state, blue.state, far.state]

    engine = await again()
    await engine.refuse(red.id, ANNA, "no")
    await engine.advance()

    assert State.AWAITING_APPROVAL == engine.run(blue.id).state


async def test_who_waits_too_long_for_another_gives_up(night):
    """The other one waits for its approval again and again; the blocked one ends, and says so."""
    night.settings = type(night.settings)(blocked_s=600)
    night.start(book(), book(name="Other"))
    await night.alarm()
    second = await night.alarm(name="Other")
    night.clock.advance(601)
    await night.engine.advance()

    assert State.EXPIRED == second.state
    assert "changes the same" in second.reason


async def test_a_run_that_has_verified_holds_nothing_while_it_waits_for_a_person(night):
    """Telling customers may take an hour; the next fault does not wait for that."""
    night.start(book(act(), verify(), human("call")), book(name="Other"))
    first = await night.approved()
    assert State.WAITING_HUMAN == first.state

    second = await night.alarm(name="Other", lamp="blue")

    assert State.AWAITING_APPROVAL == second.state


async def test_a_run_that_is_planned_anew_in_the_middle_keeps_what_it_holds(night):
    """It has changed something already; a run that is planned for the first time holds nothing yet."""
    night.start(book(act("first"), act("second", lamp="blue"), verify()))
    run = await night.alarm()
    assert not holds(replace(run, state=State.PLANNED))

    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert holds(replace(run, state=State.PLANNED))


async def test_all_runs_together_have_a_limit(folder):
    """So many acts an hour, whoever orders them; the next one is a person's business, also after a restart."""
    night = Night(folder / "state", acts_per_hour=3)
    lamps = [act(f"light-{lamp}", lamp=lamp) for lamp in ("a", "b", "c")]
    night.start(book(*lamps, verify("bright", look("lamp.state", args={"name": "a"}, state="on"))), book(name="Other"))
    await night.approved()
    engine = await night.restart()

    other = await night.alarm(name="Other", lamp="blue")
    assert State.STOPPED == other.state
    assert "3 acts within an hour" in other.reason
    night.clock.advance(3600)
    later = await night.alarm(name="Other", lamp="blue", starts_at="later")

    assert State.AWAITING_APPROVAL == later.state
    assert engine is night.engine
    night.stop()


async def test_the_limit_of_all_counts_between_two_acts_of_one_run(folder):
    """A run that would go over it ends in the middle."""
    night = Night(folder / "state", acts_per_hour=2)
    night.start(book(*(act(f"light-{lamp}", lamp=lamp) for lamp in ("a", "b", "c")), verify()))

    run = await night.approved()

    assert State.ABORTED == run.state
    assert 2 == len(night.house.switched)
    night.stop()


async def test_the_kill_switch_works_between_any_two_steps(night):
    """Put on while an act is in flight: that one is written down, the next is not done."""
    night.start(book(act("first"), act("second", lamp="blue"), verify()))
    run = await night.alarm()
    turn = await night.in_flight(run)

    (night.folder / "passive").touch()  # as somebody does who has only a shell
    night.house.gate.set()
    await turn

    assert (State.ABORTED, "the kill switch is on") == (run.state, run.reason)
    assert "done" == run.attempts["first"].outcome
    assert ["red"] == [each["lamp"] for each in night.house.switched]


async def test_while_the_switch_is_on_an_alarm_is_only_looked_at(night, again):
    """The plan is made and kept; nothing is asked for, nothing done, also after a restart; then all is as before."""
    night.trust()
    night.start(book(autonomy=AUTO, limits=FREE))
    night.engine.pause(ANNA, "the sale begins")
    engine = await again()

    run = await night.alarm()
    assert State.OBSERVED == run.state
    assert "the sale begins" in run.reason
    assert ["light"] == [each.step for each in run.plan.doing]
    engine.resume(ANNA, "over")
    again_run = await engine.take(Alarm("LampOut", {"lamp": "red"}, "later"))
    await engine.advance()

    assert State.RECOVERED == again_run.state
    assert {"engine.paused", "engine.resumed"} <= set(night.kinds())


async def test_a_switch_that_cannot_be_read_is_on(night):
    """What keeps the engine still does not depend on the file being well."""
    night.start()
    (night.folder / "passive").write_bytes(b"stop! \xff")
    assert night.engine.passive()
    (night.folder / "passive").unlink()
    (night.folder / "passive").mkdir()

    assert night.engine.passive()


async def test_a_playbook_that_changes_nothing_runs_in_spite_of_all(night):
    """Looking costs nothing: neither another run nor the kill switch holds it back."""
    night.start(book(), book(check(state="off"), name="Look", drill=""))
    await night.alarm()
    night.engine.pause(ANNA, "quiet")

    run = await night.alarm(name="Look")

    assert State.OBSERVED == run.state
    assert "met" == run.steps["dark"]
