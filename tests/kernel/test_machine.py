"""Machines: what an event does in each state has one of three names, and the table is sound or refused."""

from enum import StrEnum
from itertools import permutations

import pytest

from service.kernel.machine import Machine, Outcome
from service.telemetry.labels import MoveOutcome


class Door(StrEnum):
    AJAR = "ajar"
    CLOSED = "closed"
    LOCKED = "locked"
    GONE = "gone"


class Act(StrEnum):
    CLOSE = "close"
    SLAM = "slam"
    LOCK = "lock"
    KNOCK = "knock"
    BREAK = "break"


TABLE = {
    (Door.AJAR, Act.CLOSE): Door.CLOSED,
    (Door.AJAR, Act.SLAM): Door.CLOSED,
    (Door.AJAR, Act.BREAK): Door.GONE,
    (Door.CLOSED, Act.KNOCK): Door.CLOSED,
    (Door.CLOSED, Act.LOCK): Door.LOCKED,
    (Door.LOCKED, Act.BREAK): Door.GONE,
}
DOOR = Machine("door", TABLE, Door.AJAR, terminal=frozenset({Door.GONE}))


# ---- one step --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "event", "outcome", "after"),
    [
        (Door.AJAR, Act.CLOSE, Outcome.MOVED, Door.CLOSED),
        (Door.CLOSED, Act.CLOSE, Outcome.ALREADY, Door.CLOSED),  # it is where the event leads
        (Door.CLOSED, Act.SLAM, Outcome.ALREADY, Door.CLOSED),  # whichever way it came there
        (Door.CLOSED, Act.KNOCK, Outcome.ALREADY, Door.CLOSED),  # the table expects it and moves nothing
        (Door.LOCKED, Act.CLOSE, Outcome.ALREADY, Door.LOCKED),  # only closed doors get locked
        (Door.LOCKED, Act.SLAM, Outcome.ALREADY, Door.LOCKED),
        (Door.LOCKED, Act.LOCK, Outcome.ALREADY, Door.LOCKED),
        (Door.GONE, Act.BREAK, Outcome.ALREADY, Door.GONE),
        (Door.AJAR, Act.LOCK, Outcome.STALE, Door.AJAR),  # too early
        (Door.AJAR, Act.KNOCK, Outcome.STALE, Door.AJAR),
        (Door.CLOSED, Act.BREAK, Outcome.STALE, Door.CLOSED),  # a branch not taken
        (Door.GONE, Act.LOCK, Outcome.STALE, Door.GONE),  # it may have been locked, or broken while ajar: nobody knows
    ],
)
def test_a_step_is_moved_already_or_stale(state, event, outcome, after):
    """Moved along the table, had its effect before, or came at the wrong time; never an exception."""
    step = DOOR.step(state, event)

    assert (step.outcome, step.state) == (outcome, after)
    assert step.moved is (outcome is Outcome.MOVED)


def test_a_state_is_read_from_a_row_as_text():
    """What a column holds is good enough, and the answer is the enum's member."""
    assert DOOR.step("ajar", "close").state is Door.CLOSED


def test_in_a_settled_state_one_way_is_enough():
    """Where several ways meet, what may have happened counts as having happened; what cannot have is still stale."""
    settled = Machine("door", TABLE, Door.AJAR, settled=frozenset({Door.GONE}))

    assert settled.step(Door.GONE, Act.LOCK).outcome is Outcome.ALREADY
    assert DOOR.step(Door.GONE, Act.LOCK).outcome is Outcome.STALE


def test_going_round_a_loop_moves_each_time():
    """A machine knows the state and no history, so after the way back the same event is news again."""

    class Lamp(StrEnum):
        OFF = "off"
        ON = "on"

    class Press(StrEnum):
        UP = "up"
        DOWN = "down"

    lamp = Machine("lamp", {(Lamp.OFF, Press.DOWN): Lamp.ON, (Lamp.ON, Press.UP): Lamp.OFF}, Lamp.OFF)

    outcomes = [step.outcome for step in lamp.steps([Press.UP, Press.DOWN, Press.DOWN, Press.UP, Press.DOWN])]

    assert outcomes == [Outcome.ALREADY, Outcome.MOVED, Outcome.ALREADY, Outcome.MOVED, Outcome.MOVED]
    assert lamp.terminal == frozenset()


def test_each_outcome_has_its_label():
    """What a step answers is what the move counters count."""
    assert set(Outcome) <= set(MoveOutcome)


