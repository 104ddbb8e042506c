"""Verify closes a run: recovered, no effect, or worse and put back; and leases live as long as it is true."""

import pytest

from runbooks.engine.approvals import RefusalError
from runbooks.engine.people import PassiveError
from runbooks.engine.registry import UnreachableError
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, burns, human, look, verify
from tests.runbooks.engine.conftest import ANNA

QUIET = look("house.watts", watts="< 100")
LOUD = look("house.watts", watts="> 500")


async def test_never_verified_is_no_effect(night):
    """It is looked at again and again until its time is over; the journal keeps what was missing, not every look."""
    night.start(book(act(), verify("bright", look("house.watts", watts="> 9"), within_s=60)))
    run = await night.approved()
    assert State.VERIFYING == run.state

    await night.wait(70)

    assert State.NO_EFFECT == run.state
    assert "watts is 0, expected > 9" in run.reason
    assert 1 == night.kinds(run).count("verify.looked")
    assert 10 < night.house.asked.count("house.watts")


async def test_recovered_means_all_at_once(night):
    """One look true now and the other later is not enough."""
    night.start(book(act(), verify("bright", burns(), look("house.watts", watts="> 9"))))
    run = await night.approved()
    await night.wait(20)
    assert State.VERIFYING == run.state

    night.house.watts = 10
    await night.wait(5)

    assert State.RECOVERED == run.state


async def test_what_does_not_answer_is_not_verified(night):
    """Silence is no proof; when it answers in time, that counts."""
    night.start(book(act(), verify("bright", QUIET)))
    night.house.trouble["house.watts"] = "silent"
    run = await night.approved()
    await night.wait(60)
    assert State.VERIFYING == run.state

    night.house.trouble.clear()
    await night.wait(5)

    assert State.RECOVERED == run.state


async def test_worse_is_put_back_in_reverse_order(night):
    """Judged before recovered; the last act first; then everything is looked at again, and the run says it failed."""
    steps = (act("first", do="lamp.fix", undo=True), act("second", lamp="blue", do="lamp.fix", undo=True))
    night.start(book(*steps, verify("bright", burns(), worse=[LOUD])))

    def explode(_action):
        night.house.watts = 900

    night.house.when_applied = explode
    run = await night.approved()

    assert State.ROLLED_BACK == run.state
    assert [("red", "on"), ("blue", "on"), ("blue", "off"), ("red", "off")] == [
        (each["lamp"], each["to"]) for each in night.house.switched
    ]
    assert "verify.again" in night.kinds(run)
    assert run.failed
    assert [] == night.engine.journal.verify()


async def test_a_lease_is_not_left_to_its_end_when_it_made_things_worse(night):
    """It would go back by itself in half an hour; that is too long."""
    night.start(book(act(), verify("bright", burns(), worse=[LOUD])))
    night.house.watts = 900

    run = await night.approved()

    assert State.ROLLED_BACK == run.state
    assert not night.house.is_on("red")


@pytest.mark.parametrize(
    ("step", "how", "said"),
    [
        (act(do="lamp.clean"), {}, "no way to put it back"),
        (act(do="lamp.fix"), {}, "no way to put it back"),  # it did not say `undo: true`
        (act(do="lamp.fix", undo=True), {"lamp.fix.undo": "refused"}, "light could not be put back"),
        (
            act(do="lamp.fix", undo=True),
            {"lamp.fix.undo": "silent", "lamp.fix.observe": "unknown"},
            "could not be put back",
        ),
    ],
)
async def test_worse_that_cannot_be_put_back_is_a_persons_business(night, step, how, said):
    """Nobody pretends: the run stands as unknown, holds what it held, and says why."""
    night.start(book(step, verify("bright", burns(), worse=[LOUD])))
    night.house.watts = 900
    night.house.trouble |= how

    run = await night.approved()

    assert State.UNKNOWN == run.state
    assert said in run.reason


async def test_the_playbook_may_leave_it_to_a_person(night):
    """`undo: false` at the verify."""
    night.start(book(act(), verify("bright", burns(), worse=[LOUD], undo=False)))
    night.house.watts = 900

    run = await night.approved()

    assert State.UNKNOWN == run.state
    assert night.house.is_on("red")


async def test_the_switch_stops_putting_back_too(night):
    """Off means off; the run says what stands as it is."""
    night.start(book(act(do="lamp.fix", undo=True), verify("bright", burns(), worse=[LOUD])))
    run = await night.approved()
    assert State.RECOVERED == run.state
    night.engine.pause(ANNA, "stop")

    with pytest.raises(PassiveError):
        await night.engine.undo(run.id, ANNA)

    assert night.house.is_on("red")


