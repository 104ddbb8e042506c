"""Stripe goes dark while customers keep coming: they go to PayPal, hardly anybody notices, and later they go back.

The time of health that a shop sets to a minute is three seconds here; everything else is as a shop runs it.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.checkout.rows import broken_promises, put_on_sale
from tests.failover.both import DARK, STRIPE, opened_at, put, settings_of, share, until_goes_to
from tests.stage import Stage, buyer

RATE = 6  # customers a second: what two busy cores serve without waiting for the database
HEALTHY_S = 3
BEFORE_S, DARK_S, AFTER_S = 2, 8, 10
SWITCHED_WITHIN_S = 5
MOST_ERRORS = 2  # per cent of all customers
# Its time of health, the wait for the first probe, one that hangs until its time-out, and what was under way.
BACK_WITHIN_S = HEALTHY_S + 5
WISH = buyer(items=[{"ticketType": "endless", "quantity": 1}])


@pytest.fixture
def stage_settings(emulator_url):
    return settings_of(emulator_url, gateway_healthy_s=str(HEALTHY_S))


@dataclass
class Customer:
    """When they came, how long it took, and where they were sent (None: an error)."""

    came_s: float
    took_s: float
    provider: str | None


@dataclass
class Crowd:
    """Customers at a steady rate, whether or not those before them were served."""

    stage: Stage
    began: float = field(default_factory=time.monotonic)
    customers: list[Customer] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.began

    async def come(self, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * RATE)):
                await asyncio.sleep(max(number / RATE - self.now_s, 0))
                group.create_task(self._buy())

    async def _buy(self) -> None:
        came_s = self.now_s
        answer = await self.stage.checkout(WISH)
        provider = answer.json()["provider"] if answer.is_success else None
        self.customers.append(Customer(came_s, self.now_s - came_s, provider))

    async def asked_s(self, provider: str) -> list[float]:
        """When somebody began to ask this provider, answered or not, by the clock of this crowd."""
        query = "SELECT extract(epoch FROM now() - created_at) FROM payments WHERE provider = :provider ORDER BY 1 DESC"
        return [self.now_s - float(row[0]) for row in await self.stage.rows(query, provider=provider)]


@pytest.mark.parametrize("effects", [DARK, {"outage": True}], ids=["silent", "failing"])
async def test_customers_go_to_the_other_provider_and_back(stage: Stage, effects, capsys):
    """Within 5 s new checkouts go to PayPal without asking Stripe first; at most 2 % of the customers see an error."""
    await put_on_sale(stage, "endless", capacity=10_000)
    crowd = Crowd(stage)

    async def break_it() -> tuple[float, float]:
        await asyncio.sleep(BEFORE_S)
        await stage.faults({"match": STRIPE, "effects": effects})
        dark_s = crowd.now_s
        await asyncio.sleep(DARK_S)
        await stage.faults()
        return dark_s, crowd.now_s

    _, (dark_s, well_s) = await asyncio.gather(crowd.come(BEFORE_S + DARK_S + AFTER_S), break_it())

    everybody = sorted(crowd.customers, key=lambda each: each.came_s)
    asked_s = await crowd.asked_s("stripe")
    left_s = max((each for each in asked_s if each < well_s), default=dark_s) - dark_s
    back_s = min(each for each in asked_s if each > well_s) - well_s
    errors = share(each.provider is None for each in everybody)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what this test is for
            f"\n  {len(everybody)} customers, {errors:.1f} % errors, slowest answer {max(e.took_s for e in everybody):.1f} s; "
            f"Stripe was asked for the last time {left_s:.1f} s after it went dark, "
            f"and again {back_s:.1f} s after it was well"
        )
    assert errors <= MOST_ERRORS
    assert left_s < SWITCHED_WITHIN_S
    assert {"paypal"} == {e.provider for e in everybody if dark_s + SWITCHED_WITHIN_S < e.came_s < well_s}
    assert HEALTHY_S - 0.5 < back_s < BACK_WITHIN_S
    assert {"stripe"} == {e.provider for e in everybody if e.came_s < dark_s - 0.5}
    assert [] == await broken_promises(stage)


async def test_a_forced_breaker_and_a_lease_that_ends_by_itself(stage: Stage):
    """While it is forced open nothing is sent there; when the lease is over it is as if nothing had been."""
    await put(stage, "breaker.stripe", "open", lease=_seconds(2))
    away = await until_goes_to(stage, "paypal")
    before = len(await opened_at(stage, "stripe"))
    sent = [(await stage.checkout()).json()["provider"] for _ in range(5)]

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
    """An operator sends everybody to PayPal for two seconds."""
    await put(stage, "route", "paypal", lease=_seconds(2))

    there, back = await until_goes_to(stage, "paypal"), await until_goes_to(stage, "stripe")

    assert ("paypal", "stripe") == (there["provider"], back["provider"])


def _seconds(number: int) -> timedelta:
    return timedelta(seconds=number)
