"""The life of a checkout session, through the vendor's own SDK."""

import asyncio
import time

import pytest
import stripe

from tests.emulator.gateway import line, session_of


async def test_a_new_session_is_open_and_unpaid(gateway):
    """It says back what it was told, sums its lines, and has no payment intent before the first attempt."""
    session = await gateway.open(
        customer_email="ana@example.org", client_reference_id="ord_1", locale="es", expires_at=int(time.time()) + 1900
    )

    assert ("open", "unpaid", None) == (session.status, session.payment_status, session.payment_intent)
    assert (41_500, "usd") == (session.amount_total, session.currency)
    assert ("ana@example.org", "ord_1", "es") == (session.customer_email, session.client_reference_id, session.locale)
    assert session.id.startswith("cs_test_")
    assert session.url == f"{gateway.url}/pay/{session.id}"
    assert {"order_id": "ord_1"} == session.metadata.to_dict()
    assert ["card", "us_bank_account"] == session.payment_method_types


async def test_a_paid_session_is_complete(gateway):
    """Its payment intent carries the metadata it was given, the charge the money, the balance the fee."""
    session = await gateway.open()

    outcome = await gateway.pay(session)

    expand = {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    after = await gateway.api.checkout.sessions.retrieve_async(session.id, expand)
    intent = after.payment_intent
    charge = intent.latest_charge
    assert "succeeded" == outcome["outcome"]
    assert ("complete", "paid", None) == (after.status, after.payment_status, after.url)
    assert {"order_id": "ord_1", "traceparent": "00-1-2-01"} == intent.metadata.to_dict() == charge.metadata.to_dict()
    assert ("succeeded", 41_500) == (intent.status, intent.amount_received)
    assert (41_500, 1_234, 40_266) == tuple(charge.balance_transaction[name] for name in ("amount", "fee", "net"))
    assert [2, 1] == [item.quantity for item in after.line_items.data]


async def test_events_come_in_their_natural_order(gateway):
    """From the intent's birth to the balance, each once."""
    await gateway.paid()

    expected = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ]
    assert expected == await gateway.event_types()


