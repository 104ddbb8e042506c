"""Stripe's lists: newest first, a hundred at a time; here also oldest first, with one page in memory.

Oldest first goes down the list once keeping only where each page begins, then up again page by page; a list of one page
is asked for once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import msgspec

from service.gateways.calls import Operation
from service.gateways.facts import GatewayCheckout, RefundFacts
from service.gateways.stripe_line import PROVIDER, Line
from service.gateways.stripe_words import TYPES, checkout_of, refund_of
from service.kernel.errors import GatewayUnavailable

PAGE = 100  # the most Stripe gives at once
MOST_PAGES = 200  # a search that goes on for longer looks for the wrong thing
CLOCKS_DIFFER = timedelta(minutes=5)  # ours and theirs

Objects = list[dict[str, Any]]
Fetch = Callable[..., Awaitable[Any]]  # each list of the SDK types its own parameters


class Walk:
    """One list with its filters; `fetch` is the SDK's method."""

    def __init__(self, line: Line, operation: Operation, fetch: Fetch, **filters: Any) -> None:
        self._line = line
        self._operation = operation
        self._fetch = fetch
        self._filters = filters

    async def newest_first(self) -> AsyncIterator[dict[str, Any]]:
        """Raises `GatewayUnavailable` after `MOST_PAGES`: "not found" would be a guess."""
        after: str | None = None
        for _ in range(MOST_PAGES):
            objects, more = await self._page(after)
            for each in objects:
                yield each
            if not more:
                return
            after = objects[-1]["id"]
        raise GatewayUnavailable(PROVIDER, "error", maybe_acted=False)

    async def oldest_first(self) -> AsyncIterator[dict[str, Any]]:
        starts: list[str | None] = [None]
        objects, more = await self._page(None)
        while more:
            starts.append(objects[-1]["id"])
            objects, more = await self._page(starts[-1])
        for each in reversed(objects):
            yield each
        for start in reversed(starts[:-1]):
            for each in reversed((await self._page(start))[0]):
                yield each

    async def _page(self, after: str | None) -> tuple[Objects, bool]:
        cursor = {} if after is None else {"starting_after": after}
        async with self._line.call(self._operation):
            page = await self._fetch({"limit": PAGE, **self._filters, **cursor})
        values = page.to_dict(for_json=True)
        return values["data"], values["has_more"]


async def find_checkout(line: Line, request: dict[str, Any], *, since: datetime) -> GatewayCheckout | None:
    walk = Walk(
        line,
        Operation.FIND_CHECKOUT,
        line.v1.checkout.sessions.list_async,
        created={"gte": int((since - CLOCKS_DIFFER).timestamp())},
    )
    async for session in walk.newest_first():
        if (session.get("metadata") or {}).get("payment_id") == request["metadata"]["payment_id"]:
            return checkout_of(session)
    return None


async def find_refund(line: Line, request: dict[str, Any]) -> RefundFacts | None:
    wanted = {"payment_intent": request["payment_intent"]}
    walk = Walk(line, Operation.FIND_REFUND, line.v1.refunds.list_async, **wanted)
    async for refund in walk.newest_first():
        if (refund.get("metadata") or {}).get("refund_id") == request["metadata"]["refund_id"]:
            return refund_of(refund)
    return None


async def list_events(line: Line, *, since: datetime, until: datetime, undelivered: bool) -> AsyncIterator[bytes]:
    filters: dict[str, Any] = {
        "types": list(TYPES),
        "created": {"gte": int(since.timestamp()), "lte": whole_seconds(until)},
    }
    if undelivered:
        filters["delivery_success"] = False
    async for event in Walk(line, Operation.LIST_EVENTS, line.v1.events.list_async, **filters).oldest_first():
        yield msgspec.json.encode(event)


def whole_seconds(moment: datetime) -> int:
    """Stripe counts whole seconds: a begun one counts up, so that neighbouring windows share or miss nothing."""
    return ceil(moment.timestamp())
