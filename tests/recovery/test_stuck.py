"""Orders that stand still are asked about one by one: what never became an event is found all the same."""

import pytest

from service.recovery.flow import ask_about_stuck, find_stuck
from tests.checkout.rows import broken_promises, statuses, stock
from tests.idempotency.crashes import sessions
from tests.recovery.both import PROVIDERS, charged, later, order_from, pay
from tests.stage import Stage, buyer
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples

CREATE = {"method": "POST", "path": "/v1/checkout/sessions"}


async def ask(inbox: Inbox, limit: int = 20) -> None:
    await ask_about_stuck(inbox.parts.shop, limit=limit)


async def asked(stage: Stage, limit: int = 20) -> list[str]:
    """Orders that would be asked about now."""
    async with stage.db.transaction() as session:
        return [each.order_id for each in await find_stuck(session, providers=PROVIDERS, limit=limit)]


@pytest.fixture
async def quiet(stage: Stage) -> Stage:
    """No webhook, and nobody reads the list of events."""
    await deaf(stage)
    return stage


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_never_became_an_event_is_found_at_the_object(quiet: Stage, inbox: Inbox, provider):
    """The gateway could not generate the event; the order is paid after a minute all the same."""
    checkout = await order_from(quiet, provider)
    await pay(quiet, checkout)
    later(quiet, 60)

    await ask(inbox)
    if provider == "paypal":  # approved: the capture is our act
        async with quiet.worker():
            await quiet.order_in(checkout, "paid")

    assert "paid" == (await quiet.order(checkout))["status"]
    assert [(provider, checkout["orderId"], 49800)] == await charged(quiet)
    recovered = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_recovered_total")
    assert 1 == recovered["object", provider]
    assert [] == await broken_promises(quiet)


async def test_each_is_asked_about_at_most_once_a_minute_and_the_old_rarely(quiet: Stage):
    """Not before it has stood still for a minute; after that ever more rarely, so that many old ones cost little."""
    checkout = await order_from(quiet, "stripe")
    young = await asked(quiet)
    later(quiet, 60)
    first, at_once = await asked(quiet), await asked(quiet)
    later(quiet, 59)
    early = await asked(quiet)
    later(quiet, 1)
    second = await asked(quiet)
    await quiet.rows("UPDATE payments SET created_at = created_at - interval '3 hours'")
    later(quiet, 600)
    old = await asked(quiet)

    one = [checkout["orderId"]]
    assert ([], one, [], [], one, []) == (young, first, at_once, early, second, old)


async def test_a_turn_is_bounded_and_begins_with_who_was_asked_about_longest_ago(quiet: Stage):
    """Two at a time, all of them in turn."""
    orders = [(await order_from(quiet, "stripe"))["orderId"] for _ in range(3)]
    later(quiet, 60)

    turns = [await asked(quiet, limit=2), await asked(quiet, limit=2), await asked(quiet, limit=2)]

    assert [2, 1, 0] == [len(each) for each in turns]
    assert sorted(orders) == sorted(turns[0] + turns[1])


async def test_a_gateway_that_is_away_keeps_no_other_order_waiting(quiet: Stage, inbox: Inbox):
    """One cannot be asked; the other is paid."""
    silent, paid = await order_from(quiet, "paypal"), await order_from(quiet, "stripe")
    await pay(quiet, paid)
    await quiet.faults({"match": {"provider": "paypal"}, "effects": {"outage": True}})
    later(quiet, 60)

    await ask(inbox)

    assert "paid" == (await quiet.order(paid))["status"]
    assert "awaiting_payment" == (await quiet.order(silent))["status"]


async def test_a_lost_attempt_whose_message_has_died_is_ended_all_the_same(quiet: Stage, inbox: Inbox):
    """Nothing stays unknown for ever: the page is found by the same request under the same key, and closed."""
    await quiet.faults({"match": CREATE, "effects": {"reset": "after"}})
    await quiet.checkout(buyer(provider="stripe"))
    lost = (await quiet.rows("SELECT id FROM orders"))[0][0]
    await quiet.rows("UPDATE outbox SET state = 'dead', attempts = 100")
    await quiet.faults()
    before = await statuses(quiet, lost)
    later(quiet, 200)

    await ask(inbox)

    assert ("canceled", ["unknown"]) == before
    assert ("canceled", ["canceled"]) == await statuses(quiet, lost)
    assert ["expired"] == [each["status"] for each in await sessions(quiet)]
    assert (0, 0) == await stock(quiet)
