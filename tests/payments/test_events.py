"""What each event of the gateway does to an order, its seats, its tickets and its customer."""

import json

from tests.payments.history import (
    CANCELED,
    CHALLENGE,
    CHALLENGE_NO_FUNDS,
    DECLINED,
    EXPIRED,
    KEY,
    NO_FUNDS,
    PAID,
    end_of,
    ordered,
    session_id,
    take_in,
)
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, event_of, samples, told

OPEN = {
    "order": "awaiting_payment",
    "payments": [("created", 49800)],
    "refunds": [],
    "tickets": {},
    "mails": {},
    "holds": {"active": 2},
}


async def some(stage: Stage, *kinds: str) -> list[dict]:
    """The gateway's events of these types, oldest first."""
    return [event for event in await told(stage) if event["type"] in kinds]


async def test_a_completed_session_that_is_paid_makes_the_sale(stage: Stage, inbox: Inbox):
    """Payment, order, seats, tickets, mail: one commit; the payment intent's own event then changes nothing."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)

    await take_in(stage, inbox, *await some(stage, "checkout.session.completed"))
    at_once = await end_of(stage, checkout["orderId"])
    await take_in(stage, inbox, *await some(stage, "payment_intent.succeeded"))

    assert PAID == at_once == await end_of(stage, checkout["orderId"])
    assert ["already", "moved"] == sorted(state[1] for state in (await inbox.states()).values())
    text = inbox.parts.telemetry.render("")[0].decode()
    assert 49800 == samples(text, "cubano_revenue_minor_total")["USD", "full-pass"]
    assert 1 == samples(text, "cubano_orders_paid_total")["USD",]
    assert 2 == samples(text, "cubano_tickets_issued_total")["full-pass",]


async def test_the_payment_intents_event_alone_is_enough(stage: Stage, inbox: Inbox):
    """The session's event may be lost: the money is what counts."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)

    await take_in(stage, inbox, *await some(stage, "payment_intent.succeeded"))

    assert PAID == await end_of(stage, checkout["orderId"])


async def test_a_completed_session_that_is_not_paid_waits(stage: Stage, inbox: Inbox):
    """A bank debit: the buyer is done, the money is not there; the seats stay held, no ticket goes out."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, **{"async": "succeed"})

    await take_in(stage, inbox, *await some(stage, "checkout.session.completed"))
    waiting = await end_of(stage, checkout["orderId"])
    await stage.emulator.post("/_emulator/clock", json={"advance": 10})
    await take_in(stage, inbox, *await some(stage, "checkout.session.async_payment_succeeded"))

    assert OPEN | {"order": "processing", "payments": [("processing", 49800)]} == waiting
    assert PAID == await end_of(stage, checkout["orderId"])


async def test_a_bank_debit_that_bounces_frees_the_seats(stage: Stage, inbox: Inbox):
    """The order is canceled, nobody gets a ticket, the seats are on sale again."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, **{"async": "fail"})
    await stage.emulator.post("/_emulator/clock", json={"advance": 10})

    await take_in(stage, inbox, *await told(stage))

    assert CANCELED == await end_of(stage, checkout["orderId"])


async def test_a_session_that_expires_frees_the_seats(stage: Stage, inbox: Inbox):
    """The gateway takes no payment any more, so nobody waits."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.emulator.post(f"/v1/checkout/sessions/{session_id(checkout)}/expire", auth=KEY)

    await take_in(stage, inbox, *await told(stage))

    assert EXPIRED == await end_of(stage, checkout["orderId"])


async def test_a_decline_is_told_and_the_order_stays_open(stage: Stage, inbox: Inbox):
    """The customer reads why, keeps the seats, and pays with another card in the same session."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, NO_FUNDS)
    await take_in(stage, inbox, *await told(stage))
    declined, end = await stage.order(checkout), await end_of(stage, checkout["orderId"])
    await stage.pay(checkout)
    await take_in(stage, inbox, *await told(stage))

    assert OPEN | {"payments": [("failed", 49800)]} == end
    assert "insufficient_funds" == declined["decline"]["category"]
    assert "not enough money" in declined["decline"]["message"]
    assert PAID == await end_of(stage, checkout["orderId"])
    assert (await stage.order(checkout)).get("decline") is None


