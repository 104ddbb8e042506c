"""What a scenario is made of: stages of arrivals, faults among them, and what has to come of it.

Arrivals are open: people come when they come, whatever the system does. A stage with `users` is closed instead: so many
do the same thing again and again until it ends, which is how capacity is measured.
"""

from collections.abc import Mapping

import msgspec

from loadtests.result import Outcome

PLENTY = 1_000_000  # seats of each type where no scenario is about the last ones


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some seconds of arrivals, from one rate to another in a straight line; `mix` weighs the kinds of users."""

    seconds: float
    per_second_from: float = 0
    per_second_to: float = 0
    mix: dict[str, float]
    users: int = 0  # closed: so many at once, without rest

    @property
    def peak(self) -> float:
        return max(self.per_second_from, self.per_second_to)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What breaks, from when to when; `faults.py` has the kinds and what their `args` say."""

    at_s: float
    until_s: float
    kind: str
    args: dict[str, object] = {}


class Scenario(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of day. Everything about it that a generator on another machine has to know is in here."""

    name: str
    what: str  # a sentence for people
    stages: tuple[Stage, ...]
    faults: tuple[Fault, ...] = ()
    expects: tuple[str, ...] = ()  # alerts that have to fire
    tolerates: tuple[str, ...] = ()  # alerts that may
    allows: tuple[Outcome, ...] = ()  # beside `ok`: outcomes that this scenario provokes
    ceilings: dict[str, float] = {}  # by name; `thresholds.py` says what each limits
    wants: tuple[str, ...] = ("full-pass", "party-pass", "saturday-day")  # ticket types that buyers ask for
    seats: int = PLENTY  # of each of them
    settings: dict[str, str] = {}  # of the system, beside the usual ones
    drains: bool = (
        True  # whether all that waits has to be done soon after it; what asks for more than goes leaves a rest
    )
    watched: bool = True  # alerts and traces are; not where who watches would take from what is measured

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.stages)

    @property
    def peak(self) -> float:
        return max(each.peak for each in self.stages)

    @property
    def most_users(self) -> int:
        """Of the closed stages."""
        return max(each.users for each in self.stages)

    def scaled(self, factor: float, *, seconds: float = 1) -> "Scenario":
        """The same in small or large: rates and seats by `factor`, the length of everything by `seconds`."""
        stages = tuple(
            msgspec.structs.replace(
                each,
                seconds=each.seconds * seconds,
                per_second_from=each.per_second_from * factor,
                per_second_to=each.per_second_to * factor,
                users=max(1, round(each.users * factor)) if each.users else 0,
            )
            for each in self.stages
        )
        faults = tuple(
            msgspec.structs.replace(each, at_s=each.at_s * seconds, until_s=each.until_s * seconds)
            for each in self.faults
        )
        seats = self.seats if self.seats == PLENTY else max(1, round(self.seats * factor * seconds))
        return msgspec.structs.replace(self, stages=stages, faults=faults, seats=seats)


def steady(seconds: float, per_second: float, mix: Mapping[str, float]) -> Stage:
    """A stage at one rate."""
    return Stage(seconds=seconds, per_second_from=per_second, per_second_to=per_second, mix=dict(mix))


def rising(seconds: float, start: float, end: float, mix: Mapping[str, float]) -> Stage:
    """A stage between two rates."""
    return Stage(seconds=seconds, per_second_from=start, per_second_to=end, mix=dict(mix))


def closed(seconds: float, users: int, mix: Mapping[str, float]) -> Stage:
    """A stage of so many at once."""
    return Stage(seconds=seconds, users=users, mix=dict(mix))
