"""Plans: real reads, predicted changes, whom it touches, and a hash that an approval binds to."""

import pytest

from runbooks.engine.approvals import StalePlanError
from runbooks.engine.playbook import Limits
from runbooks.engine.states import State
from tests.runbooks.engine.books import Go, Stop, act, book, check, human, verify
from tests.runbooks.engine.conftest import ANNA, AUTO


async def test_a_dry_run_changes_nothing_and_is_journaled(night):
    """The reads are real, the act is only asked what it would change; no run begins."""
    night.start()

    plan = await night.engine.plan("LampOut", {"lamp": "red"}, ANNA)

    assert [("check", "met"), ("act", "changes"), ("verify", "follows")] == [
        (each.kind, each.outcome) for each in plan.found
    ]
    assert ({"state": "off"}, {"state": "on"}) == (plan.acts[0].before, plan.acts[0].after)
    assert [] == night.house.switched
    assert [] == night.engine.runs()
    assert ["plan.made"] == night.kinds()


async def test_later_checks_see_what_an_act_is_expected_to_bring(night):
    """It is marked as assumed; another read of the same moment is not."""
    night.start(
        book(act(), check("lit", state="on", otherwise=Stop("Still dark.")), act("second", lamp="blue"), verify())
    )

    plan = await night.engine.plan("LampOut", {"lamp": "red"})

    assert ["light", "second"] == [each.step for each in plan.doing]
    assert plan.found[1].assumed
    assert "" == plan.ends


async def test_the_blast_radius_is_said(night):
    """Sessions, orders, events and money of all acts together, in a sentence."""
    touched = {"orders": 3, "sessions": 1, "events": 20, "cents": {"USD": 12_050, "JPY": 900}}
    night.house.effects["lamp.fix"] = touched
    night.start(book(act("first", do="lamp.fix"), act("second", lamp="blue", do="lamp.fix"), verify()))

    plan = await night.engine.plan("LampOut", {"lamp": "red"})

    said = "2 changes, touching 2 sessions, 6 orders, 40 events, USD 241.00, JPY 1,800."
    assert said == plan.blast_radius
    assert (6, 2, {"USD": 24_100, "JPY": 1800}) == (plan.orders, plan.sessions, plan.cents)


async def test_the_hash_is_of_what_would_be_done_not_of_how_many(night):
    """Counts move by the second; the version, the subject, arguments, before and after do not."""
    night.start()
    first = await night.engine.plan("LampOut", {"lamp": "red"})
    night.house.effects["lamp.put"] = {"orders": 7}
    counted = await night.engine.plan("LampOut", {"lamp": "red"})
    other = await night.engine.plan("LampOut", {"lamp": "blue"})
    night.house.effects["lamp.put"] = {"before": {"state": "flickering"}}
    flickering = await night.engine.plan("LampOut", {"lamp": "red"})
    night.shelf.edit("LampOut")
    edited = await night.engine.plan("LampOut", {"lamp": "red"})

    assert first.hash == counted.hash
    assert 4 == len({first.hash, other.hash, flickering.hash, edited.hash})


async def test_a_guard_that_came_out_otherwise_makes_another_hash(night):
    """The conditions on the way are part of what was approved."""
    guard = check("watts", read="house.watts", watts="< 10")
    night.start(book(guard, act(), verify()))
    before = await night.engine.plan("LampOut", {"lamp": "red"})
    night.house.watts = 50

    assert before.hash != (await night.engine.plan("LampOut", {"lamp": "red"})).hash


async def test_what_does_not_answer_is_not_known_and_a_person_decides(night):
    """The plan says so; with trust for going by itself it asks all the same; a person may approve knowing it."""
    night.trust()
    night.start(book(check("watts", read="house.watts", watts="< 10"), act(), verify(), autonomy=AUTO))
    night.house.trouble["house.watts"] = "silent"

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert ("watts: not known: house.watts does not answer",) == run.plan.unknown
    assert "not known" in run.reason
    assert [] == night.house.switched
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()
    assert State.RECOVERED == run.state


