"""Money that goes back: once under its key, never more than came in."""

import asyncio

import pytest

from service.gateways.base import Capability
from service.gateways.calls import Operation
from service.gateways.facts import EventKind
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.kernel.money import Money
from tests.contract.stand import Fault
from tests.contract.trial import Trial

STATES = {"pending", "requires_action", "succeeded"}
pytestmark = pytest.mark.needs(Capability.REFUND)


async def test_a_refund_says_whose_it_is(trial: Trial):
    """Its amount, its payment, and our row's id."""
    bought = await trial.buy()
    refund = await trial.gateway.refund(trial.refund_of(bought, 25_000), key="rfd_1")

    assert (Money(25_000, "USD"), bought.checkout.payment_ref, "rfd_1") == (
        refund.amount,
        refund.payment_ref,
        refund.refund_id,
    )
    assert refund.status in STATES


async def test_the_same_key_and_request_are_the_same_refund(trial: Trial):
    """Repeated, and at the same moment."""
    bought = await trial.buy()
    request = trial.refund_of(bought, 10_000)
    first = await trial.gateway.refund(request, key="rfd_1")
    ends = await asyncio.gather(*(trial.gateway.refund(request, key="rfd_1") for _ in range(3)))

    assert {first.ref} == {each.ref for each in ends}
    if trial.stand.knows:
        assert Money(10_000, "USD") == (await trial.sold(bought)).refunded


@pytest.mark.needs_outside
async def test_a_refund_whose_answer_was_lost_is_made_once(trial: Trial):
    """The same request under the same key finds it."""
    bought = await trial.buy()
    request = trial.refund_of(bought, 10_000)
    async with trial.broken(Fault.LOST_ANSWER, Operation.REFUND):
        with pytest.raises(GatewayUnavailable) as caught:
            await trial.gateway.refund(request, key="rfd_1")
    found = await trial.gateway.refund(request, key="rfd_1")

    assert caught.value.maybe_acted
    assert ("rfd_1", Money(10_000, "USD")) == (found.refund_id, (await trial.sold(bought)).refunded)


@pytest.mark.needs(Capability.PARTIAL_REFUND)
async def test_parts_go_back_up_to_the_whole_and_not_beyond(trial: Trial):
    """Three parts make the whole; a cent more is a definite no."""
    bought = await trial.buy()
    if not trial.stand.knows:  # nobody outside keeps the sum: only a single refund can be held against the payment
        with pytest.raises(GatewayRejected):
            await trial.gateway.refund(trial.refund_of(bought, 25_001), key="rfd_1")
        return
    for number, minor in enumerate((10_000, 14_999, 1)):
        name = f"rfd_{number}"
        await trial.gateway.refund(trial.refund_of(bought, minor, name), key=name)
    with pytest.raises(GatewayRejected) as caught:
        await trial.gateway.refund(trial.refund_of(bought, 1, "rfd_9"), key="rfd_9")

    assert caught.value.code
    assert bought.intent.total == (await trial.sold(bought)).refunded


async def test_what_was_never_paid_is_not_refunded(trial: Trial):
    """A payment nobody knows: a definite no."""
    bought = await trial.buy()
    request = trial.refund_of(bought, 100)
    strange = {
        name: "none-of-theirs" if value == bought.checkout.payment_ref else value for name, value in request.items()
    }
    with pytest.raises(GatewayRejected):
        await trial.gateway.refund(strange, key="rfd_1")

    assert strange != request


@pytest.mark.needs(Capability.FIND_REFUND)
async def test_a_refund_is_found_by_our_own_id(trial: Trial):
    """The key is forgotten, the answer never came: it is looked for, and not mistaken for another."""
    bought = await trial.buy()
    await trial.gateway.refund(trial.refund_of(bought, 100, "rfd_1"), key="rfd_1")
    request = trial.refund_of(bought, 200, "rfd_2")
    before = await trial.gateway.find_refund(request)
    made = await trial.gateway.refund(request, key="rfd_2")
    found = await trial.gateway.find_refund(request)

    assert before is None
    assert found is not None
    assert (made.ref, "rfd_2", Money(200, "USD")) == (found.ref, found.refund_id, found.amount)


@pytest.mark.needs(Capability.WEBHOOKS)
async def test_a_refund_is_told_by_an_event(trial: Trial):
    """With the facts of the call's answer."""
    bought = await trial.buy()
    refund = await trial.gateway.refund(trial.refund_of(bought, 10_000), key="rfd_1")
    told = [each.refund for each in await trial.told() if each.kind is EventKind.REFUND_CHANGED]

    assert told
    assert {(refund.ref, "rfd_1", refund.payment_ref, refund.amount)} == {
        (each.ref, each.refund_id, each.payment_ref, each.amount) for each in told if each
    }
