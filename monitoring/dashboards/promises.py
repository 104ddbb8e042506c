"""The objectives as panels use them: thresholds, selectors and recorded names, so that no figure of a promise is typed twice."""

from dataclasses import dataclass

from monitoring.signals import Match, all_of, bad_of
from service.telemetry.objectives import ALL_BP, CHECKOUT_AVAILABILITY, STORE_AVAILABILITY, Objective


@dataclass(frozen=True)
class Selected:
    """Matchers of all events of an objective, and of the bad ones among them."""

    all: dict[str, Match]
    bad: dict[str, Match]


def selected(objective: Objective) -> Selected:
    return Selected(all_of(objective), bad_of(objective))


CHECKOUT = selected(CHECKOUT_AVAILABILITY)
STORE = selected(STORE_AVAILABILITY)


def promised(objective: Objective) -> float:
    """The share that is to be good: 0.995."""
    return objective.target_bp / ALL_BP


def close_to(objective: Objective) -> float:
    """Where it is missed twice over: from here on it is no longer a close thing."""
    return round(1 - 2 * (ALL_BP - objective.target_bp) / ALL_BP, 6)


def too_slow(objective: Objective) -> float:
    """The limit of an objective about time, in seconds."""
    if objective.within_s is None:
        raise ValueError(f"{objective.name} is not about time")
    return objective.within_s
