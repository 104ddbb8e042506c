"""The money: taken once, declined and tried again, on its way for days."""

import asyncio

import pytest

from service.gateways.base import Capability
from service.gateways.calls import Operation
from service.gateways.facts import CheckoutStatus, EventKind
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from tests.contract.stand import Fault
from tests.contract.trial import Trial

PAID = {EventKind.CHECKOUT_PAID, EventKind.PAYMENT_SUCCEEDED}


@pytest.mark.needs_outside
async def test_a_payment_is_the_amount_asked_for(trial: Trial):
    """Our figures and the provider's are the same."""
    bought = await trial.buy()

    sold = await trial.sold(bought)
    assert bought.intent.total == bought.checkout.amount == sold.charged
    assert sold.payment_ref == bought.checkout.payment_ref


@pytest.mark.needs(Capability.CAPTURE)
async def test_what_nobody_approved_is_not_captured(trial: Trial):
    """Asked too early: a no, or an answer without money."""
    bought = await trial.open()
    try:
        paid = (await trial.finish(bought)).paid
    except GatewayRejected:
        paid = False

    assert (False, True) == (paid, (await trial.sold(bought)).charged.is_zero)


@pytest.mark.needs(Capability.CAPTURE)
async def test_an_approved_checkout_waits_for_our_capture(trial: Trial):
    """Approved is not paid; not to capture is to close."""
    bought = await trial.open()
    await trial.stand.pay(bought.ref)
    approved = await trial.gateway.fetch_checkout(bought.ref)

    assert (CheckoutStatus.APPROVED, False) == (approved.status, approved.paid)
    assert (await trial.sold(bought)).charged.is_zero


@pytest.mark.needs(Capability.CAPTURE)
async def test_a_capture_takes_the_money_once(trial: Trial):
    """Repeated under its key, at the same moment, after a lost answer, even under another key."""
    bought = await trial.open()
    await trial.stand.pay(bought.ref)
    async with trial.broken(Fault.LOST_ANSWER, Operation.CAPTURE):
        with pytest.raises(GatewayUnavailable):
            await trial.finish(bought)
    again = await trial.finish(bought)
    both = await asyncio.gather(*(trial.finish(bought) for _ in range(2)))
    other = await trial.finish(bought, attempt=2)

    ends = [again, *both, other]
    assert [(CheckoutStatus.COMPLETE, True, again.payment_ref)] * 4 == [(e.status, e.paid, e.payment_ref) for e in ends]
    assert bought.intent.total == (await trial.sold(bought)).charged


@pytest.mark.needs_outside
async def test_after_a_decline_the_buyer_may_try_again(trial: Trial):
    """The same checkout, still open; the decline says why, and only the second try takes money."""
    bought = await trial.open()
    await trial.stand.decline(bought.ref)
    declined = await trial.finish(bought)
    nothing = (await trial.sold(bought)).charged
    await trial.stand.pay(bought.ref)
    done = await trial.finish(bought, attempt=2)

    assert (False, True) == (declined.paid, nothing.is_zero)
    assert declined.status is not CheckoutStatus.COMPLETE
    assert (CheckoutStatus.COMPLETE, True) == (done.status, done.paid)
    assert bought.intent.total == (await trial.sold(bought)).charged
    if trial.can(Capability.CAPTURE):
        assert declined.decline is not None
        assert declined.decline.code
    else:
        [told] = [each.decline for each in await trial.told() if each.kind is EventKind.PAYMENT_DECLINED]
        assert told is not None
        assert told.code


@pytest.mark.needs(Capability.DELAYED_PAYMENTS)
async def test_delayed_money_is_not_there_before_it_comes(trial: Trial):
    """Decided, not paid; days later paid. The events say both."""
    bought = await trial.open()
    await trial.stand.delay(bought.ref, well=True)
    waiting = await trial.finish(bought)
    first = {each.kind for each in await trial.told()}
    await trial.stand.settle()
    later = await trial.gateway.fetch_checkout(bought.ref)
    then = {each.kind for each in await trial.told()}

    assert (CheckoutStatus.COMPLETE, False) == (waiting.status, waiting.paid)
    assert (CheckoutStatus.COMPLETE, True) == (later.status, later.paid)
    assert EventKind.CHECKOUT_PENDING in first
    assert (set(), True) == (first & PAID, bool(then & PAID))
    assert bought.intent.total == (await trial.sold(bought)).charged


@pytest.mark.needs(Capability.DELAYED_PAYMENTS)
async def test_delayed_money_that_never_comes_is_told(trial: Trial):
    """Nothing is paid then or later; an event says so, and so does the checkout, should the event be lost."""
    bought = await trial.open()
    await trial.stand.delay(bought.ref, well=False)
    waiting = await trial.finish(bought)
    await trial.stand.settle()
    later = await trial.gateway.fetch_checkout(bought.ref)
    kinds = {each.kind for each in await trial.told()}

    assert (False, True) == (later.paid, (await trial.sold(bought)).charged.is_zero)
    assert (CheckoutStatus.COMPLETE, True, True) == (later.status, waiting.decline is None, later.decline is not None)
    assert (True, set()) == (EventKind.CHECKOUT_FAILED in kinds, kinds & PAID)
