"""Each documented test card does what docs.stripe.com/testing says of it."""

import pytest

from tests.emulator.gateway import eventually

PAYS = [
    # number, brand
    ("4242424242424242", "visa"),
    ("4000056655665556", "visa"),
    ("5555555555554444", "mastercard"),
    ("2223003122003222", "mastercard"),
    ("5200828282828210", "mastercard"),
    ("5105105105105100", "mastercard"),
    ("378282246310005", "amex"),
    ("371449635398431", "amex"),
    ("6011111111111117", "discover"),
    ("3056930009020004", "diners"),
    ("36227206271667", "diners"),
    ("3566002020360505", "jcb"),
    ("6200000000000005", "unionpay"),
    ("4000000000009235", "visa"),  # elevated risk
    ("4000 0000 0000 0077", "visa"),  # spaces are no matter
]
DECLINES = [
    # number, code, decline_code, advice_code
    ("4000000000000002", "card_declined", "generic_decline", "try_again_later"),
    ("4000000000009995", "card_declined", "insufficient_funds", "try_again_later"),
    ("4000000000009987", "card_declined", "lost_card", "do_not_try_again"),
    ("4000000000009979", "card_declined", "stolen_card", "do_not_try_again"),
    ("4000000000000069", "expired_card", "expired_card", "confirm_card_data"),
    ("4000000000000127", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
    ("4000000000000119", "processing_error", "processing_error", "try_again_later"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded", None),
    ("4100000000000019", "card_declined", "fraudulent", None),  # always blocked
    ("4000000000004954", "card_declined", "fraudulent", None),  # highest risk
]
LATER = [
    # number, what it holds in store
    ("4000000000000259", "dispute_fraudulent"),
    ("4000000000002685", "dispute_product_not_received"),
    ("4000000000001976", "inquiry"),
    ("4000000000005423", "early_fraud_warning"),
    ("4000000000007726", "refund_pending_then_succeeded"),
    ("4000000000005126", "refund_succeeded_then_failed"),
    ("4000000000000077", "available_at_once"),
]
REFUSED = [
    # number, code, decline_code
    ("4242424242424241", "incorrect_number", None),
    ("1234", "incorrect_number", None),
    ("4242x24242424242", "incorrect_number", None),
    ("4111111111111111", "card_declined", "test_mode_live_card"),  # passes Luhn, is no test card
]


@pytest.mark.parametrize(("number", "brand"), PAYS)
async def test_a_good_card_pays(gateway, number, brand):
    """The charge knows its brand and last four digits."""
    outcome = await gateway.paid(number)

    charge = await gateway.api.charges.retrieve_async(outcome["charge"])
    card = charge.payment_method_details.card
    assert ("succeeded", "paid") == (outcome["outcome"], outcome["payment_status"])
    assert (brand, number[-4:]) == (card.brand, card.last4)


@pytest.mark.parametrize(("number", "code", "decline_code", "advice_code"), DECLINES)
async def test_a_declined_card_leaves_the_session_open(gateway, number, code, decline_code, advice_code):
    """The reason stands on the intent and its charge; another card pays the same session and intent."""
    session = await gateway.open()

    declined = await gateway.pay(session, number)
    intent = await gateway.api.payment_intents.retrieve_async(declined["payment_intent"], {"expand": ["latest_charge"]})
    paid = await gateway.pay(session)

    error, charge = intent.last_payment_error, intent.latest_charge
    assert ("declined", "open") == (declined["outcome"], declined["status"])
    assert "requires_payment_method" == intent.status
    assert (code, decline_code) == (error.code, error.decline_code)
    assert advice_code == error.to_dict().get("advice_code") == declined["error"]["advice_code"]
    assert ("failed", code) == (charge.status, charge.failure_code)
    assert ("succeeded", intent.id) == (paid["outcome"], paid["payment_intent"])
    assert ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"] == (
        await gateway.event_types()
    )[:3]


@pytest.mark.parametrize("number", ["4100000000000019", "4000000000004954"])
async def test_a_risky_card_is_blocked_before_the_network(gateway, number):
    """The outcome of its charge says blocked, not declined by the issuer."""
    outcome = await gateway.paid(number)

    charge = await gateway.api.charges.retrieve_async(outcome["charge"])
    assert ("blocked", "not_sent_to_network", "highest_risk_level") == (
        charge.outcome.type,
        charge.outcome.network_status,
        charge.outcome.reason,
    )


@pytest.mark.parametrize(("number", "later"), LATER)
async def test_what_a_card_holds_in_store_is_known(gateway, number, later):
    """It pays today; the truth says what is to come."""
    await gateway.paid(number)

    [payment] = (await gateway.truth())["payments"]
    assert ("paid", 41_500, later) == (payment["payment_status"], payment["charged"], payment["later"])


async def test_money_of_0077_is_available_at_once(gateway):
    """Others wait for two days."""
    await gateway.paid("4000000000000077")
    await gateway.paid("4242424242424242")

    listed = await gateway.api.balance_transactions.list_async()
    assert ["pending", "available"] == [movement.status for movement in listed.data]


@pytest.mark.parametrize(("number", "code", "decline_code"), REFUSED)
async def test_a_number_that_is_no_test_card_is_refused(gateway, number, code, decline_code):
    """Before any attempt: no intent, no event."""
    session = await gateway.open()

    outcome = await gateway.pay(session, number)

    assert ("refused", code, decline_code) == (
        outcome["outcome"],
        outcome["error"]["code"],
        outcome["error"]["decline_code"],
    )
    assert outcome["payment_intent"] is None
    assert [] == await gateway.event_types()


async def test_a_challenge_must_be_answered(gateway):
    """Until then the intent requires action and says where the buyer goes."""
    session = await gateway.open()

    asked = await gateway.pay(session, "4000002760003184")
    intent = await gateway.api.payment_intents.retrieve_async(asked["payment_intent"])

    assert ("requires_action", "open") == (asked["outcome"], asked["status"])
    assert intent.next_action.redirect_to_url.url == asked["challenge_url"] == f"{session.url}/challenge"
    assert ["payment_intent.created", "payment_intent.requires_action"] == await gateway.event_types()


CHALLENGES = [
    # number, answer, outcome, code of the error
    ("4000002500003155", "complete", "succeeded", None),
    ("4000002760003184", "complete", "succeeded", None),
    ("4000002760003184", "fail", "declined", "payment_intent_authentication_failure"),
    ("4000008260003178", "complete", "declined", "card_declined"),
    ("4000008260003178", "fail", "declined", "payment_intent_authentication_failure"),
]


@pytest.mark.parametrize(("number", "answer", "outcome", "code"), CHALLENGES)
async def test_the_answer_to_a_challenge_decides(gateway, number, answer, outcome, code):
    """Completed it goes on to the issuer, failed it never reaches it; either way another try is possible."""
    session = await gateway.open()

    said = await gateway.pay(session, number, challenge=answer)

    intent = await gateway.api.payment_intents.retrieve_async(said["payment_intent"])
    assert outcome == said["outcome"]
    assert code == (intent.last_payment_error.code if intent.last_payment_error else None)
    assert ("complete" if outcome == "succeeded" else "open") == said["status"]


async def test_an_authenticated_charge_says_so(gateway):
    """Its details carry the 3-D Secure result."""
    session = await gateway.open()
    await gateway.pay(session, "4000002760003184")

    answer = await gateway.http.post(f"/_emulator/sessions/{session.id}/challenge", json={"challenge": "complete"})
    again = await gateway.http.post(f"/_emulator/sessions/{session.id}/challenge", json={"challenge": "complete"})

    charge = await gateway.api.charges.retrieve_async(answer.json()["charge"])
    assert "authenticated" == charge.payment_method_details.card.three_d_secure.result
    assert 409 == again.status_code


@pytest.mark.parametrize(
    ("answer", "event", "payment_status", "intent_status"),
    [
        ("succeed", "checkout.session.async_payment_succeeded", "paid", "succeeded"),
        ("fail", "checkout.session.async_payment_failed", "unpaid", "requires_payment_method"),
    ],
)
async def test_a_delayed_payment_completes_before_it_is_paid(gateway, answer, event, payment_status, intent_status):
    """Completed and unpaid first; the bank's answer comes as an event of its own."""
    session = await gateway.open()

    said = await gateway.pay(session, None, **{"async": answer})
    at_once = await gateway.event_types()

    async def settled():
        return event in await gateway.event_types()

    await eventually(settled)
    after = await gateway.api.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    assert ("processing", "complete", "unpaid") == (said["outcome"], said["status"], said["payment_status"])
    assert ["payment_intent.processing", "charge.pending", "checkout.session.completed"] == at_once[1:]
    assert ("complete", payment_status, intent_status) == (
        after.status,
        after.payment_status,
        after.payment_intent.status,
    )