async def test_a_challenge_is_no_decline(stage: Stage, inbox: Inbox):
    """The bank asks the buyer to authenticate: nothing is lost and nothing is won yet."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, CHALLENGE)

    await take_in(stage, inbox, *await told(stage))

    assert OPEN | {"payments": [("requires_action", 49800)]} == await end_of(stage, checkout["orderId"])


async def test_how_a_challenge_ends_is_counted(stage: Stage, inbox: Inbox):
    """One buyer is not recognised, tries again and is; another is recognised and has no money; a third is never asked."""
    await deaf(stage)
    doubted, poor, trusted = [await ordered(stage, quantity=1) for _ in range(3)]
    await stage.pay(doubted, CHALLENGE, challenge="fail")
    await take_in(stage, inbox, *await told(stage))
    await stage.pay(doubted, CHALLENGE, challenge="complete")
    await stage.pay(poor, CHALLENGE_NO_FUNDS, challenge="complete")
    await stage.pay(trusted)

    await take_in(stage, inbox, *await told(stage))

    counted = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_three_ds_total")
    assert {"challenged": 3, "passed": 2, "failed": 1} == {
        outcome: count for (outcome, provider), count in counted.items() if provider == "stripe"
    }


async def test_what_does_not_concern_us_is_kept_and_ignored(stage: Stage, inbox: Inbox):
    """Unknown types, and payments of other software on the same account, with or without an order id of theirs."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout, DECLINED)
    declined = (await some(stage, "payment_intent.payment_failed"))[0]
    thing = declined["data"]["object"]
    others = [
        event_of("invoice.created"),
        event_of("payment_intent.payment_failed", data={"object": {**thing, "metadata": {}}}),
        event_of("payment_intent.payment_failed", data={"object": {**thing, "metadata": {"order_id": "4711"}}}),
    ]

    await take_in(stage, inbox, *others)

    assert {"ignored"} == {state[0] for state in (await inbox.states()).values()}
    assert OPEN == await end_of(stage, checkout["orderId"])


async def test_another_amount_or_currency_is_for_a_person(stage: Stage, inbox: Inbox):
    """Nothing is fulfilled; after the cause is mended a replay makes the sale."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    paid = (await some(stage, "checkout.session.completed"))[0]
    thing = paid["data"]["object"]
    less = event_of(paid["type"], data={"object": {**thing, "amount_total": 100}})
    other_money = event_of(paid["type"], data={"object": {**thing, "currency": "eur"}})

    await take_in(stage, inbox, less, other_money)
    parked, untouched = await inbox.states(), await end_of(stage, checkout["orderId"])
    right = json.dumps({**less, "data": paid["data"]}).encode()
    await stage.rows("UPDATE payment_events SET payload = :right WHERE event_id = :id", right=right, id=less["id"])
    await stage.rows("UPDATE payment_events SET state = 'pending', attempts = 0 WHERE event_id = :id", id=less["id"])
    await inbox.settle()

    assert {("dead", None, 1, "amount_mismatch")} == set(parked.values())
    odd = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_odd_money_total")
    assert 1 == odd["mismatched", "stripe"]  # one payment, told in two ways
    assert OPEN == untouched
    assert PAID == await end_of(stage, checkout["orderId"])


async def test_an_event_that_lacks_what_its_type_promises_is_parked(stage: Stage, inbox: Inbox):
    """Retrying does not make a field appear: it is dead at once, with its cause, and its bytes are kept."""
    await deaf(stage)
    broken = event_of("checkout.session.completed", data={"object": {"id": "cs_1", "metadata": {"order_id": "ord_1"}}})

    await take_in(stage, inbox, broken)

    assert ("dead", None, 1, "malformed") == (await inbox.states())[broken["id"]]
    assert [(json.dumps(broken).encode(),)] == await stage.rows("SELECT payload FROM payment_events")


async def test_an_event_that_keeps_failing_is_given_up_and_blocks_nobody(stage: Stage, inbox: Inbox):
    """Tried with growing pauses up to a cap, then dead with a cause; the events behind it go on meanwhile."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    paid = (await some(stage, "checkout.session.completed"))[0]
    metadata = {**paid["data"]["object"]["metadata"], "payment_id": "pay_nobody_knows"}
    lost = event_of(paid["type"], data={"object": {**paid["data"]["object"], "metadata": metadata}})

    await deliver(stage, lost)
    await deliver(stage, paid)
    await inbox.apply()
    first = (await inbox.states())[lost["id"]]
    end = await end_of(stage, checkout["orderId"])
    await inbox.settle()
    last = (await inbox.states())[lost["id"]]

    assert ("pending", None, 1, None) == first
    assert PAID == end
    assert ("dead", "waited_in_vain") == (last[0], last[3])
    assert 20 == last[2]
    assert "pay_nobody_knows" in (await stage.rows("SELECT last_error FROM payment_events WHERE state = 'dead'"))[0][0]
