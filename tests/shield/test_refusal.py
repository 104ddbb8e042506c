"""A card number on the wire: refused before anything reads it, told plainly, never said back, and counted."""

import json

import pytest

from tests.access.giving import bearer, give
from tests.stage import Stage, buyer
from tests.storefront.visitor import Visitor
from tests.webhooks.delivery import counted, deliver, event_of
from tests.webhooks.fixtures import free_port, metrics_url

__all__ = ["metrics_url"]

CARD = "4000 0566 5566 5556"
DIGITS = CARD.replace(" ", "")
CHECKOUT, CATALOG = "/api/payment/checkout-session", "/api/payment/catalog"


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {"CUBANO_SERVE_METRICS_PORT": str(free_port())}


async def test_it_is_refused_wherever_it_stands(stage: Stage, metrics_url: str):
    """Every field of a body, also one that does not exist; the query, the path, the key, the program's name."""
    key = {"Idempotency-Key": "key-1"}
    named = buyer(customer={"email": "ana@example.org", "name": f"Ana {CARD}"})
    client = stage.client
    answers = [
        await client.post(CHECKOUT, json=named, headers=key),
        await client.post(CHECKOUT, json=buyer(card=DIGITS), headers=key),
        await client.post(CHECKOUT, json=buyer(card=int(DIGITS)), headers=key),
        await client.post(CHECKOUT, json=buyer(**{DIGITS: 1}), headers=key),
        await client.post(CHECKOUT, json=buyer(successUrl=f"https://a.example/{DIGITS}"), headers=key),
        await client.post(CHECKOUT, content=f"not json {CARD}", headers=key),
        await client.post(CHECKOUT, json=buyer(), headers={"Idempotency-Key": DIGITS}),
        await client.get(f"{CATALOG}?q={CARD}"),
        await client.get(CATALOG, params={CARD: "x"}),
        await client.get(f"/api/payment/order/{CARD}"),
        await client.get(CATALOG, headers={"User-Agent": f"curl {DIGITS}"}),
        await client.get(f"/api/payment/order/ord_x?token={DIGITS}", headers=bearer(await give(stage.db, "key"))),
    ]

    for answer in answers:
        problem = answer.json()
        assert (400, "card_number_refused") == (answer.status_code, problem["code"])
        assert "Never send one here" in problem["detail"]
        assert "nothing was stored or logged" in problem["detail"]
        assert DIGITS not in answer.text.replace(" ", "")
    assert len(answers) == (await counted(metrics_url, "cubano_card_numbers_refused_total"))[()]
    assert [(0,)] == await stage.rows("SELECT count(*) FROM orders")


async def test_a_buyer_who_types_it_into_the_form_reads_a_page(stage: Stage):
    """In the language of the form, without the number; the cart is still there."""
    async with Visitor(stage, "es") as visitor:
        await visitor.choose(full_pass=1)
        answer = await visitor.check_out(name=f"Ana {CARD}", email="ana@example.org")
        again = await visitor.check_out()

    assert 400 == answer.status_code
    assert "Guarda el número de tu tarjeta" in answer.text
    assert CARD not in answer.text
    assert 303 == again.status_code


async def test_it_is_in_the_description_of_every_operation_but_the_webhooks(stage: Stage):
    """Whoever reads the API's document knows it."""
    paths = (await stage.client.get("/openapi.json")).json()["paths"]

    told = {path for path, methods in paths.items() if "card_number_refused" in json.dumps(methods)}
    assert {path for path in paths if path.startswith("/api/") and not path.startswith("/api/payment/webhook")} == told


async def test_what_the_gateway_says_is_not_judged(stage: Stage):
    """Its ids and amounts are its own; it is signed."""
    answer = await deliver(stage, event_of(id="evt_x", data={"object": {"id": DIGITS, "note": CARD}}))

    assert 200 == answer.status_code
