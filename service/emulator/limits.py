"""Rate limits as the vendor has them: so many requests a second for each endpoint, and for all together.

Off unless asked for, on the command line or by control. A request over a limit is answered 429 before anything is done,
and its idempotency key does not remember it. An endpoint is a method and a path with its ids left out.
"""

from typing import TYPE_CHECKING

from service.emulator.errors import GatewayRefusal, rate_limited

if TYPE_CHECKING:
    from throttled import Throttled

ENDPOINT, GLOBAL = "endpoint-rate", "global-rate"  # docs.stripe.com/rate-limits, Stripe-Rate-Limited-Reason


class Limits:
    """The limits in force."""

    def __init__(self, per_endpoint: int | None = None) -> None:
        self._first = per_endpoint  # what the command line said
        self.set(per_endpoint=per_endpoint, everything=None)

    def set(self, *, per_endpoint: int | None, everything: int | None) -> None:
        """Exactly these from now on, with nothing used up yet; None is no limit."""
        self.per_endpoint, self.everything = per_endpoint, everything
        self._endpoint = None if per_endpoint is None else _bucket(per_endpoint)
        self._all = None if everything is None else _bucket(everything)

    def reset(self) -> None:
        self.set(per_endpoint=self._first, everything=None)

    def check(self, method: str, endpoint: str) -> None:
        """Counts one request; raises the refusal, which names its reason."""
        if self._endpoint is not None and self._endpoint.limit(f"{method} {endpoint}").limited:
            raise _refused(ENDPOINT)
        if self._all is not None and self._all.limit("all").limited:
            raise _refused(GLOBAL)


class RateLimited(GatewayRefusal):
    """Too many requests; `reason` goes into a header of its own."""

    def __init__(self, refusal: GatewayRefusal, reason: str) -> None:
        super().__init__(refusal.status, refusal.error)
        self.reason = reason


def _refused(reason: str) -> RateLimited:
    return RateLimited(rate_limited(), reason)


def _bucket(a_second: int) -> "Throttled":
    """Lets a second's worth through at once, then evenly."""
    from throttled import MemoryStore, RateLimiterType, Throttled, rate_limiter  # noqa: PLC0415 - it loads redis, half of all that a start costs, for limits that are off

    return Throttled(using=RateLimiterType.GCRA.value, quota=rate_limiter.per_sec(a_second), store=MemoryStore())
