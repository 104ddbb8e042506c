"""What holds for every sound machine, tried on machines made at random."""

from enum import StrEnum

from hypothesis import given, settings
from hypothesis import strategies as st

from service.kernel.machine import Machine, Outcome

QUICK = settings(derandomize=True, max_examples=150, deadline=None)


@st.composite
def machines(draw):
    """A sound machine: edges that would move twice are dropped, and what is not reached or used has no member."""
    places = st.integers(0, 5)
    table = draw(st.dictionaries(st.tuples(places, st.integers(0, 3)), places, min_size=1, max_size=14))
    for pair, to in list(table.items()):
        if table.get((to, pair[1]), to) != to:
            del table[pair]
    reached = [0]
    for state in reached:
        reached += sorted({to for (origin, _), to in table.items() if origin == state} - set(reached))
    table = {pair: to for pair, to in table.items() if pair[0] in reached} or {(0, 0): 0}
    states = StrEnum("State", {f"S{n}": f"state_{n}" for n in sorted(reached)})
    events = StrEnum("Event", {f"E{n}": f"event_{n}" for n in sorted({event for _, event in table})})
    return Machine(
        "any",
        {(states[f"S{state}"], events[f"E{event}"]): states[f"S{to}"] for (state, event), to in table.items()},
        states["S0"],
    )


@QUICK
@given(machines())
def test_an_event_repeated_at_once_changes_nothing(machine):
    """After a move the same event is `already`; after anything else it is answered as before."""
    for state in machine.states:
        for event in machine.events:
            first = machine.step(state, event)
            again = machine.step(first.state, event)

            assert again.state is first.state
            assert again.outcome is (Outcome.ALREADY if first.moved else first.outcome)


@QUICK
@given(machines())
def test_only_the_table_moves(machine):
    """An event moves exactly where the table leads elsewhere, and to exactly there."""
    moves = {
        (state, event): machine.step(state, event).state
        for state in machine.states
        for event in machine.events
        if machine.step(state, event).moved
    }

    assert moves == {pair: to for pair, to in machine.table.items() if pair[0] is not to}


@QUICK
@given(machines())
def test_a_terminal_state_stays(machine):
    """No event leaves it, and a state that some event leaves is not terminal."""
    stays = {state for state in machine.states if not any(machine.step(state, e).moved for e in machine.events)}

    assert machine.terminal == stays


def ways(machine, state, visited=()):
    """Every way from the initial state to this one without a detour, each as the states that it arrives in."""
    if state is machine.initial:
        yield ()
    for (origin, _), to in machine.table.items():
        if to is state and origin not in (*visited, state):
            yield from ((*way, state) for way in ways(machine, origin, (*visited, state)))


@QUICK
@given(machines())
def test_already_means_that_every_way_here_had_the_effect(machine):
    """The event leads here, or each way to this state arrived where the event leads; otherwise it is stale."""
    for state in machine.states:
        for event in machine.events:
            targets = {to for (_, moved_by), to in machine.table.items() if moved_by is event}
            had = state in targets or all(targets.intersection(way) for way in ways(machine, state))
            expected = Outcome.ALREADY if had else Outcome.STALE

            step = machine.step(state, event)

            assert step.moved or step.outcome is expected


@QUICK
@given(machines())
def test_the_diagram_shows_each_arrow_once(machine):
    """One line per entry of the table, one into the initial state, one out of each terminal one."""
    lines = [line.strip() for line in machine.mermaid().splitlines()]

    arrows = [f"{state} --> {to}: {event}" for (state, event), to in machine.table.items()]
    ends = [f"{state} --> [*]" for state in machine.terminal]
    assert sorted(lines) == sorted(["stateDiagram-v2", f"[*] --> {machine.initial}", *arrows, *ends])
