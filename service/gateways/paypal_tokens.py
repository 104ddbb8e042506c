"""The access token of the PayPal client: fetched once for all who wait, renewed before its end, dropped when refused.

A renewal that fails leaves the old token in use until its end, so that a token service that is away for a moment stops
nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.kernel.clock import Clock
from service.kernel.errors import GatewayUnavailable

AGAIN_AFTER = timedelta(seconds=30)  # a renewal that failed is tried again after this


@dataclass(frozen=True)
class Token:
    """Good until `ends_at`; from `renew_at` on the next caller fetches another."""

    value: str
    renew_at: datetime
    ends_at: datetime


def token_of(value: str, lifetime: timedelta, *, now: datetime) -> Token:
    """Renewed after nine tenths of its life, which for PayPal's nine hours is an hour before the end."""
    return Token(value, renew_at=now + lifetime * 9 // 10, ends_at=now + lifetime)


class Tokens:
    """One token at a time. `fetch` asks the gateway and raises `GatewayUnavailable`."""

    def __init__(self, fetch: Callable[[], Awaitable[Token]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()
        self._failure: GatewayUnavailable | None = None
        self._failures = 0

    async def current(self) -> str:
        """A token that is still good; raises what `fetch` raised, which is the same for everybody who waited for it."""
        held, failures = self._token, self._failures
        now = self._clock()
        if held is not None and (now < held.renew_at or (now < held.ends_at and self._lock.locked())):
            return held.value
        async with self._lock:
            if self._token is not None and self._token is not held:
                return self._token.value  # somebody fetched it while we waited
            if self._failure is not None and self._failures != failures:
                raise _again(self._failure)
            return (await self._renewed(now)).value

    def refuse(self, value: str) -> None:
        """The gateway does not take this token any more; one that has taken its place stays."""
        if self._token is not None and self._token.value == value:
            self._token = None

    async def _renewed(self, now: datetime) -> Token:
        try:
            self._token = await self._fetch()
        except GatewayUnavailable as error:
            if self._token is None or now >= self._token.ends_at:
                self._failure, self._failures = error, self._failures + 1
                raise
            self._token = replace(self._token, renew_at=now + AGAIN_AFTER)
        return self._token


def _again(error: GatewayUnavailable) -> GatewayUnavailable:
    """The same news for the next one; an exception that is raised twice mixes up two stories in its traceback."""
    return GatewayUnavailable(
        error.provider, error.reason, retry_after_s=error.retry_after_s, maybe_acted=error.maybe_acted
    )