# ---- a history -------------------------------------------------------------------------------------------------------


def test_a_history_is_folded_event_by_event():
    """From the initial state or any other; of no events it is where it started."""
    history = [Act.CLOSE, Act.CLOSE, Act.LOCK, Act.SLAM]

    assert [step.state for step in DOOR.steps(history)] == [Door.CLOSED, Door.CLOSED, Door.LOCKED, Door.LOCKED]
    assert DOOR.replay(history) is Door.LOCKED
    assert DOOR.replay([Act.BREAK], start=Door.LOCKED) is Door.GONE
    assert DOOR.replay([]) is Door.AJAR


def test_a_permuted_history_names_what_came_too_early():
    """Every order of three events is answered, and delivering again what was stale ends in the same state."""
    events = (Act.CLOSE, Act.LOCK, Act.KNOCK)

    ends = {DOOR.replay(order * len(events)) for order in permutations(events)}

    assert ends == {Door.LOCKED}


# ---- what is printed -------------------------------------------------------------------------------------------------


def test_the_diagram_is_in_the_order_of_the_enums():
    """So it changes only when the machine does."""
    shuffled = Machine("door", dict(reversed(TABLE.items())), Door.AJAR)

    assert shuffled.mermaid() == DOOR.mermaid()
    assert DOOR.mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> ajar\n"
        "    ajar --> closed: close\n"
        "    ajar --> closed: slam\n"
        "    ajar --> gone: break\n"
        "    closed --> locked: lock\n"
        "    closed --> closed: knock\n"
        "    locked --> gone: break\n"
        "    gone --> [*]\n"
    )


def test_the_check_constraint_lists_the_states():
    """In the order of the enum."""
    assert DOOR.check_sql("status") == "status IN ('ajar', 'closed', 'locked', 'gone')"


def test_states_and_events_are_those_of_the_enums():
    """All of them, in order."""
    assert DOOR.states == tuple(Door)
    assert DOOR.events == tuple(Act)
    assert DOOR.terminal == {Door.GONE}


# ---- what is refused -------------------------------------------------------------------------------------------------


class Loud(StrEnum):
    ON = "On; DROP TABLE orders"


class Quiet(StrEnum):
    HUSH = "hush"


@pytest.mark.parametrize(
    ("table", "terminal", "problem"),
    [
        ({}, set(), "the table is empty"),
        ({(Door.AJAR, Act.CLOSE): Door.CLOSED}, set(), "no way leads to gone, locked"),
        ({(Door.AJAR, Act.CLOSE): Door.CLOSED}, set(), "nothing happens on break, knock, lock, slam"),
        (TABLE | {(Door.CLOSED, Act.CLOSE): Door.LOCKED}, set(), "moves again when repeated: close"),
        (TABLE, {Door.LOCKED}, "terminal is declared as locked and is gone"),
        (TABLE | {(Door.LOCKED, Quiet.HUSH): Door.GONE}, set(), "of another enum: hush"),
        (TABLE | {(Door.LOCKED, Act.LOCK): Quiet.HUSH}, set(), "of another enum: hush"),
    ],
)
def test_an_unsound_table_is_refused(table, terminal, problem):
    """When its module is imported, with the noun and what is wrong."""
    with pytest.raises(ValueError, match=r"^door: ") as refused:
        Machine("door", table, Door.AJAR, terminal=frozenset(terminal))

    assert problem in str(refused.value)


def test_a_state_that_is_no_word_is_refused():
    """It goes into SQL and into a diagram."""
    with pytest.raises(ValueError, match="not lower-case words: On"):
        Machine("radio", {(Loud.ON, Quiet.HUSH): Loud.ON}, Loud.ON)


def test_all_problems_are_told_at_once():
    """One run shows them all."""
    with pytest.raises(ValueError, match=r"no way leads to .*; nothing happens on .*; terminal is declared"):
        Machine("door", {(Door.AJAR, Act.CLOSE): Door.CLOSED}, Door.AJAR, terminal=frozenset({Door.GONE}))


def test_a_machine_does_not_change():
    """Neither by assignment nor through the dict it was made from."""
    table = dict(TABLE)
    machine = Machine("door", table, Door.AJAR)

    table.clear()
    with pytest.raises(AttributeError):
        machine.initial = Door.GONE
    with pytest.raises(TypeError):
        machine.table[Door.GONE, Act.CLOSE] = Door.AJAR

    assert machine.step(Door.AJAR, Act.CLOSE).moved
