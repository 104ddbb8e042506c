"""Who gets a new checkout, as a table."""

import pytest

from service.gateways.routing import Choice, choose
from service.telemetry.labels import BreakerState, FailoverReason

C, O, H = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN  # noqa: E741
BOTH = ("stripe", "paypal")

# case: (route, states of stripe and paypal) -> whom to ask, who is away, why the first choice was left
TABLE = {
    "all is well": (BOTH, (C, C), BOTH, (), None),
    "the first is away": (BOTH, (O, C), ("paypal",), ("stripe",), "breaker"),
    "the second is away": (BOTH, (C, O), ("stripe",), ("paypal",), None),
    "the first is coming back": (BOTH, (H, C), ("paypal",), ("stripe",), "breaker"),
    "nobody else but who is coming back": (BOTH, (H, O), ("stripe",), ("paypal",), None),
    "both are away": (BOTH, (O, O), (), BOTH, "breaker"),
    "an operator turned them round": (("paypal", "stripe"), (C, C), ("paypal", "stripe"), (), "route"),
    "an operator took the first away": (("paypal",), (C, C), ("paypal",), (), "route"),
    "an operator chose who is away": (("paypal",), (C, O), (), ("paypal",), "route"),
    "turned round, and that one is away": (("paypal", "stripe"), (C, O), ("stripe",), ("paypal",), None),
    "a route to nobody we have is none": (("manual",), (C, C), BOTH, (), None),
}


@pytest.mark.parametrize(("route", "states", "usable", "away", "detour"), TABLE.values(), ids=TABLE)
def test_who_is_asked(route, states, usable, away, detour):
    """The order of the route, without who does not answer."""
    choice = choose(BOTH, route, dict(zip(BOTH, states, strict=True)))

    assert Choice(usable, away, FailoverReason(detour) if detour else None) == choice


def test_who_is_asked_next():
    """The first that was not asked yet."""
    choice = Choice(("stripe", "paypal", "third"), ())

    assert ["paypal", "third", None] == [
        choice.after(tried) for tried in (["stripe"], ["paypal", "stripe"], choice.usable)
    ]
