"""A wrong request gets an answer that names what is wrong, and leaves nothing behind."""

import httpx
import pytest

from tests.checkout.rows import left_behind, put_on_sale
from tests.checkout.wrong import ADDRESSES, CARRIED, CUSTOMER, KEYS, NOT_JSON, SHAPE, TICKETS, Wrong
from tests.stage import Stage, buyer

TITLES = {"type", "title", "status", "detail", "code", "traceId"}


async def send(stage: Stage, wrong: Wrong) -> httpx.Response:
    given = {"Content-Type": "application/json", "Idempotency-Key": "a-key", **wrong.headers}
    headers = {name: value.encode() for name, value in given.items() if value is not None}
    return await stage.client.post("/api/payment/checkout-session", content=wrong.content, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str, str | None, dict[str, str]]:
    """Status, kind of body, code and the fields named."""
    problem = answer.json() if "json" in answer.headers["content-type"] else {}
    fields = {each["field"]: each["code"] for each in problem.get("errors", [])}
    return answer.status_code, answer.headers["content-type"], problem.get("code"), fields


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(NOT_JSON, id="not JSON"),
        pytest.param(SHAPE, id="another shape"),
        pytest.param(TICKETS, id="tickets"),
        pytest.param(CUSTOMER, id="who buys"),
        pytest.param(ADDRESSES, id="addresses to come back to"),
        pytest.param(KEYS, id="Idempotency-Key"),
        pytest.param(CARRIED, id="how it is sent"),
    ],
)
async def test_a_wrong_request_is_answered_with_what_is_wrong_and_leaves_nothing(stage, table):
    """Each row: its status, its code, each wrong field by its path; no order, hold or key, and no seat taken."""
    await put_on_sale(stage, "euro-pass", currency="EUR")
    await put_on_sale(stage, "withdrawn", on_sale=False)

    answers = {wrong.why: await send(stage, wrong) for wrong in table}

    expected = {each.why: (each.status, "application/problem+json", each.code, each.fields) for each in table}
    assert expected == {why: told(answer) for why, answer in answers.items()}
    assert all(TITLES <= answer.json().keys() for answer in answers.values())
    assert all(len(answer.json()["traceId"]) == 32 for answer in answers.values())
    assert {} == await left_behind(stage)


async def test_an_answer_is_never_much_longer_than_its_request(stage):
    """Thousands of unknown fields, or one of sixty thousand characters, are not sent back in full."""
    many = buyer(**{f"f{number}": 0 for number in range(5_000)})
    long = buyer(**{"x" * 60_000: 0})
    ticket = buyer(items=[{"ticketType": "x" * 60_000, "quantity": 1}])

    answers = [await stage.checkout(body) for body in (many, long, ticket)]

    assert [400, 400, 400] == [answer.status_code for answer in answers]
    assert all(len(answer.content) < 10_000 for answer in answers)


async def test_good_requests_at_the_edge_of_what_is_taken(stage):
    """The most of everything that is still right."""
    good = [
        buyer(items=[{"ticketType": "full-pass", "quantity": 8}]),  # the limit per order
        buyer(customer={"email": "  Ana@EXAMPLE.org ", "name": "a" * 200}),
        # An apostrophe as phones write it, and a joiner inside an emoji, are no control characters.
        buyer(customer={"email": "ana@example.org", "name": "李小龍 O\u2019Neill-Ñandú 👩\u200d👩"}),
        buyer(locale="es", provider="stripe"),
        buyer(provider=None, successUrl=None, cancelUrl=None),
        buyer(successUrl="https://festival.example/thanks?a=1#top", cancelUrl=f"{stage.settings.public_url}/cart"),
        buyer(successUrl="https://festival.example:8443/" + "a" * (2048 - 30)),
    ]

    answers = [await stage.checkout(body) for body in good]
    longest_key = await stage.checkout(key="k" * 255)

    assert [201] * len(good) == [answer.status_code for answer in answers]
    assert 201 == longest_key.status_code


async def test_the_answer_stands_in_words(stage):
    """A problem document of RFC 9457 that a person can read, and nothing of our inside."""
    answer = await stage.checkout(buyer(items=[{"ticketType": "full-pass", "quantity": 9}]))

    problem = answer.json()
    trace_id = problem.pop("traceId")
    assert problem == {
        "type": "/docs/problems#invalid_request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "1 field is not valid.",
        "code": "invalid_request",
        "errors": [{"field": "items[0].quantity", "code": "above_limit", "message": "At most 8 in one order."}],
    }
    assert int(trace_id, 16)
