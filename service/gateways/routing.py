"""Who is asked to open a new checkout: pure, from the settings' order, an operator's route and what is known of each provider.

Only new checkouts are routed. Whatever is open already belongs to its provider, and everything about it is asked there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.telemetry.labels import BreakerState, FailoverReason


@dataclass(frozen=True)
class Choice:
    """`usable` is whom to ask, the first choice first; `away` is who would be there but does not answer now."""

    usable: tuple[str, ...]
    away: tuple[str, ...]
    detour: FailoverReason | None = None  # why the first is not the one the settings name first

    def after(self, tried: Sequence[str]) -> str | None:
        """Whom to ask next when these were asked without an answer."""
        return next((each for each in self.usable if each not in tried), None)


def choose(offered: Sequence[str], route: Sequence[str], states: Mapping[str, BreakerState]) -> Choice:
    """`offered` in the settings' order; a `route` that names none of them is none.

    A provider that answers its probes but has not done so for long is asked only when nobody else is there: then to try is
    better than to refuse everybody.
    """
    wanted = tuple(each for each in route if each in offered) or tuple(offered)
    well = tuple(each for each in wanted if states[each] is BreakerState.CLOSED)
    usable = well or tuple(each for each in wanted if states[each] is BreakerState.HALF_OPEN)
    away = tuple(each for each in wanted if each not in usable)
    first = wanted[0] if wanted else None
    if usable[:1] == tuple(offered[:1]):
        return Choice(usable, away)
    return Choice(usable, away, FailoverReason.BREAKER if first == offered[0] else FailoverReason.ROUTE)
