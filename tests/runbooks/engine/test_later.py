"""What an approval is worth later: after a person's step, in another world, for other numbers, by another clock."""

import pytest

from runbooks.engine.playbook import Limits
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, burns, check, human, look, verify
from tests.runbooks.engine.conftest import ANNA, BELA

RISKY = book(act(do="lamp.break"), verify())


@pytest.mark.parametrize(("hours", "state"), [(0, State.RECOVERED), (3, State.AWAITING_APPROVAL)])
async def test_what_was_approved_before_a_persons_step_is_soon_worth_nothing(night, hours, state):
    """Three hours later the second act is asked for anew, and the first is not done again; at once it goes on."""
    night.start(book(act("one", lamp="a"), human(), act("two"), verify("bright", burns())))
    run = await night.approved()
    assert State.WAITING_HUMAN == run.state
    night.clock.advance(hours * 3600)

    await night.engine.answer(run.id, "call", "he comes", BELA)
    await night.engine.advance()
    assert state == run.state
    if hours:
        assert "the approval is too old" in run.reason
        assert not night.house.is_on("red")
        await night.engine.approve(run.id, run.plan.hash, BELA)
        await night.engine.advance()

    assert State.RECOVERED == run.state
    assert (1, 1) == (night.house.times("a", "on"), night.house.times("red", "on"))


@pytest.mark.parametrize(("minutes", "state"), [(25, State.VERIFYING), (35, State.AWAITING_APPROVAL)])
async def test_an_approval_carries_a_later_act_for_half_an_hour(night, minutes, state):
    """What was approved waits behind a verify that takes its time: then a person is asked anew, and nothing is done twice."""
    slow = verify("warm", look("house.watts", watts="> 9"), within_s=7200)
    steps = (act("one", lamp="a"), slow, act("two"), verify("bright", burns()))
    night.start(book(*steps, limits=Limits(cents=None, deadline_s=14_400)))
    run = await night.approved()
    assert State.VERIFYING == run.state
    night.clock.advance(minutes * 60)
    night.house.watts = 10

    await night.engine.advance()
    assert state == run.state
    if state is State.AWAITING_APPROVAL:
        assert "two was approved too long ago" in run.reason
        assert not night.house.is_on("red")
        await night.engine.approve(run.id, run.plan.hash, BELA)
    await night.wait(20)

    assert State.RECOVERED == run.state
    assert 2 == night.kinds(run).count("act.intent")  # each once; a lease that is renewed is no act


async def test_what_changed_during_a_persons_step_is_asked_for_anew(night):
    """The answer came at once, and the world is another."""
    night.start(book(act("one", lamp="a"), human(), check(), act("two"), verify("bright", burns())))
    run = await night.approved()
    night.house.effects["lamp.put"] = {"before": {"state": "flickering"}}

    await night.engine.answer(run.id, "call", "he comes", BELA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert "what was approved is not what would be done now" in run.reason


async def test_a_clock_that_is_put_back_makes_no_approval_young(night):
    """The second of two people comes fifty minutes after the first, whatever the clock says."""
    night.start(RISKY)
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    night.clock.advance(-3600)
    await night.engine.advance()
    night.clock.advance(3000)

    await night.engine.approve(run.id, run.plan.hash, BELA)
    for seconds in (0, 601):
        night.clock.advance(seconds)
        await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert [] == night.house.switched


@pytest.mark.parametrize(
    ("few", "many"),
    [
        ({"orders": 3}, {"orders": 3000}),
        ({"sessions": 1}, {"sessions": 20}),
        ({"cents": {"USD": 5}}, {"cents": {"USD": 50}}),
    ],
)
async def test_any_number_is_not_another_number_than_was_approved(night, few, many):
    """A playbook that may touch any number: who approved three has not approved three thousand."""
    night.start(book(limits=Limits(cents=None, orders=None, sessions=None)))
    night.house.effects["lamp.put"] = few
    run = await night.alarm()
    night.house.effects["lamp.put"] = many

    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()
    assert State.AWAITING_APPROVAL == run.state
    assert not night.house.is_on("red")
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state
