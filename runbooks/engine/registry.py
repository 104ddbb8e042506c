"""The registry: everything a playbook may read or do, as contracts. A fence names an entry, never a command.

To add one: a function in runbooks/actions/<noun>.py and a row there; the linter, the plan, the journal and the documents
follow. `world` is whatever the entries need to reach the outside; the engine only hands it on.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain


class Risk(StrEnum):
    """What it can cost: low goes by itself where that was earned; high needs two people."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Reversal(StrEnum):
    """How it is taken back: it reverts by itself, it can be undone, or repeating and forgetting it does no harm."""

    LEASE = "lease"
    UNDO = "undo"
    HARMLESS = "harmless"


class Taken(StrEnum):
    """Whether an act has taken hold, as far as can be seen."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


class UnreachableError(Exception):
    """What was asked did not answer, or not in time; it says who. Nothing is known about the question."""


class RefusedError(Exception):
    """What was asked answered no; the message is for a person. Nothing was done."""


@dataclass(frozen=True)
class Effect:
    """What an act would change: `before` and `after` go into the plan's hash, the counts do not (they move by the second).

    `cents` is minor units by currency. `facts` are what later steps may expect to see once it is done.
    """

    summary: str
    changes: bool = True
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    orders: int = 0
    sessions: int = 0
    events: int = 0
    cents: Mapping[str, int] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """A question that changes nothing. `gives` are its facts with their meaning; `takes` are argument names, `?` for optional."""

    name: str
    promise: str
    gives: Mapping[str, str]
    look: Callable[[Any, Args], Awaitable[Facts]]
    takes: tuple[str, ...] = ()
    timeout_s: float = 5


@dataclass(frozen=True)
class Action:
    """An act with its contract. `apply` is repeatable under one key; `lease_s` is among its arguments where it is leased.

    `apply`, `observe` and `undo` also get `reason`, and `planned`: the `before` and `after` that were approved, as JSON.
    Raises: `UnreachableError` when nobody knows whether it was done, `RefusedError` when it certainly was not.
    """

    name: str
    promise: str
    risk: Risk
    domain: Domain
    reversal: Reversal
    plan: Callable[[Any, Args], Awaitable[Effect]]
    apply: Callable[[Any, Args, str], Awaitable[Facts]]  # world, arguments, idempotency key
    observe: Callable[[Any, Args], Awaitable[Taken]]
    undo: Callable[[Any, Args, str], Awaitable[Facts]] | None = None
    takes: tuple[str, ...] = ()
    timeout_s: float = 15
    ours: Callable[[Any, Args], Awaitable[bool]] | None = (
        None  # whether what stands was put there by us, and last by us
    )


_Entry = TypeVar("_Entry", Read, Action)


class Registry:
    """Entries by name; two of one name are a mistake of the program."""

    def __init__(self, reads: Iterable[Read], actions: Iterable[Action]) -> None:
        self.reads = _by_name(reads)
        self.actions = _by_name(actions)


def _by_name(entries: Iterable[_Entry]) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for each in entries:
        if each.name in found:
            raise ValueError(f"{each.name} stands in the registry twice")
        found[each.name] = each
    return found
