"""A run from its alarm to its end: planned, asked for, done once, verified, written down."""

import pytest

from runbooks.engine.states import State
from tests.runbooks.engine.books import (
    Go, Stop, act, book, burns, check, choose, evidence, human, look, note, notify, verify,
)  # fmt: skip
from tests.runbooks.engine.conftest import ANNA, AUTO


async def test_an_alarm_is_planned_and_asks(night):
    """By default nothing is changed without a person; the plan says what would be."""
    night.start()

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert "1 change, touching no order and no money; it goes back by itself." == run.plan.blast_radius
    assert [] == night.house.switched


async def test_an_approved_run_acts_verifies_and_has_recovered(night):
    """The act is done once, under a key, with its lease; what proves the recovery is the verify."""
    night.start()

    run = await night.approved()

    assert State.RECOVERED == run.state
    assert [("red", "on", "1800")] == [(each["lamp"], each["to"], each["lease_s"]) for each in night.house.switched]
    kinds = night.kinds(run)
    assert kinds.index("act.intent") < kinds.index("act.outcome") < kinds.index("verify.passed")
    assert [] == night.engine.journal.verify()
