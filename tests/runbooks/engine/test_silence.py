"""Nothing answers: then nothing is known, and a person decides; one known fact is enough to go by."""

import pytest

from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, check, human, verify
from tests.runbooks.engine.conftest import ANNA

SILENT = check("watts", read="house.watts", watts="> 0")


@pytest.fixture
def night(night):
    """The lamps answer, the meter does not."""
    night.house.trouble["house.watts"] = "silent"
    return night


@pytest.mark.parametrize(
    "steps",
    [
        (SILENT, verify()),
        (SILENT, act(when={"watts__watts": "> 0"}), verify()),
        (SILENT, human("mend", when={"watts__watts": "> 0"}), verify()),
        (SILENT, verify(), human("afterwards")),
    ],
)
async def test_a_person_is_asked_when_nothing_answers(night, steps):
    """It does not play on to the end as if all were well; what did not answer is said."""
    night.start(book(*steps))

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert "nothing that was asked has answered: watts: not known: house.watts does not answer" in run.reason
    assert run.plan.blast_radius == "Nothing would be changed."


@pytest.mark.parametrize(
    ("steps", "goes_on"),
    [
        ((check(), SILENT, verify()), State.VERIFYING),  # one answer is known
        ((verify(),), State.VERIFYING),  # it asks nothing
        ((SILENT, human("mend"), verify()), State.WAITING_HUMAN),  # a person is asked anyhow
        ((SILENT, act(to="off"), verify()), State.VERIFYING),  # what it would change is known: nothing
    ],
)
async def test_it_goes_on_by_what_is_known(night, steps, goes_on):
    """With its database down a playbook for that has little it knows, and goes by it."""
    night.start(book(*steps))

    assert goes_on == (await night.alarm()).state


async def test_what_answers_by_then_is_planned_and_asked_for_again(night):
    """Who says "go on" to nothing has not approved what is found afterwards."""
    night.start(book(SILENT, act(when={"watts__watts": "> 0"}), verify()))
    run = await night.alarm()
    night.house.trouble.clear()
    night.house.watts = 7

    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert ["light"] == [each.step for each in run.plan.doing]
    assert [] == night.house.switched
