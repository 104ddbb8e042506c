"""What PayPal lists: every event once, oldest first, over any number of pages; every movement, over any number of months."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from service.gateways import paypal_lists
from service.gateways.facts import SettlementKind
from service.gateways.paypal_client import PayPalClient
from service.gateways.paypal_lists import oldest_first
from service.kernel.clock import utc_now
from service.kernel.errors import GatewayUnavailable
from service.kernel.money import Money
from tests.gateways.paypal.conftest import Desk, context

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def client(emulator_url: str) -> AsyncIterator[PayPalClient]:
    """The line alone, for lists on small pages."""
    made = PayPalClient(context(), base_url=f"{emulator_url}/paypal")
    yield made
    await made.close()


async def types(desk: Desk, since: datetime, until: datetime) -> list[str]:
    return [json.loads(each)["event_type"] async for each in desk.gateway.list_events(since=since, until=until)]


async def test_events_come_oldest_first_over_all_pages(desk: Desk, client: PayPalClient):
    """Seven sales on pages of three: each approval stands before its payment, and what does not concern us is left out."""
    for number in range(7):
        await desk.buy(payment_id=f"pay_{number}")
    now = utc_now()

    listed = paypal_lists.list_events(client, since=now - HOUR, until=now + HOUR, page_size=3)

    found = [json.loads(each)["event_type"] async for each in listed]
    assert ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"] * 7 == found


def test_events_are_sorted_by_their_own_times():
    """However they are listed; of one time the later listed is the older, and one without a time stays beside it."""
    times = {"e": "12:00:03", "b": "12:00:01.5", "d": "12:00:02", "c": "12:00:02", "?": "soon", "a": "12:00:01"}
    listed = [_event(name, at) for name, at in times.items()]

    assert ["a", "?", "b", "c", "d", "e"] == [json.loads(each)["id"] for each in oldest_first(listed)]


def _event(name: str, at: str) -> bytes:
    told = {"id": name, "event_type": "X", "create_time": f"2026-11-14T{at}Z"}
    return json.dumps(told).encode()


async def test_a_list_that_does_not_end_is_no_list(desk: Desk, client: PayPalClient):
    """Cut short it would look whole, and the mark would move over what is missing."""
    for number in range(4):
        await desk.buy(payment_id=f"pay_{number}")
    now = utc_now()
    window = {"since": now - HOUR, "until": now + HOUR, "most_pages": 2}

    for listed in (
        paypal_lists.list_events(client, **window, page_size=3),
        paypal_lists.list_settlements(client, **window, page_size=1),
    ):
        with pytest.raises(GatewayUnavailable) as caught:
            [each async for each in listed]
        assert not caught.value.maybe_acted


async def test_each_event_is_what_a_webhook_would_bring(desk: Desk):
    """Its body is taken by the same readers; without one there is nothing to yield."""
    now = utc_now()
    assert [] == await types(desk, now - HOUR, now + HOUR)
    bought = await desk.buy()

    bodies = [each async for each in desk.gateway.list_events(since=now - HOUR, until=now + HOUR)]

    events = [desk.gateway.normalise(each) for each in bodies]
    assert [bought.ref] * 2 == [each.checkout_ref for each in events]
    assert {events[0].order_id} == {desk.gateway.read_envelope(each).subject for each in bodies}


async def test_events_of_another_time_are_left_out(desk: Desk):
    """Only those of the window, whose ends count."""
    await desk.buy()
    now = utc_now()

    assert [] == await types(desk, now - 3 * DAY, now - 2 * DAY)


async def test_movements_come_with_their_fee_and_their_payment(desk: Desk):
    """A sale of 250 dollars, a part of it given back: two rows that sum up to what is left there."""
    now = utc_now()
    bought = await desk.buy()
    await desk.post("/external-refunds", order=bought.ref, amount=5_000)

    found = [each async for each in desk.gateway.list_settlements(since=now - HOUR, until=now + HOUR)]

    sale, refund = found
    assert (SettlementKind.PAYMENT, Money(25_000, "USD"), Money(797, "USD")) == (sale.kind, sale.amount, sale.fee)
    assert (SettlementKind.REFUND, Money(-5_000, "USD"), Money(0, "USD")) == (refund.kind, refund.amount, refund.fee)
    assert [bought.payment_ref] * 2 == [each.payment_ref for each in found]
    assert (None, refund.ref) == (sale.refund_ref, refund.refund_ref)


async def test_a_quarter_is_asked_for_in_windows_and_pages(desk: Desk, client: PayPalClient):
    """PayPal takes 31 days at once: a hundred days are four questions and more, each movement once, in order."""
    start = utc_now()
    for month in range(3):
        for number in range(5):
            await desk.buy(payment_id=f"pay_{month}_{number}")
        await desk.post("/clock", advance=31 * 86_400)

    listed = paypal_lists.list_settlements(client, since=start - DAY, until=start + 99 * DAY, page_size=2)

    found = [each async for each in listed]
    assert 15 == len({each.ref for each in found}) == len(found)
    assert sorted(each.occurred_at for each in found) == [each.occurred_at for each in found]


@pytest.mark.parametrize(("outcome", "left"), [("won", 0), ("lost", -25_000)])
async def test_a_dispute_holds_money_and_lets_it_go(desk: Desk, outcome, left):
    """Won, what was held came back; lost, it is gone: the movements of the dispute sum up to that."""
    now = utc_now()
    bought = await desk.buy()
    made = await desk.post("/disputes", order=bought.ref)
    await desk.post(f"/disputes/{made['dispute_id']}/close", outcome=outcome)

    found = [each async for each in desk.gateway.list_settlements(since=now - HOUR, until=now + HOUR)]

    disputed = [each for each in found if each.kind in {SettlementKind.DISPUTE, SettlementKind.DISPUTE_WON}]
    assert left == sum(each.amount.minor for each in disputed)
    assert {bought.payment_ref} == {each.payment_ref for each in disputed}
