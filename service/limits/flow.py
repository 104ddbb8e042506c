"""Take a request from a client's budget, or look whether there is one: throttled-py's GCRA, in memory or in Redis.

In memory each process counts for itself, for `MOST_CLIENTS` clients a zone; who was not seen longest is forgotten first.
With Redis all processes share one count. When Redis does not answer in `PATIENCE_S` the memory decides, and Redis is
left alone for a moment, so that its outage costs one wait in `AWAY_S` and never an answer. The switch `limits` moves all
budgets at once; what a client has used up stays used up.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from math import ceil
from typing import Any

from throttled import RateLimiterType, Throttled, per_min
from throttled import asyncio as shared
from throttled.exceptions import StoreUnavailableError
from throttled.rate_limiter import RateLimitState
from throttled.store import MemoryStore

from service.limits.rules import NORMAL, POSITIONS, ZONES, Standing, Zone
from service.telemetry import catalogue
from service.telemetry.labels import LimitVerdict, LimitZone
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

MOST_CLIENTS = 10_000  # a zone; about 4 MB when all are known
PATIENCE_S = 0.1  # for Redis, which answers in half a millisecond
AWAY_S = 5.0  # after it did not
_GCRA = RateLimiterType.GCRA.value
_PREFIX = "cubano-limits"
log = get_logger("limits")


Budgets = Mapping[str, Mapping[LimitZone, Zone]]  # by the position of the switch


class Limiter:
    """The budgets of all zones, `factor` times the usual; with 0 there are none. Built once, in the root.

    `position` is where the switch `limits` stands.
    """

    def __init__(
        self,
        *,
        factor: Decimal,
        redis_url: str,
        telemetry: Telemetry,
        position: Callable[[], str] = lambda: NORMAL,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._telemetry = telemetry
        self._position = position
        self._zones: Budgets = {
            each: {name: zone.times(factor * times) for name, zone in ZONES.items()} if factor else {}
            for each, times in POSITIONS.items()
        }
        self._memory = _in_memory(self._zones)
        self._redis = _Redis(self._zones, redis_url, tick=tick) if redis_url and factor else None

    async def take(self, name: LimitZone, client: str, *, charge: bool = False) -> Standing | None:
        """One request less for this client; `limited` when there was none left. None while limits are off.

        A `charge` is a failure, in a zone that counts nothing else.
        """
        position = self._position()
        zone = self._zones[position].get(name)
        if zone is None:
            return None
        redis = self._redis
        found = await redis.take(position, name, client) if redis is not None and redis.answers() else None
        if found is None:
            self._count_fallback()
            taken = self._memory[position, name].limit(client)
            found = taken.limited, taken.state
        limited, state = found
        verdict = LimitVerdict.LIMITED if limited else LimitVerdict.CHARGED if charge else LimitVerdict.ALLOWED
        self._telemetry.count(catalogue.LIMITS, zone=name, verdict=verdict)
        retry_after_s = max(ceil(state.retry_after), 1) if limited else 0
        return Standing(zone, limited, state.remaining, state.reset_after, retry_after_s)

    async def look(self, name: LimitZone, client: str) -> Standing | None:
        """What `take` would find, without taking anything; counted only when it says no."""
        position = self._position()
        zone = self._zones[position].get(name)
        if zone is None:
            return None
        redis = self._redis
        state = await redis.look(position, name, client) if redis is not None and redis.answers() else None
        if state is None:
            self._count_fallback()
            state = self._memory[position, name].peek(client)
        if state.remaining > 0:
            return Standing(zone, limited=False, remaining=state.remaining, reset_after_s=state.reset_after)
        self._telemetry.count(catalogue.LIMITS, zone=name, verdict=LimitVerdict.LIMITED)
        # The library's own number for a look is how much of the present request's wait is over, not what is left of it.
        left_s = state.reset_after - (zone.burst - 1) * 60 / zone.per_minute
        return Standing(zone, True, 0, state.reset_after, max(ceil(left_s), 1))

    def _count_fallback(self) -> None:
        if self._redis is not None:
            self._telemetry.count(catalogue.LIMITS_FALLBACK)

    @asynccontextmanager
    async def living(self, _app: object) -> AsyncGenerator[None, None]:
        """Connections to Redis are open at most as long as the block lasts."""
        try:
            yield
        finally:
            if self._redis is not None:
                await self._redis.close()


def _in_memory(zones: Budgets) -> dict[tuple[str, LimitZone], Throttled]:
    """A store of its own for each zone, whatever the position: a flood of one does not make another forget."""
    stores = {name: MemoryStore(options={"MAX_SIZE": MOST_CLIENTS}) for name in LimitZone}
    return {
        (position, name): Throttled(using=_GCRA, quota=per_min(zone.per_minute, zone.burst), store=stores[name])
        for position, each in zones.items()
        for name, zone in each.items()
    }


class _Redis:
    """The same budgets in Redis; None for an answer that did not come."""

    def __init__(self, zones: Budgets, url: str, *, tick: Callable[[], float]) -> None:
        self._store = shared.store.RedisStore(server=url)
        self._errors = (StoreUnavailableError, OSError, TimeoutError)
        self._limits = {
            (position, name): shared.Throttled(
                using=_GCRA,
                quota=per_min(zone.per_minute, zone.burst),
                store=self._store,
                key_prefix=f"{_PREFIX}:{name}",
            )
            for position, each in zones.items()
            for name, zone in each.items()
        }
        self._tick = tick
        self._away_until = 0.0

    def answers(self) -> bool:
        return self._tick() >= self._away_until

    async def take(self, position: str, name: LimitZone, client: str) -> tuple[bool, RateLimitState] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                taken = await self._limits[position, name].limit(client)
        except self._errors as error:
            self._leave_alone(error)
            return None
        return taken.limited, taken.state

    async def look(self, position: str, name: LimitZone, client: str) -> RateLimitState | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._limits[position, name].peek(client)
        except self._errors as error:
            self._leave_alone(error)
            return None

    def _leave_alone(self, error: Exception) -> None:
        if self.answers():
            log.warning("redis does not answer, limits are counted in memory", reason=type(error).__name__)
        self._away_until = self._tick() + AWAY_S

    async def close(self) -> None:
        client: Any = self._store._backend.get_client()  # noqa: SLF001 - the library has no way to close what it opened
        await client.aclose(close_connection_pool=True)
