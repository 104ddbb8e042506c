"""What nobody knows of an act, or of putting one back: a person says it of that one alone, and nothing is done a second time."""

import pytest

from runbooks.engine.approvals import RefusalError
from runbooks.engine.doubts import doubts
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, burns, look, verify
from tests.runbooks.engine.conftest import ANNA

LOST = {"lamp.put": "lost", "lamp.put.observe": "unknown"}
LOUD = look("house.watts", watts="> 500")


async def test_an_answer_about_another_act_is_refused(night):
    """The first is known to be done; nobody knows of the second: only of that may be spoken, and it is not done again."""
    night.start(book(act("one", lamp="a"), act("two", lamp="b"), verify("bright", burns())))
    night.house.when_applied = lambda _: night.house.is_on("b") and night.house.trouble.update(LOST)
    run = await night.approved()
    assert State.UNKNOWN == run.state
    night.house.trouble.clear()
    night.house.switch("somebody", "b", "off", "by hand")

    with pytest.raises(RefusalError, match="say of two: done or not done"):
        await night.engine.answer(run.id, "one", "done", ANNA)
    await night.engine.advance()

    assert State.UNKNOWN == run.state
    assert 1 == night.house.times("b", "on")


@pytest.fixture
async def half_back(night):
    """It made things worse, and nobody knows whether it was put back."""
    night.start(book(act(do="lamp.fix", undo=True), verify("bright", burns(), worse=[LOUD])))
    night.house.watts = 900
    night.house.trouble |= {"lamp.fix.undo": "silent", "lamp.fix.observe": "unknown"}
    run = await night.approved()
    night.house.trouble.clear()
    assert State.UNKNOWN == run.state
    return run


async def test_who_has_put_it_back_by_hand_says_so(night, half_back):
    """It is not undone once more, whatever somebody has done with it since; nor may it be called done."""
    night.house.switch("anna", "red", "off", "by hand")
    night.house.switch("bela", "red", "on", "for another reason")
    with pytest.raises(RefusalError, match="say of light: put back or still there"):
        await night.engine.answer(half_back.id, "light", "done", ANNA)

    await night.engine.answer(half_back.id, "light", "put back", ANNA)
    await night.wait(30)

    assert State.ROLLED_BACK == half_back.state
    assert ("done", True) == (half_back.attempts["light"].outcome, half_back.attempts["light"].undone)
    assert 1 == night.house.times("red", "off")


async def test_who_leaves_it_there_ends_the_run(night, half_back):
    """It stays known as done, and may be put back later."""
    await night.engine.answer(half_back.id, "light", "still there", ANNA)
    assert State.ABORTED == half_back.state
    assert night.house.is_on("red")

    await night.engine.undo(half_back.id, ANNA)

    assert State.ROLLED_BACK == half_back.state
    assert not night.house.is_on("red")


async def test_all_that_stands_is_asked_about(night):
    """Two acts, and neither could be put back: the run waits until both are spoken of."""
    night.start(book(act("one", lamp="a"), act("two", lamp="b"), verify("bright", burns(), worse=[LOUD], undo=False)))
    night.house.watts = 900
    run = await night.approved()
    assert {"one", "two"} == set(doubts(run))

    await night.engine.answer(run.id, "two", "put back", ANNA)
    assert (State.UNKNOWN, {"one"}) == (run.state, set(doubts(run)))
    await night.engine.answer(run.id, "one", "put back", ANNA)

    assert State.ROLLED_BACK == run.state


@pytest.fixture
async def ended_in_flight(night):
    """A person ended the run while the act was under way, and its answer never came."""
    night.start(book(), book(name="Other"))
    run = await night.alarm()
    night.house.trouble |= LOST
    turn = await night.in_flight(run)
    await night.engine.abort(run.id, ANNA, "no")
    assert State.ABORTED == run.state
    night.house.gate.set()
    await turn
    night.house.gate = None
    night.house.trouble.clear()
    return run


async def test_an_end_does_not_hide_what_nobody_knows(night, ended_in_flight):
    """The run is unknown, holds what it held, and its act may be put back."""
    assert State.UNKNOWN == ended_in_flight.state
    assert State.PLANNED == (await night.alarm(name="Other", lamp="blue")).state

    await night.engine.undo(ended_in_flight.id, ANNA)

    assert State.ROLLED_BACK == ended_in_flight.state
    assert not night.house.is_on("red")


@pytest.mark.parametrize("said", ["done", "not done"])
async def test_what_a_person_has_ended_does_not_go_on(night, ended_in_flight, said):
    """Whatever is said of the act, nothing more of the run is done."""
    await night.engine.answer(ended_in_flight.id, "light", said, ANNA)
    await night.wait(30)

    assert State.ABORTED == ended_in_flight.state
    assert "verify.begun" not in night.kinds(ended_in_flight)


async def test_a_mistake_after_an_act_that_nobody_saw_is_no_end(night):
    """It broke when it may have happened: a person is asked, also after a restart."""
    night.start()
    night.house.trouble |= {"lamp.put": "crash after", "lamp.put.observe": "unknown"}
    run = await night.approved()
    assert State.UNKNOWN == run.state

    engine = await night.restart()

    assert {"light": ("done", "not done")} == dict(doubts(engine.run(run.id)))