async def test_putting_back_asks_when_no_answer_came(night):
    """The line broke after it was put back: it is looked at, not done twice."""
    night.start(book(act(do="lamp.fix", undo=True), verify()))
    run = await night.approved()

    async def breaks(house, args, key):
        house.switch("undo", args["name"], "off", key)
        raise UnreachableError("the line broke")

    from dataclasses import replace  # noqa: PLC0415

    actions = night.engine.desk.registry.actions
    actions["lamp.fix"] = replace(actions["lamp.fix"], undo=breaks)
    await night.engine.undo(run.id, ANNA)

    assert State.ROLLED_BACK == run.state
    assert 1 == night.house.times("red", "off")


async def test_what_a_person_cannot_put_back_is_said(night):
    """Nothing is claimed that did not happen."""
    night.start(book(act(do="lamp.clean"), verify()))
    run = await night.approved()

    with pytest.raises(RefusalError, match="no way to put it back"):
        await night.engine.undo(run.id, ANNA)

    assert State.RECOVERED == run.state


async def test_a_lease_is_handed_on_and_renewed_while_it_is_verified(night):
    """Halfway, each time under another key, as long as what was verified is so; a run that has ended keeps it up."""
    night.start()
    run = await night.approved()

    await night.wait(2000, by=50)

    assert State.RECOVERED == run.state
    assert 3 == night.house.times("red", "on")  # at 0, 900 and 1800 seconds
    assert 3 == len({each["key"] for each in night.house.switched})
    assert {"1800"} == {each["lease_s"] for each in night.house.switched}


async def test_it_is_not_renewed_when_it_is_not_verified_any_more(night):
    """It ends then, and the journal says why; were it true again in time, it would be renewed."""
    night.start(book(act(), verify("bright", burns(), QUIET)))
    run = await night.approved()
    night.house.watts = 200

    await night.wait(2000, by=50)

    assert 1 == night.house.times("red", "on")
    assert 1 == night.kinds(run).count("lease.doubted")
    assert "it has ended already" == run.attempts["light"].lapsed


async def test_a_moment_of_silence_does_not_end_a_lease(night):
    """Nobody answers at half time, and somebody a minute later."""
    night.start()
    await night.approved()
    night.house.trouble["lamp.state"] = "silent"
    await night.wait(950, by=50)
    assert 1 == night.house.times("red", "on")

    night.house.trouble.clear()
    await night.wait(100, by=50)

    assert 2 == night.house.times("red", "on")


async def test_a_lease_may_end_when_the_alert_has_gone(night):
    """Resolved closes nothing, but nobody holds on to what is not needed."""
    night.start()
    run = await night.approved()
    await night.alarm(status="resolved")

    await night.wait(1000, by=50)

    assert 1 == night.house.times("red", "on")
    assert "the alert is gone, so it may end" == run.attempts["light"].lapsed


async def test_what_somebody_has_taken_back_is_not_done_again(night):
    """A person has cleared it, or a later step of the run: its lease is not renewed over that."""
    night.start(book(act(), verify("calm", QUIET)))
    run = await night.approved()
    night.house.switch("by hand", "red", "off", "k")

    await night.wait(2000, by=50)

    assert 1 == night.house.times("red", "on")
    assert "somebody has taken it back" == run.attempts["light"].lapsed


async def test_a_lease_is_not_renewed_for_ever(night):
    """After six hours a person has had time to look."""
    night.start()
    run = await night.approved()

    await night.wait(26_000, by=300)

    assert "it was renewed long enough" == run.attempts["light"].lapsed
    assert night.house.times("red", "on") < 30


async def test_renewing_stops_with_the_switch_and_survives_a_restart(night):
    """A lease is renewed by another engine; not while the switch is on."""
    night.start()
    await night.approved()
    night.engine.pause(ANNA, "quiet")
    await night.wait(1000, by=50)
    assert 1 == night.house.times("red", "on")

    engine = await night.restart()
    engine.resume(ANNA, "over")
    await night.wait(100, by=50)

    assert 2 == night.house.times("red", "on")


async def test_a_run_without_a_verify_has_shown_nothing(night):
    """The linter refuses it; the engine does not call it recovered."""
    night.start(book(act()))

    run = await night.approved()

    assert State.NO_EFFECT == run.state


async def test_a_person_may_be_asked_before_the_verify(night):
    """Steps of people stand anywhere; what they take does not count against the run."""
    night.start(book(act(), human("call"), verify()))
    run = await night.approved()
    night.clock.advance(3000)

    await night.engine.answer(run.id, "call", "they know", ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state
