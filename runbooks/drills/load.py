"""The buyers of a drill, and what the fault cost them: the usual state that a fault differs from.

They come at a steady rate whatever the system does, as people do, ask again a few times, pay, and leave. Who was refused, who
waited and who paid without getting a ticket is the price of the incident, in people and cents.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from runbooks.drills.drill import Load
from runbooks.drills.stack import Stack

CARD, DECLINED = "4242424242424242", "4000000000000002"
SLOW_S = 3.0  # a checkout that took longer was felt
TRIES = 3
AGAIN_S = 1.0
TICKET_S = 60.0  # who has paid looks for the ticket that long, as the page does: at first every second, then slower
OFTEN, SELDOM_S = 10, 3.0
REQUEST_S = 15.0
PRICE = {"ticketType": "full-pass", "quantity": 1}
_OF_CENTS = 24_900  # of that, when no answer says what it would have cost


@dataclass
class Buyer:
    """One person; times are `time.time()`."""

    at: float
    provider: str
    declined: bool = False  # the first card
    answer: dict[str, Any] | None = None
    refused: str = ""  # why, the last time
    waited_s: float = 0.0
    tries: int = 0
    paid_at: float = 0.0
    ticket_at: float = 0.0

    @property
    def failed(self) -> bool:
        return self.answer is None

    @property
    def cents(self) -> int:
        return _OF_CENTS if self.answer is None else int(self.answer["total"]["minor"])


@dataclass
class Crowd:
    """All of them, in the order they came."""

    stack: Stack
    load: Load
    buyers: list[Buyer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def price(self, since: float) -> dict[str, int]:
        """What those who came since then had to bear."""
        came = [each for each in self.buyers if each.at >= since]
        failed = [each for each in came if each.failed]
        slow = [each for each in came if not each.failed and each.waited_s > SLOW_S]
        waiting = [each for each in came if each.paid_at and not each.ticket_at]
        late = [each for each in came if each.ticket_at and each.ticket_at - each.paid_at > TICKET_S / 4]
        return {
            "buyers": len(came),
            "checkouts_failed": len(failed),
            "checkouts_slow": len(slow),
            "paid_without_ticket": len(waiting),
            "tickets_late": len(late),
            "cents_not_taken": sum(each.cents for each in failed),
            "cents_waiting": sum(each.cents for each in waiting),
        }

    def refusals(self, since: float = 0) -> dict[str, int]:
        """Why people were turned away, and how often."""
        return dict(Counter(each.refused for each in self.buyers if each.at >= since and each.failed and each.refused))

    async def come(self) -> None:
        async with httpx.AsyncClient(timeout=REQUEST_S) as client, asyncio.TaskGroup() as group:
            number, began = 0, time.monotonic()
            while not self._stop.is_set():
                asked = self.load.providers[number % len(self.load.providers)]
                buyer = Buyer(time.time(), asked, is_declined(number, self.load.declined))
                self.buyers.append(buyer)
                group.create_task(self._buy(client, buyer))
                number += 1
                await asyncio.sleep(max(0.0, began + number / self.load.per_second - time.monotonic()))

    async def _buy(self, client: httpx.AsyncClient, buyer: Buyer) -> None:
        began, key = time.monotonic(), f"drill-{uuid4()}"
        while buyer.answer is None and buyer.tries < TRIES and not self._stop.is_set():
            buyer.tries += 1
            buyer.answer = await self._check_out(client, buyer, key)
            if buyer.answer is None:
                await asyncio.sleep(AGAIN_S)
        buyer.waited_s = time.monotonic() - began
        if buyer.answer is not None:
            await self._pay(client, buyer, buyer.answer)

    async def _check_out(self, client: httpx.AsyncClient, buyer: Buyer, key: str) -> dict[str, Any] | None:
        body = {
            "items": [PRICE],
            "customer": {"email": "drill@example.org", "name": "Drill"},
            "locale": "en",
            **({"provider": buyer.provider} if buyer.provider else {}),
        }
        url = f"{self.stack.found['api']}/api/payment/checkout-session"
        try:
            answer = await client.post(url, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError as error:
            buyer.refused = type(error).__name__
            return None
        found: dict[str, Any] | None = answer.json() if answer.status_code == httpx.codes.CREATED else None
        buyer.refused = "" if found is not None else f"{answer.status_code} {_code(answer)}"
        return found

    async def _pay(self, client: httpx.AsyncClient, buyer: Buyer, order: dict[str, Any]) -> None:
        page = _page(order["checkoutUrl"])
        means = {"paypal": "approve"} if order["provider"] == "paypal" else {"card": CARD}
        url, asked = f"{self.stack.found['api']}/api/payment/order/{order['orderId']}", 0
        try:
            if buyer.declined:
                await client.post(f"{self.stack.emulator}/sessions/{page}/pay", json={"card": DECLINED})
            answer = await client.post(f"{self.stack.emulator}/sessions/{page}/pay", json=means)
            buyer.paid_at = time.time() if answer.is_success else 0.0
            while buyer.paid_at and not self._stop.is_set() and time.time() - buyer.paid_at < TICKET_S:
                seen = await client.get(url, headers={"Authorization": f"Bearer {order['accessToken']}"})
                if seen.is_success and seen.json().get("status") == "paid":
                    buyer.ticket_at = time.time()
                    return
                asked += 1
                await asyncio.sleep(AGAIN_S if asked < OFTEN else SELDOM_S)
        except httpx.TransportError:  # looks again never: the price is what it is
            return

    def stop(self) -> None:
        self._stop.set()


def is_declined(number: int, share: float) -> bool:
    """Of the buyers, counted from 0, as many as the share says, evenly: a drill about shares is no game of dice."""
    return int((number + 1) * share) > int(number * share)


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError):
        return "no problem"


def _page(url: str) -> str:
    """The gateway's own id of a checkout, as it stands in the address of its page."""
    parts = httpx.URL(url)
    return parts.params.get("token") or parts.path.rstrip("/").rpartition("/")[2]


@contextmanager
def coming(stack: Stack, load: Load) -> Iterator[Crowd]:
    """The crowd for the length of the block."""
    crowd = Crowd(stack, load)
    thread = threading.Thread(target=lambda: asyncio.run(crowd.come()), name="crowd", daemon=True)
    thread.start()
    try:
        yield crowd
    finally:
        crowd.stop()
        thread.join(2 * REQUEST_S)
