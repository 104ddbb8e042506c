"""A small festival: people who look, check out at either gateway, pay, are declined, change their mind and get their money back.

It runs in a thread of its own at a steady rate until it is told to stop, so that a drill has a usual state to differ from.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from service.bench.chaos.buyers import DECLINED, GOOD, page_of
from tests.storefront.visitor import Visitor

PER_SECOND = 1.2
CHALLENGED = "4000002760003184"
_ASKED = ("", "paypal")  # who does not ask for one gets the first choice, or the other where that is away
_DECLINED_EVERY, _CHALLENGED_EVERY, _REFUNDED_EVERY, _LEFT_EVERY, _BY_FORM_EVERY = 5, 8, 6, 9, 4


@dataclass(frozen=True)
class Store:
    """Where a visitor finds the store."""

    client: httpx.AsyncClient


class Crowd:
    """`found` is what `cubano up --json` said."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._api, self._gateway = found["api"], found["emulator"]
        self._support = {"Authorization": f"Bearer {found['api_keys']['support']}"}
        self._stop = threading.Event()

    async def come(self) -> None:
        """One buyer after the other; nobody waits for the one before."""
        async with httpx.AsyncClient(timeout=15) as client, asyncio.TaskGroup() as group:
            for number in count():
                if self._stop.is_set():
                    break
                group.create_task(self.buy(client, number))
                await asyncio.sleep(1 / PER_SECOND)

    async def buy(self, client: httpx.AsyncClient, number: int) -> None:
        """Everything one buyer does; what goes wrong for them is for the alerts to tell."""
        try:
            if number % _BY_FORM_EVERY == 0:
                order = await self._fill_in()
            else:
                await client.get(f"{self._api}/en")
                order = await self.check_out(client, _ASKED[number % len(_ASKED)])
            if order is None or number % _LEFT_EVERY == _LEFT_EVERY - 1:
                return
            for means in self._means(order, number):
                await self.pay(client, order, means)
            if number % _REFUNDED_EVERY == _REFUNDED_EVERY - 1:
                await self._return(client, order, number)
        except (
            httpx.HTTPError,
            AssertionError,
        ):  # a visitor of tests/storefront insists on pages that a fault takes away
            return

    async def _fill_in(self) -> dict[str, Any]:
        """The same on the store's own pages, without a script."""
        async with httpx.AsyncClient(base_url=self._api) as client, Visitor(Store(client)) as visitor:
            await visitor.get("/en")
            return {"provider": "stripe", **await visitor.buy(full_pass=1)}

    async def check_out(self, client: httpx.AsyncClient, provider: str, **more: Any) -> dict[str, Any] | None:
        """The answer of the checkout, None when there is none."""
        body = {
            "items": [{"ticketType": "full-pass", "quantity": 1}],
            "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
            "locale": "en",
            **({"provider": provider} if provider else {}),
            **more,
        }
        key = {"Idempotency-Key": f"crowd-{uuid4()}"}
        answer = await client.post(f"{self._api}/api/payment/checkout-session", json=body, headers=key)
        return answer.json() if answer.status_code == httpx.codes.CREATED else None

    async def pay(self, client: httpx.AsyncClient, order: Mapping[str, Any], means: Mapping[str, str]) -> None:
        page = page_of(order["checkoutUrl"])
        await client.post(f"{self._gateway}/_emulator/sessions/{page}/pay", json=dict(means))

    def stop(self) -> None:
        self._stop.set()

    def _means(self, order: Mapping[str, Any], number: int) -> list[dict[str, str]]:
        declined = number % _DECLINED_EVERY == _DECLINED_EVERY - 1
        if order["provider"] == "paypal":
            return [{"paypal": "decline"}] * declined + [{"paypal": "approve"}]
        if number % _CHALLENGED_EVERY == 0:
            return [{"card": CHALLENGED, "challenge": "complete"}]
        return [{"card": DECLINED}] * declined + [{"card": GOOD}]

    async def _return(self, client: httpx.AsyncClient, order: Mapping[str, Any], number: int) -> None:
        await asyncio.sleep(2)  # until it is paid
        body = {"orderId": order["orderId"], "reason": "requested_by_customer"}
        headers = self._support | {"Idempotency-Key": f"crowd-{order['orderId']}-{number}"}
        await client.post(f"{self._api}/api/payment/refund", json=body, headers=headers)


@contextmanager
def coming(crowd: Crowd) -> Iterator[Crowd]:
    """The crowd for the length of the block."""
    thread = threading.Thread(target=lambda: asyncio.run(crowd.come()), name="crowd", daemon=True)
    thread.start()
    try:
        yield crowd
    finally:
        crowd.stop()
        thread.join(20)
