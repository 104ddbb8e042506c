"""States are tables: `(state, event) -> state`, pure, one per noun.

`step` answers every pair of a known state and event and never raises, because gateways repeat themselves and deliver
out of order. Its three outcomes, exactly (a *target* of an event is a state that the table lets it lead to):

- `moved`: the table has the pair and leads to another state;
- `already`: nothing moves, since the effect has been had: the table leads back to the same state, or the state is a
  target of the event, or every history that can end in the state had moved into a target of the event on its way;
- `stale`: nothing moves, and the event is late, out of order or of a branch not taken.

A machine knows the state and not which events came before; where a loop leads back to a state the same event moves
again, so callers key effects by business fact and not by outcome alone. From the table come the CHECK constraint and
the printed diagram. A wrong table fails at import of its noun, with all its problems in one message.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)

_WORD = re.compile(r"[a-z][a-z0-9_]*")  # stands unquoted in Mermaid and harmless in SQL


class Outcome(StrEnum):
    MOVED = "moved"
    ALREADY = "already"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """What an event did, and the state afterwards."""

    outcome: Outcome
    state: S

    @property
    def moved(self) -> bool:
        return self.outcome is Outcome.MOVED


@dataclass(frozen=True, eq=False)
class Machine(Generic[S, E]):
    """The life of one noun. ValueError when the table is not sound.

    `terminal` is computed; handing it in states it, and a table that says otherwise is refused.
    `settled` are states in which an event counts as `already` when at least one history, not each, had its effect
    before: for a state where several ways meet and the way taken no longer matters.
    """

    noun: str
    table: Mapping[tuple[S, E], S]
    initial: S
    terminal: frozenset[S] = frozenset()
    settled: frozenset[S] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", MappingProxyType(dict(self.table)))  # frozen for everybody else
        problems = list(_problems(self)) if self.table else ["the table is empty"]
        if problems:
            raise ValueError(f"{self.noun}: {'; '.join(problems)}")
        object.__setattr__(self, "terminal", _ends(self))

    @cached_property
    def states(self) -> tuple[S, ...]:
        return tuple(type(self.initial))

    @cached_property
    def events(self) -> tuple[E, ...]:
        return tuple(type(next(iter(self.table))[1]))

    @cached_property
    def _steps(self) -> Mapping[tuple[S, E], Step[S]]:
        return {(state, event): _step(self, state, event) for state in self.states for event in self.events}

    def step(self, state: S, event: E) -> Step[S]:
        """Answer what the event does in this state; never raises for members of S and E."""
        return self._steps[state, event]

    def steps(self, events: Iterable[E], *, start: S | None = None) -> Iterator[Step[S]]:
        """Fold a history of events from `start`, or from the initial state, and answer each step."""
        state = self.initial if start is None else start
        for event in events:
            step = self.step(state, event)
            state = step.state
            yield step

    def replay(self, events: Iterable[E], *, start: S | None = None) -> S:
        """Fold a history of events and answer the state in which it ends."""
        state = self.initial if start is None else start
        for step in self.steps(events, start=state):
            state = step.state
        return state

    def mermaid(self) -> str:
        """Print the table as a Mermaid state diagram, in the order in which the enums are written."""
        moves = (
            f"{state} --> {self.table[state, event]}: {event}"
            for state in self.states
            for event in self.events
            if (state, event) in self.table
        )
        ends = (f"{state} --> [*]" for state in self.states if state in self.terminal)
        return "\n    ".join(["stateDiagram-v2", f"[*] --> {self.initial}", *moves, *ends]) + "\n"

    def check_sql(self, column: str) -> str:
        """Answer the condition of the column's CHECK constraint: `status IN ('a', 'b')`."""
        quoted = (f"'{state}'" for state in self.states)
        return f"{column} IN ({', '.join(quoted)})"


def _step(machine: Machine[S, E], state: S, event: E) -> Step[S]:
    target = machine.table.get((state, event), state)
    if target is not state:
        return Step(Outcome.MOVED, target)
    targets = frozenset(to for (_, moved_by), to in machine.table.items() if moved_by is event)
    if state in targets or state not in _reached(machine, frozenset({machine.initial}), avoiding=targets):
        return Step(Outcome.ALREADY, state)
    if state in machine.settled and state in _reached(machine, targets):
        return Step(Outcome.ALREADY, state)
    return Step(Outcome.STALE, state)


def _reached(machine: Machine[S, E], starts: frozenset[S], *, avoiding: frozenset[S] = frozenset()) -> frozenset[S]:
    """The starts, and all states that moves lead to from there without arriving in one to avoid."""
    reached, found = set(starts), list(starts)
    while found:
        state = found.pop()
        targets = {to for (origin, _), to in machine.table.items() if origin is state}
        fresh = targets - reached - avoiding
        reached |= fresh
        found += fresh
    return frozenset(reached)


def _ends(machine: Machine[S, E]) -> frozenset[S]:
    left = {state for (state, _), to in machine.table.items() if to is not state}
    return frozenset(machine.states) - left


def _problems(machine: Machine[S, E]) -> Iterator[str]:
    """Everything that is wrong with a table, in words."""
    table, states, events = machine.table, frozenset(machine.states), frozenset(machine.events)
    state_type, event_type = type(machine.initial), type(machine.events[0])
    typed = (
        (word, of)
        for (state, event), to in table.items()
        for word, of in ((state, state_type), (event, event_type), (to, state_type))
    )
    if strangers := [word for word, of in typed if type(word) is not of]:
        yield f"of another enum: {_words(strangers)}"
    if odd := [word for word in (*machine.states, *machine.events) if not _WORD.fullmatch(word)]:
        yield f"not lower-case words: {_words(odd)}"
    if lost := states - _reached(machine, frozenset({machine.initial})):
        yield f"no way leads to {_words(lost)}"
    if unused := events - {event for _, event in table}:
        yield f"nothing happens on {_words(unused)}"
    if twice := {event for (_, event), to in table.items() if table.get((to, event), to) is not to}:
        yield f"moves again when repeated: {_words(twice)}"
    if machine.terminal and machine.terminal != _ends(machine):
        yield f"terminal is declared as {_words(machine.terminal)} and is {_words(_ends(machine))}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
