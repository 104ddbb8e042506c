"""Stripe goes dark while customers keep coming: they go to PayPal, hardly anybody notices, and later they go back.

The time of health that a shop sets to a minute is three seconds here; everything else is as a shop runs it. What happens next
follows what was seen, not the clock: a slow machine makes the story longer, and changes nothing of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.checkout.rows import broken_promises, put_on_sale
from tests.failover.both import DARK, STRIPE, end_leases, opened_at, put, settings_of, share, until_goes_to
from tests.stage import Stage, buyer

RATE = 6  # customers a second: what two busy cores serve without waiting for the database
AT_ONCE = 40  # customers being served; where it takes so long, the others come later
HEALTHY_S = 3
BEFORE, AWAY, AFTER = 12, 30, 12  # customers who were served in each part of the story
SWITCHED_WITHIN_S = 5
MOST_ASKED = RATE * SWITCHED_WITHIN_S  # who was sent to a dark Stripe first: as many as come in that time
MOST_ERRORS = 2  # per cent of all customers
ENOUGH_S = 60  # for each part of the story
AN_HOUR = timedelta(hours=1)
WISH = buyer(items=[{"ticketType": "endless", "quantity": 1}])


@pytest.fixture
def stage_settings(emulator_url):
    return settings_of(emulator_url, gateway_healthy_s=str(HEALTHY_S))


@dataclass(frozen=True)
class Customer:
    """When they came and were answered, by the clock of the crowd, and their order (None: an error)."""

    came_s: float
    left_s: float
    order_id: str | None


@dataclass
class Crowd:
    """Customers at a steady rate, whether or not those before them were served."""

    stage: Stage
    began: float = field(default_factory=time.monotonic)
    customers: list[Customer] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.began

    @asynccontextmanager
    async def coming(self) -> AsyncIterator[None]:
        """For the length of the block; whoever is there by then is served."""
        over, room = asyncio.Event(), asyncio.Semaphore(AT_ONCE)

        async def come() -> None:
            async with asyncio.TaskGroup() as group:
                while not over.is_set():
                    await room.acquire()
                    group.create_task(self._buy()).add_done_callback(lambda _: room.release())
                    await asyncio.sleep(1 / RATE)

        async with asyncio.TaskGroup() as group:
            group.create_task(come())
            try:
                yield
            finally:
                over.set()

    async def _buy(self) -> None:
        came_s = self.now_s
        answer = await self.stage.checkout(WISH)
        order_id = answer.json()["orderId"] if answer.is_success else None
        self.customers.append(Customer(came_s, self.now_s, order_id))

    async def sent_to(self) -> dict[str, list[str]]:
        """The providers that were asked for each order, in order, answered or not."""
        asked: dict[str, list[str]] = {}
        for order_id, provider in await self.stage.rows("SELECT order_id, provider FROM payments ORDER BY id"):
            asked.setdefault(order_id, []).append(provider)
        return asked

    async def until(self, number: int, *providers: str, since_s: float) -> float:
        """Wait until so many who came since then were served, by these providers asked in this order; the time then."""

        async def look() -> float:
            asked = await self.sent_to()
            fitting = [asked[each.order_id] == [*providers] for each in self.since(since_s) if each.order_id]
            return self.now_s if sum(fitting) >= number else 0

        return await self.stage.until(look, within_s=ENOUGH_S)

    def since(self, came_s: float, until_s: float = float("inf")) -> list[Customer]:
        """Who came and left between two moments."""
        return [each for each in self.customers if each.came_s >= came_s and each.left_s < until_s]


@dataclass
class Seen:
    """The moments of the story."""

    dark_s: float = 0
    away_s: float = 0  # somebody was sent to PayPal at once: it is known that Stripe is away
    well_s: float = 0
    back_s: float = 0


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("effects", [DARK, {"outage": True}], ids=["silent", "failing"])
async def test_customers_go_to_the_other_provider_and_back(stage: Stage, effects, record_property):
    """No more than come in 5 s are sent to Stripe first, then nobody; at most 2 % of all customers see an error."""
    await put_on_sale(stage, "endless", capacity=10_000)
    crowd, seen = Crowd(stage), Seen()

    async with crowd.coming():
        await crowd.until(BEFORE, "stripe", since_s=0)
        seen.dark_s = crowd.now_s
        await stage.faults({"match": STRIPE, "effects": effects})
        seen.away_s = await crowd.until(1, "paypal", since_s=seen.dark_s)
        await crowd.until(AWAY, "paypal", since_s=seen.away_s)
        seen.well_s = crowd.now_s
        await stage.faults()
        seen.back_s = await crowd.until(1, "stripe", since_s=seen.well_s)
        await crowd.until(AFTER, "stripe", since_s=seen.back_s)

    asked = await crowd.sent_to()
    first = {order_id: providers[0] for order_id, providers in asked.items()}
    detours = sum(providers == ["stripe", "paypal"] for providers in asked.values())
    errors = share(each.order_id is None for each in crowd.customers)
    slowest_s = max(each.left_s - each.came_s for each in crowd.customers)
    record_property(
        "measured",
        f"failover: {len(crowd.customers)} customers, {errors:.1f} % errors, slowest answer {slowest_s:.1f} s; Stripe was "
        f"known to be away {seen.away_s - seen.dark_s:.1f} s after it went dark, when {detours} had been sent there first, "
        f"and asked again {seen.back_s - seen.well_s:.1f} s after it was well",
    )
    assert errors <= MOST_ERRORS
    assert detours <= MOST_ASKED
    assert {"stripe"} == {first[each.order_id] for each in crowd.since(0, seen.dark_s) if each.order_id}
    assert {"paypal"} == {first[each.order_id] for each in crowd.since(seen.away_s, seen.well_s) if each.order_id}
    assert HEALTHY_S - 0.5 < seen.back_s - seen.well_s
    assert [] == await broken_promises(stage)


async def test_a_forced_breaker_and_a_lease_that_ends_by_itself(stage: Stage):
    """While it is forced open nothing is sent there; when the lease is over it is as if nothing had been."""
    await put(stage, "breaker.stripe", "open", lease=AN_HOUR)
    away = await until_goes_to(stage, "paypal")
    before = len(await opened_at(stage, "stripe"))
    sent = [(await stage.checkout()).json()["provider"] for _ in range(5)]

    await end_leases(stage)
    async with stage.worker():
        await until_goes_to(stage, "stripe")
        await stage.until(lambda: stage.rows("SELECT 1 FROM control_history WHERE position IS NULL"))

    assert away["provider"] == "paypal"
    assert ["paypal"] * 5 == sent
    assert before < len(await opened_at(stage, "stripe"))
    assert [] == await stage.rows("SELECT 1 FROM controls")
    assert [("breaker.stripe", "open", "tester"), ("breaker.stripe", None, "lease")] == await stage.rows(
        "SELECT name, position, set_by FROM control_history ORDER BY seq"
    )


async def test_a_route_with_a_lease_ends_by_itself(stage: Stage):
    """An operator sends everybody to PayPal, for a time."""
    await put(stage, "route", "paypal", lease=AN_HOUR)
    there = await until_goes_to(stage, "paypal")

    await end_leases(stage)

    back = await until_goes_to(stage, "stripe")
    assert ("paypal", "stripe") == (there["provider"], back["provider"])
