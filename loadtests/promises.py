"""The objectives of the service, judged as those see it who sit outside: `SEEN` says by which requests.

One rule for all: what was found above its limit fails when its whole interval of 95 % lies there, and is inconclusive when
not; nothing passes of which too little was seen. Limits are the rows of `service.telemetry.objectives`, no figures of ours.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtests.result import Outcome, Ran, Sent, percentile
from loadtests.stages import PLENTY, Scenario
from loadtests.verdict import Row, Verdict
from service.telemetry import objectives
from service.telemetry.objectives import ALL_BP, Objective

LEAST = 100  # requests; of fewer the slowest one in a hundred is nobody
RECOVERS_S = 10  # after trouble that may break anything, until promises hold again
_SURE = 1.96  # standard deviations on either side hold 95 %
_KEPT_OUT = frozenset({429, 503})
TOGETHER = "all scenarios"


@dataclass(frozen=True)
class Seen:
    """Requests of these names, or all of these users."""

    names: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def has(self, each: Sent) -> bool:
        return each.name in self.names or each.user in self.users


SEEN: Mapping[str, Seen] = {
    objectives.CHECKOUT_AVAILABILITY.name: Seen(frozenset({"checkout"})),
    objectives.CHECKOUT_LATENCY.name: Seen(frozenset({"checkout"})),
    objectives.STORE_AVAILABILITY.name: Seen(users=frozenset({"visitor"})),
    objectives.SUPPORT_AVAILABILITY.name: Seen(users=frozenset({"support"})),
}
# `tickets-prompt` is seen by those who pay and look until the ticket is there. The others, and why nobody here can see them:
ELSEWHERE: Mapping[str, str] = {
    objectives.PAYMENT_SUCCESS.name: "the bank here is a stand-in, which answers as it is told",
    objectives.WEBHOOKS_FRESH.name: "how late the gateway sends is the stand-in's doing",
}


def promises(ran: Ran, scenario: Scenario) -> Iterator[Row]:
    """A row for each objective of which this run saw enough."""
    for objective in _seen():
        if len(sent := counted(ran, scenario, objective)) >= LEAST:
            yield _judged(ran.scenario, objective, sent, on_sale=scenario.seats != PLENTY)
    found = sorted(each / 1000 for each in ran.generated.tickets_ms)
    if len(found) >= LEAST:
        yield _slow_row(ran.scenario, objectives.TICKETS_PROMPT, found, objectives.TICKETS_PROMPT.target_bp)


def unseen(runs: Sequence[tuple[Ran, Scenario]], rows: Sequence[Row]) -> Iterator[Row]:
    """What no run alone saw enough of, judged over all of them; too few even then is inconclusive."""
    judged = {each.name for each in rows}
    for objective in _seen():
        if objective.name not in judged:
            sent = [each for ran, scenario in runs for each in counted(ran, scenario, objective)]
            yield _judged(TOGETHER, objective, sent, on_sale=False)
    if objectives.TICKETS_PROMPT.name not in judged:
        found = sorted(each / 1000 for ran, _ in runs for each in ran.generated.tickets_ms)
        yield _slow_row(TOGETHER, objectives.TICKETS_PROMPT, found, objectives.TICKETS_PROMPT.target_bp)


def counted(ran: Ran, scenario: Scenario, objective: Objective) -> list[Sent]:
    """The requests this objective is about.

    Without those sent away on purpose, those in trouble that may break anything, and, where speed is promised, those that
    the scenario itself makes slow.
    """
    seen, calm = SEEN[objective.name], calm_from(scenario)
    slow = [(each.at_s, each.until_s) for each in scenario.faults if objective.within_s and _slows(each.args)]
    return [
        each
        for each in ran.generated.sent
        if seen.has(each)
        and each.at_s >= calm
        and not (each.outcome is Outcome.REFUSED and each.status in _KEPT_OUT)
        and not any(begin <= each.at_s < end for begin, end in slow)
    ]


def calm_from(scenario: Scenario) -> float:
    """From when on promises hold: the start, or some seconds after the last trouble that may break anything."""
    if Outcome.FAILED not in scenario.allows:
        return 0
    ends, at_s = [each.until_s for each in scenario.faults], 0.0
    for stage in scenario.stages:
        at_s += stage.seconds
        if not scenario.faults and stage.peak == scenario.peak:
            ends.append(at_s)
    return max(ends) + RECOVERS_S


def _slows(args: Mapping[str, object]) -> bool:
    effects = args.get("effects")
    return isinstance(effects, Mapping) and "latency_ms" in effects


def _seen() -> Iterator[Objective]:
    return (each for each in objectives.OBJECTIVES if each.name in SEEN)


def _judged(scenario: str, objective: Objective, sent: Sequence[Sent], *, on_sale: bool) -> Row:
    target_bp = (on_sale and objective.on_sale_bp) or objective.target_bp
    if objective.within_s is not None:
        return _slow_row(scenario, objective, sorted(each.waited_ms / 1000 for each in sent), target_bp)
    bad = sum(each.outcome is Outcome.FAILED for each in sent)
    row = share(bad, len(sent), ALL_BP - target_bp)
    return _row(scenario, objective.name, objective.promise, row)


def _slow_row(scenario: str, objective: Objective, ordered: Sequence[float], target_bp: int) -> Row:
    within = (objective.within_s or math.inf) * 1000
    row = slow([each * 1000 for each in ordered], target_bp / ALL_BP, within)
    return _row(scenario, objective.name, objective.promise, row)


@dataclass(frozen=True)
class Measured:
    """What was found with its interval; None when too little was seen."""

    found: float
    low: float
    high: float
    limit: float
    unit: str
    count: int

    @property
    def verdict(self) -> Verdict:
        if self.count < LEAST:
            return Verdict.INCONCLUSIVE
        if self.found <= self.limit:
            return Verdict.PASS
        return Verdict.FAIL if self.low > self.limit else Verdict.INCONCLUSIVE


def share(bad: int, count: int, budget_bp: int) -> Measured:
    """Bad ones among all, in per cent, with Wilson's interval (1927), which is right for few and for none."""
    if not count:
        return Measured(0, 0, 100, budget_bp / 100, "%", 0)
    found, square = bad / count, _SURE * _SURE / count
    middle = (found + square / 2) / (1 + square)
    half = _SURE * math.sqrt(found * (1 - found) / count + square / (4 * count)) / (1 + square)
    low, high = (middle - half if bad else 0), middle + half
    return Measured(found * 100, low * 100, high * 100, budget_bp / 100, "%", count)


