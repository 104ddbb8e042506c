"""How a fault strikes a request: before its work is done, or between the work and the answer.

What an error looks like is the provider's matter: `before` is handed the function that words one, Stripe's by default.
"""

import asyncio
from collections.abc import Callable
from random import Random

from service.emulator import errors
from service.emulator.asgi import Receive, Scope, cut
from service.emulator.errors import GatewayRefusal
from service.emulator.faults import Effects, ErrorEffect, span

PATIENCE_S = 300.0  # longer than any client of ours waits for an answer that never comes


class Gone(Exception):
    """There is nobody left to answer."""


def is_kept(error: ErrorEffect) -> bool:
    """Whether the idempotency key remembers it: a 500 comes from the endpoint, other 5xx from in front of it."""
    return error.status == 500 if error.keep is None else error.keep  # noqa: PLR2004


def refusal_of(error: ErrorEffect) -> GatewayRefusal:
    if isinstance(error.body, dict):
        return GatewayRefusal(error.status, error.body.get("error", error.body), kept=is_kept(error))
    refusal = errors.rate_limited() if error.status == 429 else errors.api_error(error.status)  # noqa: PLR2004
    refusal.kept = is_kept(error)
    return refusal


async def before(
    effects: Effects,
    dice: Random,
    scope: Scope,
    receive: Receive,
    *,
    refuse: Callable[[ErrorEffect], Exception] = refusal_of,
) -> None:
    """Wait, cut or refuse in front of the endpoint; raises `Gone` or the refusal."""
    if effects.latency_ms is not None:
        await asyncio.sleep(dice.randint(*span(effects.latency_ms)) / 1000)
    if effects.reset in {True, "before"}:
        await _cut(scope, receive)
    if effects.timeout == "before":
        await _never(scope, receive)
    if effects.outage:
        raise refuse(ErrorEffect(status=503))
    if effects.rate_limit:
        raise refuse(ErrorEffect(status=429))
    if effects.error is not None and not effects.error.commit and not is_kept(effects.error):
        raise refuse(effects.error)


async def after(effects: Effects, scope: Scope, receive: Receive) -> None:
    """The work is done; the answer may still be lost. Raises `Gone`."""
    if effects.reset == "after":
        await _cut(scope, receive)
    if effects.timeout == "after":
        await _never(scope, receive)


async def _cut(scope: Scope, receive: Receive) -> None:
    cut(scope)
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Gone


async def _never(scope: Scope, receive: Receive) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        await _cut(scope, receive)
    raise Gone
