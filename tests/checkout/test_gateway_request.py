"""What the gateway is asked for, as it received it."""

import re
from datetime import UTC, datetime, timedelta

from tests.idempotency.crashes import gateway_session, sessions
from tests.stage import API_KEY, Stage, buyer
from tests.vault.reading import requests_of

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")
LONGEST_HOLD_S = 1500  # CUBANO_HOLD_SECONDS can be no longer


async def received(stage: Stage) -> dict[str, object]:
    """The one session that is open at the gateway."""
    (only,) = await sessions(stage)
    return await gateway_session(stage, only["session"])


async def line_items(stage: Stage, session_id: object) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = await stage.emulator.get(f"/v1/checkout/sessions/{session_id}/line_items", headers=headers)
    return answer.json()["data"]


async def test_the_answer_says_where_to_pay_until_when_and_how_much(stage):
    """The whole answer of the contract, and nothing else."""
    before = datetime.now(UTC)

    checkout = (await stage.checkout()).json()

    expires_at = datetime.fromisoformat(checkout.pop("expiresAt"))
    session = await received(stage)
    assert timedelta(seconds=595) < expires_at - before < timedelta(seconds=605)
    assert re.fullmatch(r"ord_[0-9a-z]{26}", checkout.pop("orderId"))
    assert re.fullmatch(r"ALC-[0-9A-Z]{4}-[0-9A-Z]{4}", checkout.pop("orderNumber"))
    assert re.fullmatch(r"[\w-]{43}", checkout.pop("accessToken"))
    assert checkout == {
        "provider": "stripe",
        "checkoutUrl": session["url"],
        "total": {"minor": 49_800, "currency": "USD"},
    }


async def test_prices_are_the_catalogues(stage):
    """Name in the buyer's language, price and currency of the catalogue, in the order of the cart."""
    items = [{"ticketType": "saturday-day", "quantity": 1}, {"ticketType": "full-pass", "quantity": 2}]

    checkout = (await stage.checkout(buyer(items=items, locale="es"))).json()

    session = await received(stage)
    lines = await line_items(stage, session["id"])
    assert [("Sábado", 1, 10_900), ("Pase Completo", 2, 49_800)] == [
        (line["description"], line["quantity"], line["amount_total"]) for line in lines
    ]
    assert (60_700, "usd") == (session["amount_total"], session["currency"])
    assert {"minor": 60_700, "currency": "USD"} == checkout["total"]


async def test_a_price_that_changes_later_does_not_change_an_order(stage):
    """What was shown is what is asked for, also when the page is opened again."""
    checkout = (await stage.checkout()).json()
    await stage.rows("UPDATE ticket_types SET price_minor = 1")

    order = await stage.order(checkout)

    assert (24_900, 49_800) == (order["items"][0]["unitPrice"]["minor"], order["total"]["minor"])


async def test_the_buyer_is_known_to_the_page(stage):
    """E-mail and language, so that nobody types them twice; our ids in the places for them."""
    checkout = (await stage.checkout(buyer(locale="es"))).json()

    session = await received(stage)
    assert ("ana@example.org", "es", "payment") == (session["customer_email"], session["locale"], session["mode"])
    assert checkout["orderId"] == session["client_reference_id"]


async def test_session_and_payment_intent_carry_our_ids_and_the_trace(stage):
    """Set on both, because a session's metadata does not flow to its payment intent; the trace is the click's."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"Idempotency-Key": "a-key", "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    answer = await stage.client.post("/api/payment/checkout-session", json=buyer(), headers=headers)
    checkout = answer.json()
    await stage.pay(checkout)

    (truth,) = await sessions(stage)
    metadata = truth["metadata"]
    (payment_id, traceparent), *_ = await stage.rows(
        "SELECT payments.id, traceparent FROM payments JOIN orders ON orders.id = order_id"
    )
    assert metadata == truth["payment_intent_metadata"]
    assert metadata == {
        "order_id": checkout["orderId"],
        "order_number": checkout["orderNumber"],
        "payment_id": payment_id,
        "traceparent": traceparent,
    }
    assert TRACEPARENT.fullmatch(traceparent)
    assert answer.headers["traceresponse"].split("-")[1] == traceparent.split("-")[1]


async def test_the_page_outlives_our_hold_and_is_not_refused_for_being_too_short(stage):
    """The gateway takes thirty minutes at least, also when the same request is sent again at the end of the longest hold."""
    checkout = (await stage.checkout()).json()

    session = await received(stage)
    expires_at, created = (int(str(session[name])) for name in ("expires_at", "created"))
    lifetime_s = expires_at - created
    assert 30 * 60 + LONGEST_HOLD_S <= lifetime_s <= 60 * 60
    assert datetime.fromisoformat(checkout["expiresAt"]).timestamp() < expires_at


async def test_the_payment_is_the_idempotency_key(stage):
    """The gateway knows the key: another request under it is refused there."""
    await stage.checkout()
    payment_id = (await stage.rows("SELECT id FROM payments"))[0][0]

    answer = await stage.emulator.post(
        "/v1/checkout/sessions",
        headers={"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": payment_id},
        data={"mode": "payment"},
    )

    assert "idempotency_error" == answer.json()["error"]["type"]


async def test_the_buyer_comes_back_to_the_order_page(stage):
    """In the buyer's language, with the token that opens it; unless the client has pages of its own."""
    checkout = (await stage.checkout(buyer(locale="es"))).json()
    session = await received(stage)
    await stage.emulator.post("/_emulator/reset")
    mine = {
        "successUrl": "https://festival.example/thanks?{CHECKOUT_SESSION_ID}",
        "cancelUrl": "https://festival.example/",
    }
    await stage.checkout(buyer(**mine))
    own = await received(stage)

    page = f"{stage.settings.public_url}/es/order/{checkout['orderId']}?token={checkout['accessToken']}"
    assert (page, f"{page}&canceled=1") == (session["success_url"], session["cancel_url"])
    assert (mine["successUrl"], mine["cancelUrl"]) == (own["success_url"], own["cancel_url"])


async def test_what_was_sent_is_what_is_stored(stage):
    """The intent row holds the request to the letter, sealed, and no secret of ours."""
    await stage.checkout()

    (request,) = await requests_of(stage)
    session = await received(stage)
    assert request["metadata"] == session["metadata"]
    assert request["expires_at"] == session["expires_at"]
    assert API_KEY not in str(request)