def slow(ordered: Sequence[float], part: float, limit: float) -> Measured:
    """The value within which `part` of the ordered ones lies; the ranks beside it, as chance has them, are its interval."""
    count = len(ordered)
    if not count:
        return Measured(0, 0, math.inf, limit, "ms", 0)
    spread = _SURE * math.sqrt(count * part * (1 - part))
    low = ordered[max(0, math.floor(count * part - spread) - 1)]
    high = ordered[min(count - 1, math.ceil(count * part + spread) - 1)]
    return Measured(percentile(ordered, part), low, high, limit, "ms", count)


def _row(scenario: str, name: str, told: str, found: Measured) -> Row:
    few = f"{found.count} requests say too little; at least {LEAST}" if found.count < LEAST else ""
    known = found.count > 0
    return Row(
        scenario=scenario,
        name=name,
        told=told,
        verdict=found.verdict,
        found=found.found if known else None,
        limit=found.limit,
        unit=found.unit,
        low=found.low if known else None,
        high=found.high if known else None,
        why=few or _why(found, told),
    )


def _why(found: Measured, told: str) -> str:
    if found.verdict is Verdict.PASS:
        return ""
    sure = "" if found.verdict is Verdict.FAIL else ", which may be chance"
    return f"{told} Found {found.found:,.3g} {found.unit}, at most {found.limit:,.3g}{sure}."
