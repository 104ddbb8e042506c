"""With all webhooks lost, orders are paid within two minutes."""

from datetime import timedelta

import pytest

from service.deliveries import create_deliveries
from service.gateways.calls import TERMS, Operation
from service.gateways.governor import PATIENCE_S
from service.kernel import outbox
from service.parts import Parts
from service.recovery.flow import sweep
from service.recovery.rules import EVERY, LOOK, YOUNG
from service.webhooks.flow import Intake
from tests.checkout.rows import broken_promises
from tests.recovery.both import DROPPED, PROVIDERS, charged, later, listen_to_both, order_from, pay, turn
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import samples

TWO_MINUTES = timedelta(minutes=2)
LOOK_S = int(LOOK.total_seconds())


async def turn_once(parts: Parts, inbox: Inbox, intake: Intake) -> None:
    """What the worker's loops do between two looks."""
    for gateway in parts.gateways.values():
        await sweep(parts.db, gateway, intake, livemode=False)
    await inbox.apply()
    deliveries = create_deliveries(parts, parts.settings)
    async with parts.db.transaction() as session:
        messages = await outbox.claim(session, kinds=["capture.take"], limit=10)
    for message in messages:
        await deliveries[message.kind](message)
        async with parts.db.transaction() as session:
            await outbox.finish(session, message)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("since_sweep_s", [0, 25, 50])
async def test_without_any_webhook_an_order_is_paid_within_two_minutes(
    stage: Stage, inbox: Inbox, provider, since_sweep_s
):
    """Whenever between two sweeps the buyer pays. The looks are the worker's, the clock is turned."""
    await listen_to_both(stage)
    await stage.faults(DROPPED)
    intake = Intake(inbox.parts.db)
    await inbox.parts.db.open()
    await intake.open()
    checkout = await order_from(stage, provider)
    await turn_once(inbox.parts, inbox, intake)
    await turn(stage, since_sweep_s)
    await pay(stage, checkout)
    paid_at = stage.clock()

    while (await stage.order(checkout))["status"] != "paid":
        await turn(stage, LOOK_S)
        await turn_once(inbox.parts, inbox, intake)

    assert stage.clock() - paid_at < TWO_MINUTES
    assert [(provider, checkout["orderId"], 49800)] == await charged(stage)
    assert [] == await broken_promises(stage)
    await intake.close()


def test_the_real_intervals_add_up_to_less_than_two_minutes():
    """The pause of a loop varies by a fifth; a turn with the governor, one page of the list, and the effect come on top."""
    terms = TERMS[Operation.LIST_EVENTS]
    call = timedelta(seconds=PATIENCE_S[terms.priority] + terms.deadline_s)
    effect = timedelta(seconds=2)

    assert YOUNG + EVERY + LOOK * 1.2 + call + effect < TWO_MINUTES


async def test_the_worker_does_it_by_itself(stage: Stage):
    """Both gateways, real loops, no webhook at all: paid, tickets out, and counted as found by the sweep."""
    await listen_to_both(stage)
    await stage.faults(DROPPED)
    checkouts = [await order_from(stage, provider) for provider in PROVIDERS]
    for each in checkouts:
        await pay(stage, each)
    later(stage, YOUNG * 2)

    async with stage.worker() as worker:
        orders = [await stage.order_in(each, "paid", within_s=30) for each in checkouts]
        text = worker.parts.telemetry.render("")[0].decode()

    assert [2, 2] == [len(each["tickets"]) for each in orders]
    assert {"sweep"} == {row[0] for row in await stage.rows("SELECT DISTINCT found_by FROM payment_events")}
    recovered = samples(text, "cubano_recovered_total")
    assert [True, True] == [recovered["sweep", provider] > 0 for provider in PROVIDERS]
    assert [] == await broken_promises(stage)
