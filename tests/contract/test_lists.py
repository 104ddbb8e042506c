"""What is asked for when no event came: all of it, over every page, the oldest first."""

import asyncio
from datetime import timedelta

import pytest

from service.gateways.base import Capability
from service.gateways.facts import SettlementKind
from service.kernel.clock import utc_now
from service.kernel.money import Money, sum_money
from tests.contract.trial import Trial

AT_ONCE = 8
listing = pytest.mark.needs(Capability.LIST_EVENTS)


@listing
async def test_the_list_holds_what_was_delivered(trial: Trial):
    """Each event of the types we act on, once, with the same id and the same facts."""
    await trial.buy()
    told = await trial.told()
    bodies = await trial.listed()
    listed = [trial.gateway.normalise(each) for each in bodies]

    assert {each.event_id: each for each in told} == {each.event_id: each for each in listed}
    assert len(listed) == len(told)
    assert [each.event_id for each in listed] == [trial.gateway.read_envelope(each).event_id for each in bodies]


async def happen(trial: Trial) -> str:
    """One event of a checkout of its own; whose it is."""
    bought = await trial.open()
    if trial.can(Capability.CLOSES_PAGES):
        await trial.gateway.expire_checkout(bought.ref)
    else:
        await trial.stand.pay(bought.ref)
    return bought.intent.order_id


@listing
async def test_the_list_tells_things_as_they_happened(trial: Trial):
    """Also within one second, where times say nothing."""
    happened = [await happen(trial) for _ in range(6)]
    listed = [trial.gateway.read_envelope(each).subject for each in await trial.listed()]

    assert happened == listed


@listing
async def test_the_list_is_complete_over_its_pages_and_oldest_first(trial: Trial):
    """More than two pages; nothing twice, nothing missing, and time only goes forward."""
    wanted = trial.stand.page * 2 + 3
    for _ in range(0, wanted, AT_ONCE):
        await asyncio.gather(*(happen(trial) for _ in range(AT_ONCE)))
    envelopes = [trial.gateway.read_envelope(each) for each in await trial.listed()]

    happened = {each.checkout_ref for each in await trial.stand.truth()}
    assert len(happened) >= wanted
    assert {each.order_id for each in await trial.stand.truth()} == {each.subject for each in envelopes}
    assert len(envelopes) == len({each.event_id for each in envelopes})
    assert sorted(each.created_at for each in envelopes) == [each.created_at for each in envelopes]


@listing
async def test_the_list_keeps_to_its_window(trial: Trial):
    """What happened before it or after it is not in it."""
    await trial.buy()
    now = utc_now()
    hour = timedelta(hours=1)
    past = [each async for each in trial.gateway.list_events(since=now - 3 * hour, until=now - hour)]
    future = [each async for each in trial.gateway.list_events(since=now + hour, until=now + 3 * hour)]

    assert ([], [], True) == (past, future, bool(await trial.listed()))


@listing
async def test_what_was_delivered_is_not_listed_as_undelivered(trial: Trial):
    """Where the provider can tell; one that cannot lists all."""
    await trial.buy()
    await trial.stand.deliveries()
    some, every = await trial.listed(undelivered=True), await trial.listed()

    assert some in ([], every)


@pytest.mark.needs(Capability.LIST_SETTLEMENTS)
async def test_the_settlements_sum_to_what_is_true(trial: Trial):
    """Every payment and refund of the balance, by its ref, to the cent; the provider's share is told apart."""
    since = utc_now() - timedelta(hours=1)
    bought = [await trial.buy() for _ in range(3)]
    for number, each in enumerate(bought):
        name = f"rfd_{number}"
        await trial.gateway.refund(trial.refund_of(each, 1_000 * (number + 1), name), key=name)
    moved = [each async for each in trial.gateway.list_settlements(since=since, until=utc_now() + timedelta(hours=1))]
    sold = await trial.stand.truth()

    by_kind = {
        kind: sum_money((each.amount for each in moved if each.kind is kind), "USD")
        for kind in (SettlementKind.PAYMENT, SettlementKind.REFUND)
    }
    assert sum_money((each.charged for each in sold), "USD") == by_kind[SettlementKind.PAYMENT]
    assert Money.zero("USD") - sum_money((each.refunded for each in sold), "USD") == by_kind[SettlementKind.REFUND]
    assert {each.payment_ref for each in sold} == {each.payment_ref for each in moved}
    assert sorted(each.occurred_at for each in moved) == [each.occurred_at for each in moved]
    assert all(each.fee.minor > 0 for each in moved if each.kind is SettlementKind.PAYMENT)
    assert len(moved) == len({each.ref for each in moved})


@pytest.mark.needs(Capability.LIST_SETTLEMENTS, Capability.DISPUTES)
async def test_a_dispute_moves_the_balance(trial: Trial):
    """Out when it is opened, back when it is won; the payment it is about is named."""
    since = utc_now() - timedelta(hours=1)
    bought = await trial.buy()
    await trial.stand.dispute(bought.ref)
    await trial.stand.close_dispute(bought.ref, won=True)
    moved = [each async for each in trial.gateway.list_settlements(since=since, until=utc_now() + timedelta(hours=1))]

    out = [each for each in moved if each.kind is SettlementKind.DISPUTE]
    back = [each for each in moved if each.kind is SettlementKind.DISPUTE_WON]
    assert Money.zero("USD") - bought.intent.total == sum_money((each.amount for each in out), "USD")
    assert bought.intent.total == sum_money((each.amount for each in back), "USD")
    assert {bought.checkout.payment_ref} == {each.payment_ref for each in out + back}


@pytest.mark.needs(Capability.LIST_SETTLEMENTS, Capability.ITEMISED_PAYOUTS)
async def test_a_payout_is_the_sum_of_its_movements(trial: Trial):
    """What each took along is listed by its ref, itself not; nothing is in two, and sums are to the cent."""
    since, week = utc_now() - timedelta(hours=1), timedelta(days=8)
    bought = [await trial.buy() for _ in range(2)]
    await trial.gateway.refund(trial.refund_of(bought[0], 1_000), key="rfd_1")
    await trial.stand.pay_out()
    moved = [each async for each in trial.gateway.list_settlements(since=since, until=since + week)]

    payouts = [each for each in moved if each.kind is SettlementKind.PAYOUT]
    items = [each for one in payouts async for each in trial.gateway.list_paid_out(one.payout_ref or "")]
    assert payouts
    assert {each.ref for each in moved} - {each.ref for each in payouts} == {each.ref for each in items}
    assert len(items) == len({each.ref for each in items})
    for one in payouts:
        mine = [each for each in items if each.paid_out_by == one.payout_ref]
        assert sum_money((each.amount - each.fee for each in mine), "USD") == -one.amount
    assert {each.intent.order_id for each in bought} == {each.order_id for each in items}