async def test_knowing_more_than_was_approved_is_no_change(night):
    """What was not known, and turns out as expected, was approved; turning out otherwise was not."""
    night.start(book(check("watts", read="house.watts", watts="< 10"), act(), verify()))
    night.house.trouble["house.watts"] = "silent"
    well, badly = await night.alarm(), None
    night.house.trouble.clear()
    await night.engine.approve(well.id, well.plan.hash, ANNA)
    await night.engine.advance()
    assert State.RECOVERED == well.state

    night.house.trouble["house.watts"] = "silent"
    badly = await night.alarm(lamp="blue")
    night.house.trouble.clear()
    night.house.watts = 50
    await night.engine.approve(badly.id, badly.plan.hash, ANNA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == badly.state
    assert not night.house.is_on("blue")


@pytest.mark.parametrize("kind", ["silent", "slow", "refused"])
async def test_every_way_of_not_answering_is_not_known(night, kind):
    """Unreachable, too slow, or refusing to say."""
    night.start(book(check("watts", read="house.watts", watts="< 10"), act(), verify()))
    night.house.trouble["house.watts"] = kind

    plan = await night.engine.plan("LampOut", {"lamp": "red"})

    assert 1 == len(plan.unknown)


async def test_an_act_whose_change_is_not_known_asks(night):
    """Its plan did not answer: nothing by itself, and what was approved is not carried out as soon as it is known otherwise."""
    night.trust()
    night.start(book(act(), verify(), autonomy=AUTO))
    night.house.trouble["lamp.put.plan"] = "silent"
    run = await night.alarm()
    assert (State.AWAITING_APPROVAL, False) == (run.state, run.plan.acts[0].known)

    night.house.trouble.clear()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state or run.plan.acts[0].known
    assert night.house.times("red", "on") <= 1


async def test_an_act_that_needs_what_is_not_known_is_not_planned(night):
    """Its argument is a fact nobody found: the plan ends there, and says why."""
    night.start(book(check("watts", read="house.watts"), act(lamp="{watts.watts}"), verify()))
    night.house.trouble["house.watts"] = "silent"

    run = await night.alarm()

    assert (State.STOPPED, "light needs watts.watts, which is not known") == (run.state, run.reason)


async def test_an_act_that_would_be_refused_is_not_planned(night):
    """The service said no to the dry run."""
    night.start()
    night.house.trouble["lamp.put.plan"] = "refused"

    run = await night.alarm()

    assert State.STOPPED == run.state
    assert "would be refused" in run.reason


async def test_what_changed_after_the_approval_is_planned_anew(night):
    """The before is another one at execution: nothing is done, the new plan asks, and the old approval is worth nothing."""
    night.start()
    run = await night.alarm()
    old = run.plan.hash
    night.house.effects["lamp.put"] = {"before": {"state": "flickering"}}

    await night.engine.approve(run.id, old, ANNA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert old != run.plan.hash
    assert [] == night.house.switched
    with pytest.raises(StalePlanError):
        await night.engine.approve(run.id, old, ANNA)
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()
    assert State.RECOVERED == run.state


async def test_what_changes_between_two_acts_is_planned_anew(night):
    """The second act waits for a new approval; the first is not done again."""
    guard = check("watts", read="house.watts", watts="< 10")
    night.start(book(act("first"), guard, act("second", lamp="blue"), verify()))

    def dim(_action):
        night.house.watts = 50

    night.house.when_applied = dim
    run = await night.approved()

    assert State.AWAITING_APPROVAL == run.state
    assert ["second"] == [each.step for each in run.plan.doing]
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()
    assert State.RECOVERED == run.state
    assert (1, 1) == (night.house.times("red", "on"), night.house.times("blue", "on"))


async def test_when_the_second_act_changed_the_first_is_not_done_either(night):
    """The whole plan is compared before it begins: half of what was approved is not what was approved."""
    night.start(book(act("first"), act("second", lamp="blue", do="lamp.fix"), verify()))
    run = await night.alarm()
    night.house.effects["lamp.fix"] = {"before": {"state": "flickering"}}

    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert [] == night.house.switched


async def test_what_the_first_act_changed_for_the_second_asks_again(night):
    """Before and after are compared right before each intent, too."""
    night.start(book(act("first"), act("second", lamp="blue", do="lamp.fix"), verify()))

    def flicker(_action):
        night.house.effects["lamp.fix"] = {"before": {"state": "flickering"}}

    night.house.when_applied = flicker
    run = await night.approved()

    assert State.AWAITING_APPROVAL == run.state
    assert ["red"] == [each["lamp"] for each in night.house.switched]


async def test_a_world_that_never_stands_still_ends_the_run(night):
    """After three new plans it is a person's business."""
    night.start()
    run = await night.alarm()
    for number in range(5):
        night.house.effects["lamp.put"] = {"before": {"state": str(number)}}
        if run.state is State.AWAITING_APPROVAL:
            await night.engine.approve(run.id, run.plan.hash, ANNA)
            await night.engine.advance()

    assert State.ABORTED == run.state
    assert [] == night.house.switched


async def test_an_act_that_touches_clearly_more_than_was_planned_asks_again(night):
    """A few more are no other plan; ten times as many are."""
    limits = Limits(cents=None, orders=5)
    night.start(book(act(), verify(), limits=limits), book(act(), verify(), name="Other", limits=limits))
    night.house.effects["lamp.put"] = {"orders": 10}
    few = await night.alarm()
    night.house.effects["lamp.put"] = {"orders": 11}
    await night.engine.approve(few.id, few.plan.hash, ANNA)
    await night.engine.advance()
    assert State.RECOVERED == few.state

    night.house.effects["lamp.put"] = {"orders": 10}
    many = await night.alarm(name="Other", lamp="blue")
    night.house.effects["lamp.put"] = {"orders": 100}
    await night.engine.approve(many.id, many.plan.hash, ANNA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == many.state
    assert 100 == many.plan.orders
    assert not night.house.is_on("blue")


async def test_a_persons_step_without_consequence_is_planned_past(night):
    """`Call somebody` decides nothing: what follows is in the plan."""
    night.start(book(human("call"), act(), verify()))

    plan = await night.engine.plan("LampOut", {"lamp": "red"})

    assert ("", ["light"]) == (plan.waits_for, [each.step for each in plan.doing])


async def test_an_act_whose_condition_is_not_known_is_told_and_not_done(night):
    """Nobody knows whether it is the case: no run that waits for an effect of nothing, but a person who is told."""
    hangs = act(when={"watts__watts": "< 10"})
    night.start(book(check(), check("watts", read="house.watts"), hangs, verify()))
    night.house.trouble["house.watts"] = "silent"

    run = await night.alarm()

    assert State.STOPPED == run.state
    assert (
        "hangs on what is not known: watts: not known: house.watts does not answer; light: watts.watts is" in run.reason
    )
    assert [] == night.house.switched


async def test_a_condition_on_a_step_that_was_left_out_is_not_so(night):
    """A jump went past it: that is an answer, not a silence."""
    jump = check("look", otherwise=Go("light"), state="on")
    night.start(book(jump, check("watts", read="house.watts"), act(when={"watts__watts": "< 10"}), verify()))

    plan = await night.engine.plan("LampOut", {"lamp": "red"})

    assert ("skipped", ()) == (plan.outcome("light"), plan.unknown)
