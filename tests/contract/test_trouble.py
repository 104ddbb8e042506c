"""What goes wrong between us: told in our words, in time, and nothing is left open."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from service.gateways.base import Capability
from service.gateways.calls import TERMS, Operation
from service.kernel.clock import utc_now
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.telemetry.labels import ClientOutcome
from tests.contract.stand import Fault, Stand
from tests.contract.trial import Trial, build_gateway

# What we are told of each fault, and whether the provider may have acted all the same.
TOLD = {
    Fault.NO_ANSWER: ("timeout", True),
    Fault.LOST_ANSWER: ("unreachable", True),
    Fault.CUT: ("unreachable", True),
    Fault.RATE_LIMIT: ("rate_limited", False),
    Fault.BROKEN: ("error", True),
    Fault.OUTAGE: ("error", True),
}


@pytest.mark.parametrize("fault", TOLD)
async def test_a_fault_is_unknown_and_not_a_no(trial: Trial, fault):
    """No fault that could hide a checkout at the provider is taken for a refusal."""
    intent = trial.intent()
    request = trial.gateway.checkout_request(intent)
    async with trial.broken(fault, Operation.OPEN_CHECKOUT):
        with pytest.raises(GatewayUnavailable) as caught:
            await trial.gateway.open_checkout(request, key=intent.payment_id)

    reason, maybe_acted = TOLD[fault]
    assert (reason, maybe_acted) == (caught.value.reason, caught.value.maybe_acted)
    assert caught.value.reason in set(ClientOutcome)
    assert caught.value.retry_after_s > 0


async def test_the_provider_answers_and_takes_our_credentials(trial: Trial):
    """What the health check asks."""
    await trial.gateway.probe()

    assert trial.gateway.provider == trial.stand.provider


async def test_wrong_credentials_are_ours_to_mend(stand: Stand):
    """No order is to blame, nothing was done, and the credential is not in the message."""
    wrong = stand.wrong_settings()
    if wrong is None:
        assert frozenset() == stand.faults  # it has none because nobody is called
        return
    gateway = build_gateway(stand, wrong=True)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.probe()
    await gateway.close()

    assert ("auth", False) == (caught.value.reason, caught.value.maybe_acted)
    assert not [value for name, value in wrong.items() if "SECRET" in name and value in str(caught.value)]


@pytest.mark.needs_outside
async def test_every_call_ends_within_its_deadline(trial: Trial):
    """The provider takes each request and never answers."""
    bought = await trial.buy()
    calls = {
        Operation.OPEN_CHECKOUT: trial.gateway.open_checkout(bought.request, key="pay_other"),
        Operation.FETCH_CHECKOUT: trial.gateway.fetch_checkout(bought.ref),
        Operation.EXPIRE_CHECKOUT: trial.gateway.expire_checkout(bought.ref),
        Operation.PROBE: trial.gateway.probe(),
    }
    if trial.can(Capability.REFUND):
        calls[Operation.REFUND] = trial.gateway.refund(trial.refund_of(bought, 100), key="rfd_1")
    if trial.can(Capability.LIST_EVENTS):
        calls[Operation.LIST_EVENTS] = trial.listed()

    async def timed(operation: Operation) -> tuple[Operation, float, BaseException | None]:
        started = time.monotonic()
        try:
            await calls[operation]
        except GatewayUnavailable as error:
            return operation, time.monotonic() - started, error
        return operation, time.monotonic() - started, None

    async with trial.broken(Fault.NO_ANSWER):
        ends = await asyncio.gather(*map(timed, calls))

    assert [] == [each for each in ends if each[1] > TERMS[each[0]].deadline_s]
    assert [] == [each[0] for each in ends if each[2] is None]


async def test_what_is_not_declared_is_refused_before_anything_is_sent(trial: Trial):
    """Nobody should ask; who does gets a definite no and no call goes out."""
    gateway, now = trial.gateway, utc_now()
    asked: dict[Capability, Callable[[], Awaitable[object]]] = {
        Capability.CAPTURE: lambda: gateway.capture("ref", key="k"),
        Capability.FIND_CHECKOUT: lambda: gateway.find_checkout({}, since=now),
        Capability.REFUND: lambda: gateway.refund({}, key="k"),
        Capability.FIND_REFUND: lambda: gateway.find_refund({}),
        Capability.THIN_EVENTS: lambda: gateway.fetch_event(b"{}"),
        Capability.LIST_EVENTS: trial.listed,
        Capability.LIST_SETTLEMENTS: lambda: anext(aiter(gateway.list_settlements(since=now, until=now))),
        Capability.ITEMISED_PAYOUTS: lambda: anext(aiter(gateway.list_paid_out("ref"))),
    }
    before = len(await trial.stand.truth())
    for capability, ask in asked.items():
        if not trial.can(capability):
            with pytest.raises(GatewayRejected) as caught:
                await ask()
            assert "undeclared" == caught.value.code, capability

    assert before == len(await trial.stand.truth())


async def test_what_is_declared_hangs_together(trial: Trial):
    """A part of a refund is a refund, what is listed has types, and lifetimes are long enough to be of use."""
    gateway = trial.gateway
    assert trial.stand.provider == gateway.provider
    assert trial.can(Capability.REFUND) or not trial.can(Capability.PARTIAL_REFUND)
    assert trial.can(Capability.WEBHOOKS) or not trial.can(Capability.THIN_EVENTS)
    assert gateway.event_types
    lives = gateway.lifetimes
    assert min(lives.page, lives.checkout_key, lives.capture_key, lives.refund_key).total_seconds() >= 30 * 60


async def test_closing_gives_connections_back(stand: Stand):
    """As many open files after as before."""
    before = _open_files()
    gateway = build_gateway(stand)
    await asyncio.gather(*(gateway.probe() for _ in range(3)))
    during = _open_files()
    await gateway.close()
    await asyncio.sleep(0.05)  # a transport closes on the loop's next turns

    assert before == _open_files() <= during


def _open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - counted, not read
