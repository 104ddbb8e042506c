"""Two faults that change the same: what matters more is asked for first, as long as nothing has been done about the other."""

import pytest

from runbooks.engine.runs import Alarm
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, human, verify
from tests.runbooks.engine.conftest import ANNA


async def critical(night, name, **how):
    run = await night.engine.take(Alarm(name, {"lamp": "blue", "severity": "critical"}, "now", **how))
    for _ in range(3):
        await night.engine.advance()
    return run


async def test_a_warning_nobody_has_approved_gives_way_to_an_outage(night):
    """The outage is asked for at once; the warning is planned anew, waits behind it, and asks again when it is over."""
    night.start(book(), book(name="Outage"))
    warning = await night.engine.take(Alarm("LampOut", {"lamp": "red", "severity": "warning"}, "now"))
    await night.engine.advance()
    assert State.AWAITING_APPROVAL == warning.state

    outage = await critical(night, "Outage")
    assert (State.PLANNED, State.AWAITING_APPROVAL) == (warning.state, outage.state)
    assert f"run {outage.id} (Outage) changes the same, and is awaiting approval" == warning.blocked

    engine = await night.restart()
    warning, outage = engine.run(warning.id), engine.run(outage.id)
    await engine.approve(outage.id, outage.plan.hash, ANNA)
    for _ in range(3):
        await engine.advance()

    assert (State.AWAITING_APPROVAL, State.RECOVERED) == (warning.state, outage.state)
    assert 0 == warning.replans


async def test_a_warning_that_waits_for_a_person_steps_aside_for_an_outage(night):
    """It has changed nothing: the outage asks at once. Who then answers the warning sees it wait, and ask again afterwards."""
    night.start(book(human("look", answers=("well",)), act(), verify()), book(name="Outage"))
    warning = await night.engine.take(Alarm("LampOut", {"lamp": "red", "severity": "warning"}, "now"))
    await night.engine.advance()
    await night.engine.approve(warning.id, warning.plan.hash, ANNA)
    await night.engine.advance()
    assert State.WAITING_HUMAN == warning.state

    outage = await critical(night, "Outage")
    asked = outage.state
    await night.engine.answer(warning.id, "look", "well", ANNA)
    for _ in range(3):
        await night.engine.advance()
    behind = warning.state, warning.blocked
    await night.engine.approve(outage.id, outage.plan.hash, ANNA)
    for _ in range(3):
        await night.engine.advance()

    assert State.AWAITING_APPROVAL == asked
    assert (State.PLANNED, f"run {outage.id} (Outage) changes the same, and is awaiting approval") == behind
    assert (State.AWAITING_APPROVAL, State.RECOVERED) == (warning.state, outage.state)
    assert not night.house.is_on("red")


@pytest.mark.parametrize("tier", ["critical", "", "warning that has acted"])
async def test_what_matters_as_much_or_has_begun_gives_way_to_nobody(night, tier):
    """Another outage, an order of a person, and what has changed something already."""
    steps = (act("first"), human("look", answers=("well",)), act("second", lamp="b"), verify())
    night.start(book(*steps), book(name="Outage"))
    if tier:
        first = await night.engine.take(Alarm("LampOut", {"lamp": "red", "severity": tier.split()[0]}, "now"))
    else:
        first = await night.engine.start("LampOut", {"lamp": "red"}, ANNA)
    await night.engine.advance()
    if "acted" in tier:
        await night.engine.approve(first.id, first.plan.hash, ANNA)
        await night.engine.advance()
    state = first.state

    outage = await critical(night, "Outage")

    assert (state, State.PLANNED) == (first.state, outage.state)
    assert f"run {first.id}" in outage.blocked
