"""The hosted pay page, as a browser without scripts sees it."""

import asyncio
import re

import pytest

GOOD = {"method": "card", "number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "Ana Pérez"}
DECLINED = {**GOOD, "number": "4000000000000002"}


async def show(gateway, session, **headers):
    return await gateway.http.get(f"/pay/{session.id}", headers=headers)


async def send(gateway, session, form, *, attempt: int = 0, path: str = ""):
    return await gateway.http.post(f"/pay/{session.id}{path}", data={"attempt": str(attempt), **form})


async def test_it_shows_what_is_bought_and_that_it_is_a_stand_in(gateway):
    """Merchant, lines, total, the way back, the banner and the test cards; no script, nothing from elsewhere."""
    session = await gateway.open(customer_email="ana@example.org")

    page = await show(gateway, session)

    for words in ("A Lo Cubano Boulder Fest", "Full pass", "Saturday social", "$415.00", "ana@example.org"):
        assert words in page.text
    assert "Test stand-in" in page.text
    assert "4000 0000 0000 0002" in page.text
    assert 'href="http://127.0.0.1:9/cart"' in page.text
    assert "<script" not in page.text
    assert [] == re.findall(r"(?:src|@import|url\()\s*=?", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_each_field_has_a_label(gateway):
    """Every visible input is named by a label of its own."""
    page = (await show(gateway, await gateway.open())).text

    fields = set(re.findall(r'<input id="([\w-]+)"', page))
    assert fields
    assert fields == set(re.findall(r'<label for="([\w-]+)"', page))


@pytest.mark.parametrize(
    ("locale", "accept", "words"),
    [("es", "en", "Pagar $415.00"), ("en", "es", "Pay $415.00"), ("auto", "es-MX", "Pagar"), (None, "de", "Pay $")],
)
async def test_it_speaks_the_buyers_language(gateway, locale, accept, words):
    """The session's locale first, the browser's when that is open, English else."""
    session = await gateway.open(**({"locale": locale} if locale else {}))

    page = await show(gateway, session, **{"accept-language": accept})

    assert words in page.text


async def test_a_payment_leads_back_to_the_shop(gateway):
    """303 to the success URL with the session's id in it; the page itself leads there too from now on."""
    session = await gateway.open(customer_email="ana@example.org")

    paid = await send(gateway, session, GOOD)
    again = await show(gateway, session)

    thanks = f"http://127.0.0.1:9/thanks?session={session.id}"
    assert (303, thanks) == (paid.status_code, paid.headers["location"])
    assert (303, thanks) == (again.status_code, again.headers["location"])
    after = await gateway.api.checkout.sessions.retrieve_async(session.id)
    assert ("Ana Pérez", "ana@example.org") == (after.customer_details.name, after.customer_details.email)


async def test_a_decline_stays_and_another_card_pays(gateway):
    """The message says what happened and that nothing was charged; what was typed is kept but for the number."""
    session = await gateway.open(customer_email="ana@example.org")

    declined = await send(gateway, session, DECLINED)
    paid = await send(gateway, session, GOOD, attempt=1)

    assert 200 == declined.status_code
    assert 'role="alert"' in declined.text
    assert "Your card was declined" in declined.text
    assert "You have not been charged" in declined.text
    assert 'value="Ana Pérez"' in declined.text
    assert "4000000000000002" not in re.sub(r"<aside.*</aside>", "", declined.text, flags=re.DOTALL)
    assert 303 == paid.status_code


async def test_a_lost_card_is_told_like_any_decline(gateway):
    """Whoever holds it need not know that it was reported."""
    session = await gateway.open(locale="es", customer_email="ana@example.org")

    declined = await send(gateway, session, {**GOOD, "number": "4000000000009987"})

    assert "Tu tarjeta ha sido rechazada" in declined.text
    assert "lost" not in declined.text


async def test_a_double_submit_charges_once(gateway):
    """Five submits at once of one form: one payment, five buyers led back to the shop."""
    session = await gateway.open(customer_email="ana@example.org")

    answers = await asyncio.gather(*(send(gateway, session, GOOD) for _ in range(5)))

    assert [303] * 5 == [answer.status_code for answer in answers]
    assert 1 == (await gateway.event_types()).count("charge.succeeded")


async def test_a_double_submit_of_a_declined_card_tries_once(gateway):
    """The second one shows how it stands."""
    session = await gateway.open(customer_email="ana@example.org")

    first = await send(gateway, session, DECLINED)
    second = await send(gateway, session, DECLINED)

    assert "Your card was declined" in first.text
    assert "Your card was declined" in second.text
    assert 1 == (await gateway.event_types()).count("charge.failed")


WRONG = [
    # field, what was typed, what stands beside it
    ("number", "4242424242424241", "Your card number is incorrect."),
    ("number", "", "Your card number is incorrect."),
    ("number", "4111111111111111", "This is no test card."),
    ("expiry", "13/34", "Enter the expiry date as MM / YY."),
    ("expiry", "soon", "Enter the expiry date as MM / YY."),
    ("expiry", "01/20", "expiry date is in the past"),
    ("cvc", "12", "security code is incomplete"),
    ("name", "", "Enter the name."),
    ("email", "nobody", "Enter an email address."),
]


@pytest.mark.parametrize(("field", "typed", "words"), WRONG)
async def test_a_wrong_field_is_named_beside_it(gateway, field, typed, words):
    """Marked for screen readers, and nothing is tried."""
    session = await gateway.open()

    page = await send(gateway, session, {"email": "ana@example.org", **GOOD, field: typed})

    assert words in page.text.replace("&#39;", "'")
    assert f'aria-describedby="{field}-wrong"' in page.text
    assert [] == await gateway.event_types()


async def test_american_express_has_four_digits(gateway):
    """Three are too few for it."""
    session = await gateway.open(customer_email="ana@example.org")

    page = await send(gateway, session, {**GOOD, "number": "378282246310005"})

    assert "security code is incomplete" in page.text


@pytest.mark.parametrize(("answer", "status"), [("complete", 303), ("fail", 200)])
async def test_a_challenge_asks_the_buyer(gateway, answer, status):
    """A page with two buttons; completed leads to the shop, failed back to the form with the reason."""
    session = await gateway.open(customer_email="ana@example.org")

    asked = await send(gateway, session, {**GOOD, "number": "4000002760003184"})
    page = await gateway.http.get(asked.headers["location"])
    after = await send(gateway, session, {"answer": answer}, path="/challenge")

    assert (303, f"{session.url}/challenge") == (asked.status_code, asked.headers["location"])
    assert "$415.00" in page.text
    assert "3184" in page.text
    assert status == after.status_code
    assert ("Your bank could not confirm it was you" in after.text) is (answer == "fail")


async def test_a_challenge_answered_twice_charges_once(gateway):
    """Both lead to the shop."""
    session = await gateway.open(customer_email="ana@example.org")
    await send(gateway, session, {**GOOD, "number": "4000002760003184"})

    answers = await asyncio.gather(
        *(send(gateway, session, {"answer": "complete"}, path="/challenge") for _ in range(3))
    )

    assert [303] * 3 == [answer.status_code for answer in answers]
    assert 1 == (await gateway.event_types()).count("charge.succeeded")


async def test_a_bank_debit_is_taken_by_the_page(gateway):
    """Completed at once, paid later."""
    session = await gateway.open(customer_email="ana@example.org")

    done = await send(gateway, session, {"method": "bank", "account": "000123456789", "name": "Ana Pérez"})

    assert 303 == done.status_code
    assert "unpaid" == (await gateway.api.checkout.sessions.retrieve_async(session.id)).payment_status


async def test_an_expired_page_says_so(gateway):
    """With the way back to the shop; a form that comes too late charges nothing."""
    session = await gateway.open(customer_email="ana@example.org")
    await gateway.api.checkout.sessions.expire_async(session.id)

    page = await show(gateway, session)
    late = await send(gateway, session, GOOD)

    for answer in (page, late):
        assert "This payment page has expired" in answer.text
        assert "http://127.0.0.1:9/cart" in answer.text
    assert {} == (await gateway.truth())["totals"]["charged"]


async def test_a_page_that_never_was_is_404(gateway):
    """Any of its paths, in words for people."""
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/challenge"), ("POST", "/challenge")):
        answer = await gateway.http.request(method, f"/pay/cs_test_none{path}", data={} if method == "POST" else None)

        assert 404 == answer.status_code
        assert "There is no such payment page" in answer.text


async def test_a_chosen_test_card_fills_the_form(gateway):
    """By a link, without scripts."""
    session = await gateway.open()

    page = await gateway.http.get(f"/pay/{session.id}?card=4242424242424242")

    assert 'value="4242 4242 4242 4242"' in page.text
    assert 'value="12 / 34"' in page.text


async def test_hostile_words_are_shown_as_words(gateway):
    """A line item or a name with markup in it stays text."""
    session = await gateway.open()
    evil = '"><script>alert(1)</script>'

    page = await send(gateway, session, {**GOOD, "name": evil, "cvc": "1", "email": "a@b.co"})

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_the_receipt_names_the_payment(gateway):
    """What was paid, and what was refunded of it."""
    outcome = await gateway.paid()
    await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 1_500})
    charge = await gateway.api.charges.retrieve_async(outcome["charge"])

    page = await gateway.http.get(charge.receipt_url)

    assert "$415.00" in page.text
    assert "Refunded: $15.00" in page.text
