"""Money that is not ours goes back by itself: asked for once, whatever the gateway answers, or does not."""

from typing import Any

from service.dispatch.flow import ask_again
from tests.payments.history import PAID, end_of, ordered, take_in
from tests.refunds.sending import REFUND, hours_pass, paid_too_late, really, send_all, send_due, states
from tests.stage import Stage
from tests.vault.reading import requests_of
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples, told

DONE = [("refund.return", "done"), ("refund.send", "done")]


async def paid_twice(stage: Stage, inbox: Inbox) -> dict[str, Any]:
    """An order with two attempts, on two pages of the gateway, both paid."""
    await deaf(stage)
    checkout = await ordered(stage)
    (request,) = await requests_of(stage)
    assert request is not None
    names = {**request["metadata"], "payment_id": "pay_second"}
    request = {**request, "metadata": names, "payment_intent_data": {"metadata": names}}
    gateway = inbox.parts.gateways["stripe"]
    page = await gateway.open_checkout(request, key="pay_second")
    second = """
        INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, checkout_ref,
                              created_at, updated_at)
        SELECT 'pay_second', order_id, provider, status, amount_minor, amount_currency, request, :ref,
               created_at, updated_at FROM payments
    """
    await stage.rows(second, ref=page.ref)
    await stage.pay(checkout)
    await stage.pay({"checkoutUrl": f"/{page.ref}"})
    await take_in(stage, inbox, *await told(stage))
    return checkout


def odd(inbox: Inbox) -> dict[tuple[str, ...], float]:
    return samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_odd_money_total")


async def test_who_paid_too_late_has_the_money_back(stage: Stage, inbox: Inbox):
    """One refund of all of it, ours by its id; the order is over, the customer has the letter."""
    checkout = await paid_too_late(stage, inbox)
    total = checkout["total"]["minor"]

    sent = await send_all(inbox)
    await take_in(stage, inbox, *await told(stage))

    end = await end_of(stage, checkout["orderId"])
    assert DONE == sent
    assert [("succeeded", total)] == await really(stage)
    assert ("refunded", [("succeeded", total, False)]) == (end["order"], end["refunds"])
    assert ({}, {"mail.late_payment": 1}, {"released": 3}) == (end["tickets"], end["mails"], end["holds"])
    assert {("late_refunded", "stripe"): 1.0} == {key: count for key, count in odd(inbox).items() if count}
    assert [] == await inbox.broken()


async def test_a_second_payment_for_one_order_goes_back(stage: Stage, inbox: Inbox):
    """The order stays paid by the first: its tickets, its seats, its sums know nothing of the other."""
    checkout = await paid_twice(stage, inbox)

    sent = await send_all(inbox)
    await take_in(stage, inbox, *await told(stage))

    payments = {"payments": [("succeeded", 49800)] * 2, "refunds": [("succeeded", 49800, False)]}
    mails = {"mails": {"mail.confirmation": 1, "mail.surplus_payment": 1}}
    assert DONE == sent
    assert PAID | payments | mails == await end_of(stage, checkout["orderId"])
    assert [("succeeded", 49800)] == await really(stage)
    assert {("stripe", "surplus_refunded"): 1.0} == {key[::-1]: count for key, count in odd(inbox).items() if count}
    assert [] == await inbox.broken()


async def test_the_buyer_reads_that_one_of_two_payments_goes_back(stage: Stage, inbox: Inbox):
    """The order is paid and nothing of its price has gone back; which payment is surplus can be seen."""
    checkout = await paid_twice(stage, inbox)
    await send_all(inbox)

    order = await stage.order(checkout)
    page = await stage.client.get(
        f"/en/order/{checkout['orderId']}?token={checkout['accessToken']}", follow_redirects=True
    )

    seen = sorted((each["surplus"], each["returned"]["minor"]) for each in order["payments"])
    assert ("paid", 0, [(False, 0), (True, 49800)]) == (order["status"], order["refunded"]["minor"], seen)
    assert "You paid twice" in page.text


async def test_an_answer_that_never_came_is_asked_for_again_under_the_same_key(stage: Stage, inbox: Inbox):
    """The gateway gave the money back and its answer was lost: the same request finds the same refund."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"reset": "after"}, "times": 2})  # the client's own retry, too

    first = await send_due(inbox)
    unknown = await states(stage)
    second = await send_all(inbox)

    assert [("refund.return", "done"), ("refund.send", "postponed")] == first
    assert [("requested", None)] == unknown
    assert [("refund.send", "done")] == second
    assert [("succeeded", None)] == await states(stage)
    assert 1 == len(await really(stage))


async def test_a_refund_whose_key_is_forgotten_is_looked_for_first(stage: Stage, inbox: Inbox):
    """A day later the same key would be a new request: the refund is found by our id in it, and not made twice."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"error": {"status": 500, "commit": True}}})
    await send_due(inbox)
    await stage.faults()
    await hours_pass(stage, 25)

    await send_due(inbox)

    assert [("succeeded", None)] == await states(stage)
    assert 1 == len(await really(stage))
    recovered = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_recovered_total")
    assert 1 == recovered["lookup", "stripe"]


