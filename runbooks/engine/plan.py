"""A plan: what a run found, what it would do, whom that touches, and the hash that an approval binds to. Data and words.

The hash covers the playbook's version, the subject, each act with its arguments and its before and after, and how each
condition on the way came out; the counts are not in it, because they move by the second. `planning` makes plans.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import takewhile
from typing import Any

from msgspec import Struct, field

from runbooks.engine.facts import Value
from runbooks.engine.journal import cleaned, digest
from runbooks.engine.registry import Risk

_DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "TND": 3}  # others have two


class Found(Struct, frozen=True, kw_only=True):
    """What a step of the plan found, or would do. `outcome` is a word; only conditions have one that counts."""

    step: str
    kind: str  # check, choose, act, verify, human, notify, note, evidence
    heading: str
    outcome: str
    words: str = ""
    facts: dict[str, Value] = field(default_factory=dict)
    assumed: bool = False  # from what an act of this plan is expected to change


class PlannedAct(Struct, frozen=True, kw_only=True):
    """An act with what it would change. `known` is false when that could not be found out."""

    step: str
    do: str
    args: dict[str, str]
    risk: Risk
    summary: str
    lease_s: int = 0  # at the pace of production
    changes: bool = True
    known: bool = True
    approve: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    orders: int = 0
    sessions: int = 0
    events: int = 0
    cents: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Value] = field(default_factory=dict)  # what later steps may expect to see: `fact`, or `read.fact`

    @property
    def fingerprint(self) -> str:
        """Of what must be so when it is done: the act, its arguments, before and after."""
        return digest(cleaned([self.step, self.do, self.args, self.lease_s, self.changes, self.before, self.after]))


class Plan(Struct, frozen=True, kw_only=True):
    """`ends` says why it goes no further (a check, a limit), `waits_for` names the person's step it cannot see behind."""

    playbook: str
    version: str
    subject: str
    labels: dict[str, str]
    found: tuple[Found, ...]
    acts: tuple[PlannedAct, ...]
    unknown: tuple[str, ...]  # what was not to be found out, in words
    ends: str
    waits_for: str
    hash: str
    at: str

    @property
    def doing(self) -> tuple[PlannedAct, ...]:
        """The acts that change something."""
        return tuple(each for each in self.acts if each.changes)

    @property
    def is_blind(self) -> bool:
        """It asked, nothing answered, and no person is asked before it would be verified."""
        before = list(takewhile(lambda each: each.kind != "verify", self.found))
        checks = [each for each in before if each.kind == "check"]
        asks = any(each.kind == "human" and each.outcome == "asks" for each in before)
        silent = all(each.outcome == "unknown" for each in checks) and not any(each.known for each in self.acts)
        return bool(checks) and silent and not asks

    @property
    def risk(self) -> Risk:
        """The highest of its acts."""
        order = list(Risk)
        return max((each.risk for each in self.doing), key=order.index, default=Risk.LOW)

    @property
    def orders(self) -> int:
        return sum(each.orders for each in self.doing)

    @property
    def sessions(self) -> int:
        return sum(each.sessions for each in self.doing)

    @property
    def events(self) -> int:
        return sum(each.events for each in self.doing)

    @property
    def cents(self) -> dict[str, int]:
        """Minor units by currency."""
        return _added(each.cents for each in self.doing)

    def act(self, step: str) -> PlannedAct | None:
        return next((each for each in self.acts if each.step == step), None)

    def outcome(self, step: str) -> str:
        """How a condition came out; empty when the plan did not come by."""
        return next((each.outcome for each in self.found if each.step == step), "")

    def covers(self, fresh: "Plan", done: AbstractSet[str] = frozenset()) -> bool:
        """Whether who approved this one has approved the fresh one: nothing differs, or something more is known.

        `done` are steps that are behind it already.
        """
        if self.version != fresh.version or self.subject != fresh.subject or self.waits_for != fresh.waits_for:
            return False
        ahead, now = ([each.fingerprint for each in of.acts if each.step not in done] for of in (self, fresh))
        if ahead != now:
            return False
        mine, theirs = ([each for each in conditions(of.found) if each[0] not in done] for of in (self, fresh))
        return [step for step, _ in mine] == [step for step, _ in theirs] and all(
            holds(planned, now) for (_, planned), (_, now) in zip(mine, theirs, strict=True)
        )

    @property
    def blast_radius(self) -> str:
        """Whom it touches, in a sentence."""
        if not self.doing:
            return "Nothing would be changed."
        touched = [
            f"{count} {word if count != 1 else word[:-1]}"
            for count, word in ((self.sessions, "sessions"), (self.orders, "orders"), (self.events, "events"))
            if count
        ]
        touched += [amount(minor, currency) for currency, minor in self.cents.items() if minor]
        number = len(self.doing)
        back = "; it goes back by itself" if all(each.lease_s for each in self.doing) else ""
        return f"{number} change{'s' if number != 1 else ''}, touching {', '.join(touched) or 'no order and no money'}{back}."


def holds(planned: str, now: str) -> bool:
    """Whether a condition still is as planned; to know something that was not known before is no change."""
    return planned == now or (planned == "unknown" and now == "met")


def conditions(found: Iterable[Found]) -> list[tuple[str, str]]:
    """The steps whose outcome decided the way."""
    return [(each.step, each.outcome) for each in found if each.kind in {"check", "choose", "act"}]


def plan_hash(version: str, subject: str, acts: Iterable[PlannedAct], found: Iterable[Found]) -> str:
    """What an approval binds to."""
    return digest([version, subject, [each.fingerprint for each in acts], conditions(found)])


def amount(minor: int, currency: str) -> str:
    """Money for a person: `USD 120.00`."""
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(abs(minor), 10**decimals)
    return f"{currency} {'-' if minor < 0 else ''}{whole:,}{f'.{part:0{decimals}d}' if decimals else ''}"


def _added(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for cents in many:
        for currency, minor in cents.items():
            found[currency] = found.get(currency, 0) + minor
    return found
