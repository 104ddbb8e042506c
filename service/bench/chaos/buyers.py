"""People who buy while everything fails: each asks until somebody answers, then pays, hesitates, or walks away.

A buyer repeats its request under the same Idempotency-Key, as a browser or a program would, and pays on the gateway's page.
What it was told is written down, because that is what must be true at the end.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_S = 60.0  # of one buyer for a checkout page; then it gives up, and nothing may have been charged
AGAIN_S = (0.5, 1.5)
REQUEST_S = 15.0  # longer than the service may take for its answer
PASSES = ("full-pass", "party-pass", "saturday-day", "friday-social", "son-roots")
# How buyers behave, with their shares; "late" comes back when the hold has run out.
MANNERS = (("pays", 60), ("declined first", 15), ("hesitates", 10), ("walks away", 10), ("late", 5))
DECLINED = "4000000000000002"
GOOD = "4242424242424242"


@dataclass
class Bought:
    """What one buyer asked for and was told. `order` is the answer of the checkout; `waited_s` until it came."""

    number: int
    manner: str
    asked: str | None
    order: dict[str, Any] | None = None
    refused: str = ""
    waited_s: float = 0.0
    tries: int = 0
    paid: bool = False  # on the gateway's page, as far as the buyer saw


@dataclass
class Crowd:
    """All buyers of one run; `hold_s` is how long seats wait for their money."""

    api: str
    emulator: str
    hold_s: float
    seed: int
    bought: list[Bought] = field(default_factory=list)

    async def come(self, seconds: float, *, per_second: float, providers: tuple[str, ...]) -> None:
        """One after the other at a steady rate; returns when the last one has done what it came for."""
        dice = random.Random(self.seed)  # noqa: S311 - replayable is the point
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(timeout=REQUEST_S, limits=limits) as client, asyncio.TaskGroup() as group:
            started = time.monotonic()
            for number in range(int(seconds * per_second)):
                await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
                manner = dice.choices([name for name, _ in MANNERS], [share for _, share in MANNERS])[0]
                asked = dice.choice([*providers, None])
                buyer = Bought(number, manner, asked)
                self.bought.append(buyer)
                group.create_task(self._buy(client, buyer, random.Random(dice.random())))  # noqa: S311 - as above

    async def _buy(self, client: httpx.AsyncClient, buyer: Bought, dice: random.Random) -> None:
        await self._open(client, buyer, dice)
        if buyer.order is None or buyer.manner == "walks away":
            return
        pause_s = {"late": self.hold_s + dice.uniform(0, 4), "hesitates": dice.uniform(3, 8)}
        await asyncio.sleep(pause_s.get(buyer.manner, dice.uniform(0.2, 2)))
        await self._pay(client, buyer, dice)

    async def _open(self, client: httpx.AsyncClient, buyer: Bought, dice: random.Random) -> None:
        body = self._wish(buyer, dice)
        key = {"Idempotency-Key": f"chaos-{self.seed}-{buyer.number}"}
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE_S:
            buyer.tries += 1
            try:
                answer = await client.post(f"{self.api}/api/payment/checkout-session", json=body, headers=key)
            except httpx.HTTPError as error:
                buyer.refused = type(error).__name__
            else:
                if answer.status_code == httpx.codes.CREATED:
                    buyer.order, buyer.waited_s = answer.json(), time.monotonic() - started
                    return
                buyer.refused = _code(answer)
                if buyer.refused == "provider_unavailable":  # the page offers the other one: a new wish, a new key
                    body.pop("provider", None)
                    key = {"Idempotency-Key": f"chaos-{self.seed}-{buyer.number}-other"}
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR and buyer.refused != "key_in_flight":
                    return  # sold out, or a wrong request: to ask again would not help
            await asyncio.sleep(dice.uniform(*AGAIN_S))

    def _wish(self, buyer: Bought, dice: random.Random) -> dict[str, Any]:
        return {
            "items": [{"ticketType": dice.choice(PASSES), "quantity": dice.choice((1, 1, 2))}],
            "customer": {"email": f"buyer-{buyer.number}@example.org", "name": f"Buyer {buyer.number}"},
            "locale": dice.choice(("en", "es")),
            **({"provider": buyer.asked} if buyer.asked else {}),
        }

    async def _pay(self, client: httpx.AsyncClient, buyer: Bought, dice: random.Random) -> None:
        order = buyer.order or {}
        page = page_of(order["checkoutUrl"])
        if order["provider"] == "paypal":
            means: list[dict[str, str]] = [{"paypal": "approve"}]
            if buyer.manner == "declined first":
                means.insert(0, {"paypal": "decline"})
        else:
            means = [{"card": GOOD}]
            if buyer.manner == "declined first":
                means.insert(0, {"card": DECLINED})
        for each in means:
            buyer.paid = await self._try(client, page, each, dice)
            await asyncio.sleep(dice.uniform(0.2, 1.5))

    async def _try(self, client: httpx.AsyncClient, page: str, means: dict[str, str], dice: random.Random) -> bool:
        """Whether the gateway's page said yes; the stand-in itself may be down for a while."""
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE_S:
            try:
                answer = await client.post(f"{self.emulator}/_emulator/sessions/{page}/pay", json=means)
                return answer.is_success and answer.json()["outcome"] in {"succeeded", "approved"}
            except httpx.HTTPError:
                await asyncio.sleep(dice.uniform(*AGAIN_S))
        return False


def page_of(url: str) -> str:
    """The gateway's own id of a checkout, as it stands in the address of its page."""
    parts = httpx.URL(url)
    return parts.params.get("token") or parts.path.rstrip("/").rpartition("/")[2]


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", answer.status_code))
    except ValueError:
        return str(answer.status_code)