async def test_a_session_can_be_expired_only_while_open(gateway):
    """The second time is an error that names its status."""
    session = await gateway.open()

    expired = await gateway.api.checkout.sessions.expire_async(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`") as again:
        await gateway.api.checkout.sessions.expire_async(session.id)
    assert ("expired", None) == (expired.status, expired.url)
    assert 400 == again.value.http_status
    assert ["checkout.session.expired"] == await gateway.event_types()


async def test_a_complete_session_cannot_be_expired(gateway):
    """Whoever paid first has won; the error says that it is complete."""
    session = await gateway.open()
    await gateway.pay(session)

    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        await gateway.api.checkout.sessions.expire_async(session.id)


async def test_an_expired_session_cannot_be_paid(gateway):
    """Control answers 409 and nothing is charged."""
    session = await gateway.open()
    await gateway.api.checkout.sessions.expire_async(session.id)

    answer = await gateway.http.post(f"/_emulator/sessions/{session.id}/pay", json={"card": "4242424242424242"})

    assert 409 == answer.status_code
    assert {} == (await gateway.truth())["totals"]["charged"]


async def test_a_session_expires_by_the_clock_even_unread(gateway):
    """At 30 minutes, with its event, and its abandoned payment intent is canceled."""
    session = await gateway.open(expires_at=int(time.time()) + 1801)
    await gateway.pay(session, "4000000000000002")

    await gateway.advance(1802)

    after = await gateway.api.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    assert ("expired", "canceled") == (after.status, after.payment_intent.status)
    assert ["payment_intent.canceled", "checkout.session.expired"] == (await gateway.event_types())[-2:]


async def test_two_payments_of_one_session_charge_once(gateway):
    """Ten at the same moment: one succeeds, nine find the session complete."""
    session = await gateway.open()
    pay = f"/_emulator/sessions/{session.id}/pay"

    answers = await asyncio.gather(*(gateway.http.post(pay, json={}) for _ in range(10)))

    assert [200] + [409] * 9 == sorted(answer.status_code for answer in answers)
    assert {"usd": 41_500} == (await gateway.truth())["totals"]["charged"]


async def test_line_items_are_listed_in_order(gateway):
    """Page by page, as they were given."""
    session = await gateway.open(line_items=[line(f"Day {day}", 1_000 + day, 1) for day in range(5)])

    first = await gateway.api.checkout.sessions.line_items.list_async(session.id, {"limit": 3})
    rest = await gateway.api.checkout.sessions.line_items.list_async(
        session.id, {"limit": 3, "starting_after": first.data[-1].id}
    )

    assert [f"Day {day}" for day in range(5)] == [item.description for item in [*first.data, *rest.data]]
    assert (True, False) == (first.has_more, rest.has_more)


async def test_a_free_session_needs_no_payment(gateway):
    """A total of nothing completes without an intent."""
    session = await gateway.open(line_items=[line("Guest pass", 0, 1)])

    outcome = await gateway.pay(session)

    assert ("no_payment_required", None) == (outcome["payment_status"], outcome["payment_intent"])


NOW = int(time.time())
REFUSED = [
    # what is wrong, the parameter named, the code
    ({"mode": "bananas"}, "mode", None),
    ({"success_url": "thanks"}, "success_url", "url_invalid"),
    ({"customer_email": "nobody"}, "customer_email", "email_invalid"),
    ({"line_items": []}, "line_items", "parameter_missing"),
    ({"line_items": [line("Pass", 100, 0)]}, "line_items[0][quantity]", "parameter_invalid_integer"),
    ({"line_items": [line("Pass", 100, -1)]}, "line_items[0][quantity]", "parameter_invalid_integer"),
    ({"line_items": [line("Pass", -5, 1)]}, "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
    ({"line_items": [line("Pass", 10, 1)]}, "line_items", "amount_too_small"),
    ({"line_items": [line("Pass", 10**8, 1)]}, "line_items[0][price_data][unit_amount]", "amount_too_large"),
    ({"line_items": [line("Pass", 100, 1), line("Pass", 100, 1, "eur")]}, "line_items", None),
    ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]", "resource_missing"),
    ({"expires_at": NOW + 600}, "expires_at", None),  # sooner than 30 minutes
    ({"expires_at": NOW + 90_000}, "expires_at", None),  # later than 24 hours
    ({"colour": "red"}, "colour", "parameter_unknown"),
    ({"payment_intent_data": {"colour": "red"}}, "payment_intent_data[colour]", "parameter_unknown"),
    ({"metadata": {"k": "v" * 501}}, "metadata[k]", None),
    ({"payment_method_types": ["card"]}, "payment_method_types", "payment_method_types_no_longer_supported"),
    ({"excluded_payment_method_types": ["card", "us_bank_account"]}, "line_items", None),  # nothing left to pay with
]


@pytest.mark.parametrize(("changes", "param", "code"), REFUSED)
async def test_a_wrong_parameter_is_named(gateway, changes, param, code):
    """400 with type, parameter and code, and no session."""
    given = {"idempotency_key": "first-try"}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.api.checkout.sessions.create_async(session_of(**changes), given)

    corrected = await gateway.api.checkout.sessions.create_async(session_of(), given)  # no key remembers a bad request
    assert (400, param, code) == (refused.value.http_status, refused.value.param, refused.value.code)
    assert [corrected.id] == [row["session"] for row in (await gateway.truth())["payments"]]


async def test_an_older_version_still_takes_payment_method_types(gateway):
    """The version of the request decides, and is said back."""
    client = gateway.client(stripe_version="2025-03-31.basil")

    session = await client.v1.checkout.sessions.create_async(session_of(payment_method_types=["card"]))

    assert ["card"] == session.payment_method_types
    assert "2025-03-31.basil" == gateway.wire.last_headers["stripe-version"]


async def test_methods_are_filtered(gateway):
    """An excluded bank debit is not offered, and cannot be paid with."""
    session = await gateway.open(excluded_payment_method_types=["us_bank_account"])

    answer = await gateway.http.post(f"/_emulator/sessions/{session.id}/pay", json={"async": "succeed"})

    assert ["card"] == session.payment_method_types
    assert 409 == answer.status_code