async def test_a_refund_that_was_never_made_is_made_a_day_later(stage: Stage, inbox: Inbox):
    """The gateway was away: looked for, not there, asked for."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"outage": True}})
    await send_due(inbox)
    before = await really(stage)
    await stage.faults()
    await hours_pass(stage, 25)

    await send_due(inbox)

    assert [] == before
    assert [("succeeded", None)] == await states(stage)
    assert 1 == len(await really(stage))


async def test_a_failure_that_the_key_remembers_does_not_hold_the_money_for_a_day(stage: Stage, inbox: Inbox):
    """Stripe repeats a 500 under the same key for 24 hours: once nothing can be at work any more it is asked anew."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"error": {"status": 500, "keep": True}}, "times": 1})

    first = await send_due(inbox)
    later = await send_all(inbox)

    assert [("refund.return", "done"), ("refund.send", "postponed")] == first
    assert ("refund.send", "done") == later[-1]
    assert [("succeeded", None)] == await states(stage)
    assert 1 == len(await really(stage))


async def test_a_refused_refund_fails_in_sight_of_a_person(stage: Stage, inbox: Inbox):
    """The buyer's bank has taken the money meanwhile: nothing is repeated, and the order says that money is owed."""
    checkout = await paid_too_late(stage, inbox)
    session = (await stage.rows("SELECT checkout_ref FROM payments"))[0][0]
    (await stage.emulator.post("/_emulator/disputes", json={"session": session})).raise_for_status()

    sent = await send_all(inbox)

    assert [("refund.return", "done"), ("refund.send", "parked")] == sent
    assert [("failed", "charge_disputed")] == await states(stage)
    assert "late_payment" == (await end_of(stage, checkout["orderId"]))["order"]
    assert ["late-payment-waits"] == await inbox.broken()


async def test_a_refund_that_fails_after_it_looked_done_is_in_sight_of_a_person(stage: Stage, inbox: Inbox):
    """The buyer's account is closed: the money is with us again, nothing counts as given back, and the page says so."""
    checkout = await paid_too_late(stage, inbox)
    await send_all(inbox)
    await take_in(stage, inbox, *await told(stage))
    ref = (await stage.rows("SELECT refund_ref FROM refunds"))[0][0]

    (await stage.emulator.post(f"/_emulator/refunds/{ref}/fail", json={"reason": "declined"})).raise_for_status()
    await take_in(stage, inbox, *await told(stage))

    order = await stage.order(checkout)
    page = await stage.client.get(
        f"/en/order/{checkout['orderId']}?token={checkout['accessToken']}", follow_redirects=True
    )
    assert "A person is looking after it" in page.text
    assert [("failed", "declined")] == await states(stage)
    assert ("late_payment", 0) == (order["status"], order["refunded"]["minor"])
    assert [(0,)] == await stage.rows("SELECT returned_minor FROM payments")
    assert ["late-payment-waits"] == await inbox.broken()


async def test_the_event_of_a_refund_may_come_before_the_answer(stage: Stage, inbox: Inbox):
    """It names our row: the answer, which comes after it, finds everything done."""
    checkout = await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"error": {"status": 500, "commit": True}}})
    await send_due(inbox)
    await stage.faults()

    await take_in(stage, inbox, *await told(stage))
    by_event = await end_of(stage, checkout["orderId"])
    await send_all(inbox)

    assert "refunded" == by_event["order"]
    assert by_event == await end_of(stage, checkout["orderId"])
    assert 1 == len(await really(stage))
    assert [] == await inbox.broken()


async def test_asked_twice_to_give_back_it_gives_back_once(stage: Stage, inbox: Inbox):
    """The worker died after the refund was written: its message is delivered again."""
    await paid_too_late(stage, inbox)
    await send_due(inbox)
    await stage.rows("UPDATE outbox SET state = 'pending', done_at = NULL WHERE kind LIKE 'refund.%'")

    again = await send_all(inbox)

    assert DONE == again
    assert 1 == len(await states(stage)) == len(await really(stage))


async def test_a_refund_nobody_answered_in_all_its_tries_gets_them_again(stage: Stage, inbox: Inbox):
    """The gateway was away for longer than a message is tried: the money is owed all the same."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"outage": True}})
    await send_due(inbox)
    await stage.faults()
    await stage.rows("UPDATE outbox SET state = 'dead', attempts = 100 WHERE kind = 'refund.send'")

    async with inbox.parts.db.transaction() as session:
        await ask_again(session, limit=10)
    sent = await send_all(inbox)

    assert [("refund.send", "done")] == sent
    assert 1 == len(await really(stage))
