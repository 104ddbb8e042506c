"""Opening a checkout, looking at it, closing it: once under its key, whatever happens in between."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from service.gateways.base import Capability
from service.gateways.calls import Operation
from service.gateways.facts import CheckoutStatus
from service.kernel.clock import utc_now
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.kernel.money import Money
from tests.contract.stand import Fault
from tests.contract.trial import Trial


async def test_a_checkout_is_opened_with_its_page_and_amount(trial: Trial):
    """What the buyer is sent to, and what will be asked of them."""
    bought = await trial.open()

    checkout = bought.checkout
    assert (CheckoutStatus.OPEN, False, Money(25_000, "USD")) == (checkout.status, checkout.paid, checkout.amount)
    assert checkout.url is not None
    assert checkout.url.startswith(("https://", "http://127.0.0.1"))
    assert checkout.url.startswith(trial.gateway.page_origin)


async def test_the_same_key_and_request_are_the_same_checkout(trial: Trial):
    """Repeated after the answer: the same ref and page, and nothing new at the provider."""
    bought = await trial.open()
    before = len(await trial.stand.truth())
    again = await trial.gateway.open_checkout(bought.request, key=bought.key)

    assert (bought.ref, bought.checkout.url) == (again.ref, again.url)
    assert before == len(await trial.stand.truth())


async def test_the_same_key_at_the_same_moment_is_one_checkout(trial: Trial):
    """Who comes second may be told to come again, and then gets the first one's checkout."""
    intent = trial.intent()
    request = trial.gateway.checkout_request(intent)
    tries = [trial.gateway.open_checkout(request, key=intent.payment_id) for _ in range(4)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    last = await trial.gateway.open_checkout(request, key=intent.payment_id)

    unexpected = [each for each in ends if isinstance(each, BaseException) and not isinstance(each, GatewayUnavailable)]
    assert [] == unexpected
    assert {last.ref} == {each.ref for each in ends if not isinstance(each, BaseException)} | {last.ref}
    assert 1 >= len(await trial.stand.truth())


@pytest.mark.needs_outside
async def test_an_answer_lost_after_the_work_is_found_by_repeating(trial: Trial):
    """We know nothing, they have done it: the same request under the same key opens no second one."""
    intent = trial.intent()
    request = trial.gateway.checkout_request(intent)
    async with trial.broken(Fault.LOST_ANSWER, Operation.OPEN_CHECKOUT):
        with pytest.raises(GatewayUnavailable) as caught:
            await trial.gateway.open_checkout(request, key=intent.payment_id)

    found = await trial.gateway.open_checkout(request, key=intent.payment_id)

    assert caught.value.maybe_acted
    assert [found.ref] == [each.checkout_ref for each in await trial.stand.truth()]


@pytest.mark.needs_outside
async def test_another_request_under_a_used_key_opens_nothing(trial: Trial):
    """It is refused, or answered with the first one's checkout: never a second one."""
    bought = await trial.open()
    other = trial.gateway.checkout_request(replace(bought.intent, success_url="http://127.0.0.1:8000/elsewhere"))
    try:
        refs = {(await trial.gateway.open_checkout(other, key=bought.key)).ref}
    except GatewayRejected:
        refs = {bought.ref}

    assert {bought.ref} == refs == {each.checkout_ref for each in await trial.stand.truth()}


async def test_a_request_is_the_same_each_time_it_is_built(trial: Trial):
    """It is stored as JSON before it is sent, so it holds nothing that JSON does not."""
    import json  # noqa: PLC0415 - only to show that it can be stored

    intent = trial.intent()
    request = trial.gateway.checkout_request(intent)

    assert request == trial.gateway.checkout_request(intent)
    assert request == json.loads(json.dumps(request))


@pytest.mark.needs_outside
async def test_a_checkout_is_fetched_as_it_is(trial: Trial):
    """Open, then paid."""
    bought = await trial.open()
    opened = await trial.gateway.fetch_checkout(bought.ref)
    await trial.stand.pay(bought.ref)
    await trial.finish(bought)
    paid = await trial.gateway.fetch_checkout(bought.ref)

    assert (bought.ref, CheckoutStatus.OPEN, False, bought.intent.total) == (
        opened.ref,
        opened.status,
        opened.paid,
        opened.amount,
    )
    assert (CheckoutStatus.COMPLETE, True, bought.intent.total) == (paid.status, paid.paid, paid.amount)
    assert (await trial.sold(bought)).payment_ref == paid.payment_ref


async def test_an_unknown_checkout_is_not_open(trial: Trial):
    """There is none, says a definite no; one who forgets what nobody paid may take it for that."""
    for call in (trial.gateway.fetch_checkout, trial.gateway.expire_checkout):
        try:
            status = (await call("none-of-theirs")).status
        except GatewayRejected:
            status = CheckoutStatus.EXPIRED

        assert CheckoutStatus.EXPIRED is status


async def test_what_nobody_paid_is_closed(trial: Trial):
    """Closed once or twice, it is over: no payment can come of it by itself any more."""
    bought = await trial.open()
    closed = [await trial.gateway.expire_checkout(bought.ref) for _ in range(2)]

    assert [(CheckoutStatus.EXPIRED, False)] * 2 == [(each.status, each.paid) for each in closed]


@pytest.mark.needs(Capability.CLOSES_PAGES)
async def test_a_closed_page_takes_no_payment(trial: Trial):
    """Whoever still has it open is told that it is too late."""
    bought = await trial.open()
    await trial.gateway.expire_checkout(bought.ref)
    with pytest.raises(AssertionError):  # the stand-in's buyer is turned away
        await trial.stand.pay(bought.ref)

    assert CheckoutStatus.EXPIRED is (await trial.gateway.fetch_checkout(bought.ref)).status
    assert (await trial.sold(bought)).charged.is_zero


@pytest.mark.needs_outside
async def test_closing_what_is_paid_tells_that_it_is_paid(trial: Trial):
    """The buyer was quicker than our timer."""
    bought = await trial.buy()
    closed = await trial.gateway.expire_checkout(bought.ref)

    assert (CheckoutStatus.COMPLETE, True) == (closed.status, closed.paid)
    assert bought.intent.total == (await trial.sold(bought)).charged


@pytest.mark.needs(Capability.FIND_CHECKOUT)
async def test_a_checkout_is_found_by_our_own_ids(trial: Trial):
    """No answer ever told its ref; what was never opened is not found."""
    since = utc_now() - timedelta(minutes=1)
    for _ in range(2):
        await trial.open()
    intent = trial.intent()
    request = trial.gateway.checkout_request(intent)
    before = await trial.gateway.find_checkout(request, since=since)
    async with trial.broken(Fault.LOST_ANSWER, Operation.OPEN_CHECKOUT):
        with pytest.raises(GatewayUnavailable):
            await trial.gateway.open_checkout(request, key=intent.payment_id)
    found = await trial.gateway.find_checkout(request, since=since)

    assert before is None
    assert found is not None
    [mine] = [each for each in await trial.stand.truth() if each.order_id == intent.order_id]
    assert (mine.checkout_ref, CheckoutStatus.OPEN) == (found.ref, found.status)


AMOUNTS = {"USD": 12_550, "JPY": 1_500, "KWD": 12_340}  # two decimals, none, three; the last digit of three is 0


@pytest.mark.parametrize("currency", AMOUNTS)
async def test_each_currency_is_counted_in_its_own_units(trial: Trial, currency):
    """Exact from our row to the provider's books and back; a currency it does not take is a definite no."""
    intent = trial.intent(currency, AMOUNTS[currency])
    if currency not in trial.stand.currencies:
        with pytest.raises(GatewayRejected):
            await trial.open(intent)
        return
    bought = await trial.buy(intent)

    assert Money(AMOUNTS[currency] * 2, currency) == bought.checkout.amount == (await trial.sold(bought)).charged
