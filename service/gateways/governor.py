"""The outbound rate governor: a vendor's limit is kept on our side, and when there is not enough for all, checkouts go first.

Each operation of a provider has a rate of its own, as the vendors limit each end point; all of them together have
`TOGETHER` times that. The arithmetic is throttled-py's (GCRA, in memory, so the rate holds for one process); ours is who
of those that wait goes next: by priority, then by age. Nobody waits longer than their patience, and whoever would have to
is told at once. A "too many" of the vendor pauses its operation for a moment.
"""

import asyncio
import time
from bisect import insort
from dataclasses import dataclass, field
from itertools import count

from throttled import RateLimiterType, Throttled, per_sec
from throttled.store import MemoryStore

from service.gateways.calls import TERMS, Operation
from service.kernel.errors import GatewayUnavailable
from service.telemetry import catalogue
from service.telemetry.labels import CallPriority, ClientOutcome
from service.telemetry.registry import Telemetry

TOGETHER = 4  # Stripe: 25 a second for each end point, 100 for an account
BURST = 5  # a fifth of a second's worth may go at once; more would break the vendor's limit in the next second
PAUSE_S = 1.0  # after a "too many": the length of the vendors' windows
SHORTEST_S = 0.001  # between two looks at who may go
RETRY_AFTER_S = 2
PATIENCE_S = {
    CallPriority.CHECKOUT: 2.0,  # a customer is waiting, and another provider may have room
    CallPriority.REFUND: 8.0,
    CallPriority.BOOKKEEPING: 10.0,
}
_RANK = {priority: rank for rank, priority in enumerate(CallPriority)}


@dataclass(order=True)
class _Waiter:
    rank: int
    number: int
    operation: Operation = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class Governor:
    """The turns of one provider's calls, `rate` a second for each operation."""

    def __init__(self, provider: str, *, rate: int, telemetry: Telemetry) -> None:
        self._provider = provider
        self._rate = rate
        self._telemetry = telemetry
        store = MemoryStore()
        gcra, together = RateLimiterType.GCRA.value, rate * TOGETHER
        self._each = Throttled(using=gcra, quota=per_sec(rate, max(rate // BURST, 1)), store=store)
        self._all = Throttled("*", using=gcra, quota=per_sec(together, max(together // BURST, 1)), store=store)
        self._paused: dict[Operation, float] = {}
        self._waiting: list[_Waiter] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> int:
        """Calls a second for each operation."""
        return self._rate

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @property
    def paused(self) -> list[Operation]:
        """What the vendor has told to come later, just now."""
        now = time.monotonic()
        return [each for each, until in self._paused.items() if until > now]

    async def turn(self, operation: Operation) -> None:
        """Wait until this call may go out; raises `GatewayUnavailable` (nothing sent) when that would take too long."""
        priority, started = TERMS[operation].priority, time.perf_counter()
        try:
            if self._waiting or self._take(operation) > 0:
                await self._wait(operation, priority)
        finally:
            waited_s = time.perf_counter() - started
            self._telemetry.observe(catalogue.GATEWAY_WAIT, waited_s, provider=self._provider, priority=priority)

    def pause(self, operation: Operation) -> None:
        """The vendor said "too many": ask it nothing of this kind for a moment."""
        self._paused[operation] = time.monotonic() + PAUSE_S

    async def _wait(self, operation: Operation, priority: CallPriority) -> None:
        patience_s = PATIENCE_S[priority]
        ahead = sum(each.operation is operation for each in self._waiting)
        if ahead >= patience_s * self._rate:
            raise self._refusal()
        turn = asyncio.get_running_loop().create_future()
        waiter = _Waiter(_RANK[priority], next(self._numbers), operation, turn)
        insort(self._waiting, waiter)
        self._hand_out()
        try:
            async with asyncio.timeout(patience_s):
                await turn
        except TimeoutError:
            raise self._refusal() from None
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _hand_out(self) -> None:
        """Let everybody go who may, best first, and look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, later_s = None, dict[Operation, float]()
        for each in list(self._waiting):
            if each.turn.done() or each.operation in later_s:
                continue
            delay_s = self._take(each.operation)
            if delay_s > 0:
                later_s[each.operation] = delay_s
                continue
            self._waiting.remove(each)
            each.turn.set_result(None)
        if later_s:
            pause_s = max(min(later_s.values()), SHORTEST_S)
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._hand_out)

    def _take(self, operation: Operation) -> float:
        """Take a turn if there is one: 0, else in how many seconds there may be one."""
        pause_s = self._paused.get(operation, 0) - time.monotonic()
        if pause_s > 0:
            return pause_s
        own = self._each.peek(operation)
        if own.retry_after > 0:
            return own.retry_after
        together = self._all.limit()
        if together.limited:
            return max(together.state.retry_after, SHORTEST_S)
        self._each.limit(operation)
        return 0.0

    def _refusal(self) -> GatewayUnavailable:
        return GatewayUnavailable(
            self._provider, ClientOutcome.NOT_SENT, retry_after_s=RETRY_AFTER_S, maybe_acted=False
        )
