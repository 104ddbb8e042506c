"""Paying a session without its page, as the vendor's command line does it."""

import pytest

AUTH = ("sk_test_emulator_tests", "")


async def post(gateway, path, **form):
    answer = await gateway.http.post(path, data=form, auth=AUTH)
    if gateway.shapes is not None:
        gateway.shapes.check(answer.json())
    return answer


async def confirm(gateway, session, **form):
    return await post(gateway, f"/v1/payment_pages/{session.id}/confirm", **form)


async def test_the_fixture_of_the_vendors_command_line_works(gateway):
    """Look at the page, make a payment method from a token, confirm with the amount."""
    session = await gateway.open()
    page = (await gateway.http.get(f"/v1/payment_pages/{session.id}", auth=AUTH)).json()
    billing = {"billing_details[name]": "Jenny Rosen", "billing_details[email]": "jenny@example.com"}
    method = (await post(gateway, "/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}, **billing)).json()

    paid = await confirm(gateway, session, payment_method=method["id"], expected_amount=str(page["amount_total"]))

    assert ("complete", "paid") == (paid.json()["status"], paid.json()["payment_status"])
    assert "jenny@example.com" == paid.json()["customer_details"]["email"]
    assert "checkout.session.completed" in await gateway.event_types()


@pytest.mark.parametrize(
    ("form", "payment_status"),
    [
        ({"payment_method": "pm_card_visa"}, "paid"),
        ({"payment_method_data[type]": "card", "payment_method_data[card][number]": "4242424242424242"}, "paid"),
        ({"payment_method": "pm_usBankAccount_success"}, "unpaid"),
        ({"payment_method": "pm_card_threeDSecure2Required"}, "unpaid"),
    ],
)
async def test_a_method_may_be_named_or_given(gateway, form, payment_status):
    """By the test names, by number, by a bank; a challenge leaves the session open."""
    session = await gateway.open()

    answer = await confirm(gateway, session, **form)

    assert (200, payment_status) == (answer.status_code, answer.json()["payment_status"])


async def test_a_decline_is_402(gateway):
    """In the card's words; the session stays open for another."""
    session = await gateway.open()

    declined = await confirm(gateway, session, payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")
    paid = await confirm(gateway, session, payment_method="pm_card_visa")

    error = declined.json()["error"]
    assert (402, "card_error", "insufficient_funds") == (declined.status_code, error["type"], error["decline_code"])
    assert "complete" == paid.json()["status"]


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, "parameter_missing"),
        ({"payment_method": "pm_none"}, 404, "resource_missing"),
        ({"payment_method": "pm_card_visa", "expected_amount": "1"}, 400, "checkout_amount_mismatch"),
        ({"payment_method_data[card][number]": "4242424242424241"}, 402, "incorrect_number"),
        ({"payment_method_data[card][token]": "tok_none"}, 404, "resource_missing"),
        ({"payment_method": "pm_card_visa", "colour": "red"}, 400, "parameter_unknown"),
    ],
)
async def test_a_wrong_confirmation_is_refused(gateway, form, status, code):
    """And nothing has happened."""
    session = await gateway.open()

    answer = await confirm(gateway, session, **form)

    assert (status, code) == (answer.status_code, answer.json()["error"].get("code"))
    assert [] == await gateway.event_types()


async def test_only_an_open_session_can_be_paid(gateway):
    """Neither a paid one nor an unknown one."""
    session = await gateway.open()
    await gateway.pay(session)

    again = await confirm(gateway, session, payment_method="pm_card_visa")
    unknown = await post(gateway, "/v1/payment_pages/cs_none/confirm", payment_method="pm_card_visa")
    no_type = await post(gateway, "/v1/payment_methods", **{"card[number]": "4242424242424242"})

    assert (400, 404, 400) == (again.status_code, unknown.status_code, no_type.status_code)
    assert 1 == len((await gateway.api.charges.list_async()).data)
