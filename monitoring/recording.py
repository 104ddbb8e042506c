"""What the objectives are recorded as: bad and all events, their ratio, and what is left of the error budget.

A name says objective, quantity and window: `cubano:checkout_availability:bad:ratio1h`. It keeps the window of production
when everything runs faster. Windows of hours count the raw series; those of days add up the recorded five minutes,
which overlap as often as the group is evaluated in them.
"""

from collections.abc import Iterator
from decimal import Decimal

from monitoring import signals
from monitoring.alert import Record
from service.telemetry.metric import Histogram
from service.telemetry.objectives import ALL_BP, BURNS, OBJECTIVES, ON_SALE_BURNS, Objective

EVERY = "30s"  # between two evaluations of the objectives
BASE = "5m"
LONG = ("1d", "3d", "30d")  # added up from the recorded base
ON_SALE = "2h"  # a sale's own period
CROWD = 100  # checkouts in a quarter of an hour make a sale


def name_of(objective: Objective) -> str:
    """As a part of a metric's name."""
    return objective.name.replace("-", "_")


def bad(objective: Objective, window: str) -> str:
    """The recorded number of bad events."""
    return f"cubano:{name_of(objective)}:bad:increase{window}"


def events(objective: Objective, window: str) -> str:
    """The recorded number of all events."""
    return f"cubano:{name_of(objective)}:total:increase{window}"


def ratio(objective: Objective, window: str) -> str:
    """The recorded share of bad events."""
    return f"cubano:{name_of(objective)}:bad:ratio{window}"


def remaining(objective: Objective) -> str:
    """What is left of the error budget of the period: 1 is all of it, below 0 it is overdrawn."""
    return f"cubano:{name_of(objective)}:budget:remaining"


def remaining_on_sale(objective: Objective) -> str:
    """The same for the two hours of a sale."""
    return f"cubano:{name_of(objective)}:budget:remaining_on_sale"


def budget(target_bp: int) -> Decimal:
    """The share of events that may be bad: 0.001 of 9 990."""
    return Decimal(ALL_BP - target_bp) / ALL_BP


def windows(objective: Objective) -> tuple[str, ...]:
    """All over which an objective is recorded, the shortest first."""
    pairs = (*BURNS, *(ON_SALE_BURNS if objective.on_sale_bp else ()))
    found = {window for burn in pairs for window in (burn.long, burn.short)} | {BASE, objective.period}
    return tuple(sorted(found, key=_minutes))


def records() -> dict[str, list[Record]]:
    """The recording rules by group, one group an objective."""
    return {objective.name: list(_records_of(objective)) for objective in OBJECTIVES}


def _records_of(objective: Objective) -> Iterator[Record]:
    labels = {"slo": objective.name}
    for window in windows(objective):
        yield Record(events(objective, window), _all(objective, window), labels)
        yield Record(bad(objective, window), _bad(objective, window), labels)
        part, whole = bad(objective, window), events(objective, window)
        yield Record(ratio(objective, window), signals.share(part, whole), labels)
    yield Record(
        remaining(objective), f"1 - {ratio(objective, objective.period)} / {budget(objective.target_bp)}", labels
    )
    if objective.on_sale_bp:
        left = f"1 - {ratio(objective, ON_SALE)} / {budget(objective.on_sale_bp)}"
        yield Record(remaining_on_sale(objective), left, labels)


def _all(objective: Objective, window: str) -> str:
    if window in LONG:
        return _added_up(events(objective, BASE), window)
    part = "_count" if _is_histogram(objective) else ""
    return _counted(objective, part, window, **signals.all_of(objective))


def _bad(objective: Objective, window: str) -> str:
    """Nothing bad is recorded as a zero wherever anything happened."""
    if window in LONG:
        return _added_up(bad(objective, BASE), window)
    if objective.within_s is not None:
        quick = _counted(objective, "_bucket", window, **signals.all_of(objective), le=_bound(objective.within_s))
        return f"clamp_min({events(objective, window)} - on ({objective.by}) {quick}, 0)"
    part = "_count" if _is_histogram(objective) else ""
    found = _counted(objective, part, window, **signals.bad_of(objective))
    return f"{found} or on ({objective.by}) {events(objective, window)} * 0"


def _counted(objective: Objective, part: str, window: str, **match: signals.Match) -> str:
    selector = signals.select(objective.metric, part, **match)
    return signals.total(signals.grown(objective.metric, selector, window), objective.by)


def _added_up(recorded: str, window: str) -> str:
    """Each event is in as many samples of the base as evaluations fit into it."""
    return f"sum_over_time({recorded}[{{{window}}}]) * {{{EVERY}:s}} / {{{BASE}:s}}"


def _is_histogram(objective: Objective) -> bool:
    return isinstance(objective.metric, Histogram)


def _bound(seconds: float) -> str:
    """A bucket's `le`: a whole number of seconds is written `30.0` by our client, and `30` by others."""
    return signals.Like(f"{seconds:.0f}([.]0)?") if seconds == int(seconds) else str(seconds)


def _minutes(window: str) -> int:
    return int(window[:-1]) * {"m": 1, "h": 60, "d": 1440}[window[-1]]
