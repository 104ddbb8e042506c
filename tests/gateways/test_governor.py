"""The vendor's rate is kept on our side: what is too much waits its turn, checkouts first, and nobody waits for ever."""

import asyncio
import time

import pytest

from service.gateways.calls import TERMS, Operation
from service.gateways.governor import BURST, PATIENCE_S, PAUSE_S, Governor
from service.kernel.errors import GatewayUnavailable
from service.telemetry.labels import CallPriority
from service.telemetry.registry import Telemetry
from tests.webhooks.delivery import samples

pytestmark = pytest.mark.alone  # a rate is a matter of time
COST_US = 60  # measured 12; the machine is shared


def governor(rate: int) -> Governor:
    return Governor("stripe", rate=rate, telemetry=Telemetry("test", version="0", environment="test"))


async def test_no_more_than_the_rate_goes_out():
    """A burst at once, the rest evenly; all get their turn."""
    held = governor(50)
    started = time.monotonic()

    async def go() -> float:
        await held.turn(Operation.OPEN_CHECKOUT)
        return time.monotonic() - started

    went = sorted(await asyncio.gather(*(go() for _ in range(50))))

    burst = 50 // BURST
    assert went[burst - 1] < 0.1
    assert (50 - burst) / 50 * 0.9 < went[-1] < 2


async def test_operations_have_rates_of_their_own():
    """As the vendor limits each end point by itself: many refunds do not hold up a checkout."""
    held = governor(10)
    refunds = [asyncio.create_task(held.turn(Operation.REFUND)) for _ in range(10)]
    await asyncio.sleep(0.01)
    started = time.monotonic()

    await held.turn(Operation.OPEN_CHECKOUT)

    assert time.monotonic() - started < 0.05
    for each in refunds:
        each.cancel()
    await asyncio.wait(refunds)


async def test_checkouts_go_before_refunds_before_bookkeeping():
    """When an account's limit is what all wait for, the order of coming does not matter."""
    held = governor(5)
    for operation in (Operation.OPEN_CHECKOUT, Operation.FETCH_CHECKOUT, Operation.CAPTURE, Operation.REFUND):
        await held.turn(operation)  # all that the account may have at once
    went: list[CallPriority] = []

    async def go(operation: Operation) -> None:
        await held.turn(operation)
        went.append(TERMS[operation].priority)

    wanted = (Operation.LIST_SETTLEMENTS, Operation.FIND_REFUND, Operation.LIST_EVENTS, Operation.EXPIRE_CHECKOUT)
    await asyncio.gather(*(go(each) for each in wanted))

    checkout, refund, bookkeeping = CallPriority
    assert [checkout, refund, bookkeeping, bookkeeping] == went


async def test_who_would_wait_too_long_is_told_and_nothing_was_sent():
    """At once when the queue is too long already, else when patience ends."""
    held = governor(1)
    await held.turn(Operation.OPEN_CHECKOUT)
    started = time.monotonic()

    ended = await asyncio.gather(*(held.turn(Operation.OPEN_CHECKOUT) for _ in range(6)), return_exceptions=True)

    refused = [each for each in ended if isinstance(each, GatewayUnavailable)]
    assert 4 <= len(refused) < 6
    assert {("not_sent", False)} == {(each.reason, each.maybe_acted) for each in refused}
    assert time.monotonic() - started < PATIENCE_S[CallPriority.CHECKOUT] + 0.5


async def test_a_too_many_of_the_vendor_pauses_that_operation_only():
    """The others go on."""
    held = governor(1_000)
    held.pause(Operation.REFUND)
    started = time.monotonic()

    await held.turn(Operation.OPEN_CHECKOUT)
    other_s = time.monotonic() - started
    await held.turn(Operation.REFUND)

    assert other_s < 0.1
    assert PAUSE_S * 0.9 < time.monotonic() - started < PAUSE_S + 0.5


async def test_waiting_is_a_figure_for_each_priority():
    """Also the wait of nothing, so that a share can be told."""
    held = governor(100)
    await held.turn(Operation.OPEN_CHECKOUT)
    await held.turn(Operation.LIST_EVENTS)

    shown = samples(held._telemetry.render("")[0].decode(), "cubano_gateway_wait_seconds_count")

    assert [1, 0, 1] == [shown[each.value, "stripe"] for each in CallPriority]


@pytest.mark.parametrize("calls", [2_000])
async def test_a_turn_costs_little_when_there_is_room(calls):
    """It stands before every call."""
    held = governor(1_000_000)
    costs = []
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(calls):
            await held.turn(Operation.OPEN_CHECKOUT)
        costs.append((time.perf_counter() - started) / calls * 1e6)

    assert min(costs) < COST_US, f"{min(costs):.1f} us a turn"
