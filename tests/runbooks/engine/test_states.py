"""The table of states: what leads where, that nothing else does, and that it is printed."""

import pytest

from runbooks.engine.states import FAILED, OPEN, TABLE, Event, State, advance, mermaid

S, E = State, Event


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([E.PLAN, E.BEGIN, E.VERIFY, E.PROCEED, E.RECOVER], S.RECOVERED),  # by itself
        ([E.PLAN, E.ASK, E.BEGIN, E.VERIFY, E.PROCEED, E.RECOVER], S.RECOVERED),  # approved
        ([E.PLAN, E.ASK, E.BEGIN, E.REPLAN, E.ASK, E.REFUSE], S.REFUSED),  # the world changed
        ([E.PLAN, E.ASK, E.EXPIRE], S.EXPIRED),
        ([E.PLAN, E.BEGIN, E.VERIFY, E.TIME_OUT], S.NO_EFFECT),
        ([E.PLAN, E.BEGIN, E.VERIFY, E.WORSEN, E.ROLL_BACK], S.ROLLED_BACK),
        ([E.PLAN, E.BEGIN, E.LOSE, E.ANSWER, E.VERIFY, E.PROCEED, E.RECOVER], S.RECOVERED),  # a person looked
        ([E.PLAN, E.BEGIN, E.WAIT, E.ANSWER, E.OBSERVE], S.OBSERVED),
        ([E.PLAN, E.STOP], S.STOPPED),
        ([E.PLAN, E.BEGIN, E.ABORT, E.ROLL_BACK], S.ROLLED_BACK),  # and put back by hand
    ],
)
def test_a_run_goes_its_way(events, end):
    """Each story ends where it should."""
    state = S.RECEIVED
    for event in events:
        state = advance(state, event)

    assert end is state


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (S.RECOVERED, E.BEGIN),
        (S.EXPIRED, E.BEGIN),  # an approval that comes too late
        (S.REFUSED, E.BEGIN),
        (S.RUNNING, E.BEGIN),  # the second of two approvals
        (S.RECEIVED, E.BEGIN),  # nothing without a plan
        (S.PLANNED, E.VERIFY),
        (S.ROLLED_BACK, E.ROLL_BACK),
    ],
)
def test_what_is_not_in_the_table_does_not_happen(state, event):
    """There is no way around planning, and none back from the end."""
    assert advance(state, event) is None


def test_every_state_is_reached_and_every_event_leads_somewhere():
    """No word of the table is idle, and every open state can be left."""
    assert set(State) == {S.RECEIVED, *TABLE.values()}
    assert set(Event) == {event for _, event in TABLE}
    assert OPEN <= {state for state, _ in TABLE}
    assert {S.NO_EFFECT, S.ROLLED_BACK, S.UNKNOWN} <= FAILED


def test_the_table_is_printed():
    """The documents show what the code holds."""
    drawn = mermaid()

    assert all(f"{state} --> {to}: {event}" in drawn for (state, event), to in TABLE.items())
    assert "recovered --> [*]" in drawn
    assert "running --> [*]" not in drawn
