"""A circuit breaker for each provider: after some calls in a row without an answer nothing is sent until it is well again.

Counting and opening are purgatory's, in memory: each process learns for itself, and no shared store can fail with the
gateway. Ours is who gets through: while it is open only the probe; since the first probe that was answered (`half_open`)
also what belongs to open checkouts; and when all probes of `healthy_s` were answered the last one closes it. An operator's
position stands above all that.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import CLOSED, OpenedState

from service.kernel.errors import GatewayError, GatewayUnavailable
from service.telemetry import catalogue
from service.telemetry.labels import BreakerState, ClientOutcome
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

log = get_logger("breaker")

AUTO = "auto"  # the position in which nobody has said anything
FAILURES = 5  # in a row; fewer would open it for a hiccup, more would cost more customers their time
PROBES = 12  # answered one after the other before checkouts come back: every 5 s for a minute
# A refused key means no checkout, too. A rejected request or a "too many" was answered, so it tells of health.
UNWELL = frozenset({ClientOutcome.TIMEOUT, ClientOutcome.UNREACHABLE, ClientOutcome.ERROR, ClientOutcome.AUTH})


class Breaker:
    """The breaker of one provider. `position` answers what an operator wants: `auto`, `open` or `closed`."""

    def __init__(
        self, provider: str, *, telemetry: Telemetry, healthy_s: float, position: Callable[[], str] = lambda: AUTO
    ) -> None:
        self.provider = provider
        self.probe_every_s = healthy_s / PROBES
        self._healthy_s = healthy_s
        self._position = position
        self._telemetry = telemetry
        # Its own way back is a time-out after which anybody's call may close it; here that call is always a probe.
        self._circuits = AsyncCircuitBreakerFactory(default_threshold=FAILURES, default_ttl=healthy_s)
        self._circuit: Any = None  # the library exports its factory, not what that makes
        self._healthy_since: float | None = None
        self._shown: BreakerState | None = None
        self.show()

    @property
    def state(self) -> BreakerState:
        """What holds now, an operator's word included."""
        position = self._position()
        if position != AUTO:
            return BreakerState(position)
        if not self._tripped:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._healthy_since is None else BreakerState.HALF_OPEN

    @property
    def _tripped(self) -> bool:
        return self._circuit is not None and bool(self._circuit.context.state != CLOSED)

    def check(self) -> None:
        """Raise `GatewayUnavailable` when nothing may be sent."""
        if self.state is BreakerState.OPEN:
            retry_after_s = max(round(self.probe_every_s), 1)
            raise GatewayUnavailable(
                self.provider, ClientOutcome.NOT_SENT, retry_after_s=retry_after_s, maybe_acted=False
            )

    async def note(self, error: GatewayError | None) -> None:
        """Take into account how a call ended."""
        unwell = is_unwell(error)
        if error is not None and not unwell and isinstance(error, GatewayUnavailable):
            return  # told to come later: neither well nor unwell
        circuit = await self._get_circuit()
        if circuit.context.state != CLOSED:
            self._healthy_since = None if unwell else self._healthy_since
        elif unwell or circuit.context.failure_count:
            try:
                async with circuit:
                    if unwell and error is not None:
                        raise error
            except GatewayError:
                pass  # counted; whoever raised it first goes on with it
        self.show()

    async def probe(self, ask: Callable[[], Awaitable[None]]) -> None:
        """One look at a provider that is away; the look that completes the time of health closes the breaker."""
        if not self._tripped:
            return
        try:
            await ask()
        except GatewayError as error:
            self._healthy_since = None if is_unwell(error) else self._healthy_since
        else:
            await self._count_health()
        self.show()

    async def _count_health(self) -> None:
        now = time.monotonic()
        if self._healthy_since is None:
            self._healthy_since = now
        elif now - self._healthy_since >= self._healthy_s:
            try:
                async with await self._get_circuit():
                    self._healthy_since = None
            except OpenedState:  # the wall clock, by which it reckons, was set back
                self._healthy_since = now

    def show(self) -> None:
        """Say the state as a metric; a change is also a line in the log."""
        state = self.state
        for each in BreakerState:
            self._telemetry.set(catalogue.GATEWAY_BREAKER, each is state, provider=self.provider, state=each)
        if state is not self._shown and self._shown is not None:
            log.warning("breaker", provider=self.provider, state=state, before=self._shown)
        self._shown = state

    async def _get_circuit(self) -> Any:
        if self._circuit is None:
            self._circuit = await self._circuits.get_breaker(self.provider)
        return self._circuit


def is_unwell(error: GatewayError | None) -> bool:
    """Whether this outcome says that the provider cannot open checkouts now."""
    return isinstance(error, GatewayUnavailable) and error.reason in UNWELL
