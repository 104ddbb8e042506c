"""What helped is taken back by the same run: a person says when, it is planned and asked for anew, and looked at once more."""

from dataclasses import replace

import pytest

from runbooks.engine.registry import UnreachableError
from runbooks.engine.states import State
from tests.runbooks.engine.books import Go, act, book, burns, check, choose, human, look, note, verify
from tests.runbooks.engine.conftest import ANNA

OUT = look("lamp.state", args={"name": "{lamp}"}, state="off")
STEPS = (
    act(),
    verify("bright", burns()),
    check("still", state="present"),
    choose("lit", ({"still__state": "on"}, Go("ask")), otherwise=Go("end")),
    human("ask", answers=("over", "stays")),
    choose("decided", ({"ask__answer": "over"}, Go("dark")), otherwise=Go("end")),
    act("dark", do="lamp.fix", to="off", undo=True),
    verify("out", OUT),
    note("end"),
)


@pytest.fixture
async def asked(night):
    """The lamp burns, that is verified, and a person is asked whether it is still needed."""
    night.start(book(*STEPS))
    run = await night.approved()
    assert State.WAITING_HUMAN == run.state
    assert ["light"] == [each.step for each in run.plan.doing]
    return run


async def test_it_is_planned_and_asked_for_anew(night, asked):
    """The answer alone changes nothing; approved, it is done and verified, and the lease does not bring it back."""
    await night.engine.answer(asked.id, "ask", "over", ANNA)
    await night.engine.advance()
    assert State.AWAITING_APPROVAL == asked.state
    assert ["dark"] == [each.step for each in asked.plan.doing]
    assert night.house.is_on("red")

    await night.engine.approve(asked.id, asked.plan.hash, ANNA)
    await night.engine.advance()
    await night.wait(2000, by=50)

    assert State.RECOVERED == asked.state
    assert not night.house.is_on("red")
    assert (1, 1) == (night.house.times("red", "on"), night.house.times("red", "off"))


async def test_it_stays_while_it_is_needed(night, asked):
    """The other answer ends the run as recovered, and its lease is renewed on."""
    await night.engine.answer(asked.id, "ask", "stays", ANNA)
    await night.engine.advance()
    assert State.RECOVERED == asked.state

    await night.wait(1000, by=50)

    assert (2, 0) == (night.house.times("red", "on"), night.house.times("red", "off"))


async def test_nobody_is_asked_for_what_is_gone_already(night):
    """Somebody has taken it back by hand between the act and the look."""
    night.start(book(STEPS[0], verify("bright", look("house.watts", watts="0")), *STEPS[2:]))
    night.house.when_applied = lambda name: name == "by hand" or night.house.switch("by hand", "red", "off", "k")

    run = await night.approved()

    assert State.RECOVERED == run.state
    assert "human.asked" not in night.kinds(run)


async def test_what_a_person_has_set_for_longer_is_left_to_him(night):
    """The same position for another reason: renewing would cut it short. Nobody renews either while that cannot be asked."""
    night.start()
    ours = {"answer": UnreachableError("nobody there")}

    async def ask(_house, _args):
        if isinstance(ours["answer"], Exception):
            raise ours["answer"]
        return ours["answer"]

    actions = night.engine.desk.registry.actions
    actions["lamp.put"] = replace(actions["lamp.put"], ours=ask)
    run = await night.approved()
    await night.wait(1000, by=50)
    assert (1, "") == (night.house.times("red", "on"), run.attempts["light"].lapsed)

    ours["answer"] = True
    await night.wait(100, by=50)
    assert 2 == night.house.times("red", "on")
    ours["answer"] = False
    await night.wait(2000, by=50)

    assert 2 == night.house.times("red", "on")
    assert "somebody has taken it back" == run.attempts["light"].lapsed
