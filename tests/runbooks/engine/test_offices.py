"""An engine of a command's own: who may say yes there, and when there is none."""

import pytest

from runbooks.commands.offices import Alone
from runbooks.engine.approvals import NotAllowedError
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, verify
from tests.runbooks.engine.conftest import ANNA, BELA


def office(night, person, *, listed):
    return Alone(night.engine, night.shelf, person, listed=listed)


async def test_where_nobody_is_listed_what_can_cost_much_is_not_approved(night):
    """One shell is no two people, whatever they are called; a break-glass token is worth what it always is."""
    night.start(book(act(do="lamp.break"), verify()))
    run = await night.alarm()
    said = {"hash": run.plan.hash}

    for person in (ANNA, BELA):
        with pytest.raises(NotAllowedError, match="nobody is listed"):
            await office(night, person, listed=False).decide(run.id, "approve", **said)
    for person in (ANNA, BELA):
        await office(night, person, listed=True).decide(run.id, "approve", **said)

    assert State.RUNNING == run.state
