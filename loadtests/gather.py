"""What all generators of a run have told, put together: the `Generated` of the run."""

import time

from loadtests.arrivals import slots
from loadtests.result import Generated
from loadtests.turns import Part, Told


class Gathered:
    """`hear` takes what a generator tells; the run is `over` when none of them has anything to do any more."""

    def __init__(self, part: Part, count: int) -> None:
        self._part, self._count = part, count
        self._latest: dict[str, Told] = {}
        self._open = sum(not each.until_s for each in slots(part.scenario, part.seed))
        self._all = Generated(seconds=part.scenario.seconds, planned=0, begun=0)

    def hear(self, whose: str, told: Told) -> None:
        self._latest[whose] = told
        self._all.sent += told.sent
        self._all.tickets_ms += told.tickets_ms

    def over(self, grace_s: float) -> bool:
        """Whether all have ended, or their time has, with so many seconds for who is on the way."""
        since_end = time.time() - self._part.began_at - self._part.scenario.seconds
        idle = len(self._latest) == self._count and not any(each.under_way for each in self._latest.values())
        return (idle and since_end > 0) or since_end > grace_s

    def generated(self) -> Generated:
        """As it stands; a generator that has said nothing has begun nothing, and is starved."""
        told = list(self._latest.values())
        self._all.planned = self._open + sum(each.closed for each in told)
        self._all.begun = sum(each.begun for each in told)
        self._all.cpu_s = sum(each.cpu_s for each in told)
        self._all.lag_ms_p99 = max((each.lag_ms_p99 for each in told), default=0)
        self._all.starved = any(each.starved for each in told) or len(told) < self._count
        self._all.broken = sum(each.broken for each in told)
        self._all.sent.sort(key=lambda each: each.at_s)
        return self._all
