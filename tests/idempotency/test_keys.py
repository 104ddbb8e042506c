"""One key is one order: however often, however fast and through whatever crash the same request comes."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from service.idempotency import flow as idempotency
from service.kernel.clock import utc_now
from tests.checkout.rows import broken_promises, left_behind, put_on_sale, statuses, stock
from tests.idempotency.crashes import (
    KEY,
    abandon_key,
    die_after_reserving,
    die_before_asking,
    die_before_noting,
    sessions,
)
from tests.stage import Stage, buyer

ONE_PASS = [{"ticketType": "full-pass", "quantity": 1}]


async def seen(stage: Stage) -> tuple[int, int]:
    """How many orders here, and how many sessions at the gateway."""
    return (await stage.rows("SELECT count(*) FROM orders"))[0][0], len(await sessions(stage))


async def test_the_same_request_gets_the_same_answer(stage):
    """To the letter, as often as it comes, without asking the gateway again."""
    first, second, third = [await stage.checkout(key=KEY) for _ in range(3)]

    assert [201, 201, 201] == [first.status_code, second.status_code, third.status_code]
    assert first.content == second.content == third.content
    assert (1, 1) == await seen(stage)


async def test_the_same_request_in_another_spelling_is_the_same(stage):
    """Order of fields, spaces, the host's case and a null are spelling; what is asked for is the same."""
    first = await stage.checkout(buyer(items=ONE_PASS), key=KEY)
    spelled = {
        "locale": "en",
        "provider": None,
        "customer": {"name": " Ana Pérez ", "email": "ana@EXAMPLE.org"},
        "items": [{"quantity": 1, "ticketType": "full-pass"}],
    }

    second = await stage.checkout(spelled, key=KEY)

    assert first.json() == second.json()


@pytest.mark.parametrize(
    "change",
    [
        {"items": ONE_PASS},
        {"customer": {"email": "bo@example.org", "name": "Ana Pérez"}},
        {"customer": {"email": "ana@example.org", "name": "Bo"}},
        {"locale": "es"},
        {"successUrl": "https://festival.example/thanks"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_same_key_with_another_request_is_refused(stage, change):
    """422: a key that was used by mistake must not answer somebody else's order."""
    first = (await stage.checkout(key=KEY)).json()

    answer = await stage.checkout(buyer(**change), key=KEY)

    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])
    assert first["orderId"] not in answer.text
    assert (1, 1) == await seen(stage)


async def test_twenty_at_once_make_one_order(stage):
    """One opens it; the others get the same answer, or are told when to come again."""
    answers = await asyncio.gather(*(stage.checkout(key=KEY) for _ in range(20)))

    opened = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert 20 == len(opened) + len(waiting)
    assert 1 == len({answer.content for answer in opened})
    assert {"request_in_flight"} >= {answer.json()["code"] for answer in waiting}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 5 for answer in waiting)
    assert (1, 1) == await seen(stage)
    assert (2, 0) == await stock(stage)


async def test_a_request_that_is_still_being_worked_on_is_told_to_wait(stage):
    """409 with Retry-After while the gateway takes its time; afterwards the same answer."""
    await stage.faults({"match": {"path": "/v1/checkout/sessions"}, "effects": {"latency_ms": 700}, "times": 1})
    first = asyncio.create_task(stage.checkout(key=KEY))
    await stage.until(lambda: stage.rows("SELECT 1 FROM payments"))

    meanwhile = await stage.checkout(key=KEY)
    other = await stage.checkout(buyer(locale="es"), key=KEY)
    opened = await first
    afterwards = await stage.checkout(key=KEY)

    assert (409, "request_in_flight") == (meanwhile.status_code, meanwhile.json()["code"])
    assert 1 <= int(meanwhile.headers["Retry-After"]) <= 5
    assert (422, "idempotency_key_reused") == (other.status_code, other.json()["code"])
    assert (201, opened.content) == (afterwards.status_code, afterwards.content)


@pytest.mark.parametrize("die", [die_after_reserving, die_before_asking, die_before_noting])
async def test_a_crash_does_not_block_the_key_or_make_a_second_order(stage, die):
    """Whoever comes after the lease goes on with the same order and ends with one page, wherever `serve` had died."""
    first = (await stage.checkout(key=KEY)).json()
    await die(stage)

    second = (await stage.checkout(key=KEY)).raise_for_status().json()
    again = (await stage.checkout(key=KEY)).raise_for_status().json()

    assert (first["orderId"], first["accessToken"]) == (second["orderId"], second["accessToken"])
    assert second == again
    assert (1, 1) == await seen(stage)
    assert ("awaiting_payment", ["created"]) == await statuses(stage, first["orderId"])
    assert (2, 0) == await stock(stage)
    assert [("done",)] == await stage.rows("SELECT state FROM idempotency_keys")
    assert [] == await broken_promises(stage)


async def test_after_a_crash_the_stored_request_is_sent_again_under_its_own_key(stage):
    """The page that was open already is found again, instead of a second one being opened."""
    first = (await stage.checkout(key=KEY)).json()
    before = await sessions(stage)
    await die_before_noting(stage)

    second = (await stage.checkout(key=KEY)).json()

    assert first == second
    assert before == await sessions(stage)


async def test_before_its_lease_runs_out_a_crashed_key_is_in_flight(stage):
    """Its holder may still live."""
    await stage.checkout(key=KEY)
    await stage.rows("UPDATE idempotency_keys SET state = 'in_flight'")

    answer = await stage.checkout(key=KEY)

    assert (409, "5") == (answer.status_code, answer.headers["Retry-After"])


@pytest.mark.parametrize(
    "closed",
    [
        pytest.param("UPDATE orders SET expires_at = now() - interval '1 second'", id="its hold has run out"),
        pytest.param("UPDATE orders SET status = 'expired'", id="it has expired"),
        pytest.param("UPDATE orders SET status = 'canceled'", id="it was canceled"),
    ],
)
async def test_an_abandoned_key_of_a_closed_order_starts_over(stage, closed):
    """A page is never opened for seats that may be somebody else's by now; the customer gets a new order."""
    first = (await stage.checkout(key=KEY)).json()
    await die_before_asking(stage)
    await stage.rows(closed)

    second = (await stage.checkout(key=KEY)).raise_for_status().json()

    assert first["orderId"] != second["orderId"]
    assert [second["orderId"]] == [each["client_reference_id"] for each in await sessions(stage)]
    assert second == (await stage.checkout(key=KEY)).json()


@pytest.mark.parametrize("outcome", [{}, {"error": {"status": 400}}], ids=["the page is opened", "it is refused"])
async def test_who_lost_the_key_changes_nothing(stage, outcome):
    """A request slower than its lease finds that another has taken over, and leaves that one's order alone."""
    effects = {"latency_ms": 600, **outcome}
    await stage.faults({"match": {"path": "/v1/checkout/sessions"}, "effects": effects, "times": 1})
    slow = asyncio.create_task(stage.checkout(key=KEY))
    await stage.until(lambda: stage.rows("SELECT 1 FROM payments"))
    await abandon_key(stage)
    await stage.rows("UPDATE idempotency_keys SET leased_until = now() + interval '20 seconds'")

    answer = await slow

    assert (502 if outcome else 409) == answer.status_code
    assert [("in_flight",)] == await stage.rows("SELECT state FROM idempotency_keys")
    assert [("awaiting_payment",)] == await stage.rows("SELECT status FROM orders")


async def test_a_key_is_free_again_after_sold_out(stage):
    """Nothing came of it; when seats come back the same request succeeds."""
    await put_on_sale(stage, "rare", capacity=0)
    wish = buyer(items=[{"ticketType": "rare", "quantity": 1}])
    refused = await stage.checkout(wish, key=KEY)
    nothing = await left_behind(stage)
    await stage.rows("UPDATE stock SET capacity = 1 WHERE ticket_type = 'rare'")

    answer = await stage.checkout(wish, key=KEY)

    assert (409, {}) == (refused.status_code, nothing)
    assert 201 == answer.status_code


async def test_a_key_is_free_again_after_the_gateway_failed(stage):
    """The second try is a new order; the first is canceled and holds nothing."""
    wish = buyer(provider="stripe")
    await stage.faults({"match": {"path": "/v1/*"}, "effects": {"error": {"status": 500}}})
    refused = await stage.checkout(wish, key=KEY)
    await stage.faults()

    answer = await stage.checkout(wish, key=KEY)

    assert (503, 201) == (refused.status_code, answer.status_code)
    assert Counter(canceled=1, awaiting_payment=1) == Counter(
        row[0] for row in await stage.rows("SELECT status FROM orders")
    )
    assert (2, 0) == await stock(stage)


async def test_a_key_is_free_again_after_a_wrong_request(stage):
    """Who sends nonsense first may mend it under the same key."""
    wrong = await stage.checkout(buyer(locale="fr"), key=KEY)

    answer = await stage.checkout(key=KEY)

    assert (400, 201) == (wrong.status_code, answer.status_code)


async def test_keys_are_forgotten_after_a_week(stage):
    """Then the same key is a new one, and its old order stays as it was."""
    first = (await stage.checkout(key=KEY)).json()
    await stage.checkout(key="a-younger-one")
    week = idempotency.KEPT - timedelta(minutes=1), idempotency.KEPT + timedelta(minutes=1)
    for key, age in zip(("a-younger-one", KEY), week, strict=True):
        await stage.rows("UPDATE idempotency_keys SET created_at = :at WHERE key = :key", at=utc_now() - age, key=key)

    async with stage.db.transaction() as session:
        forgotten = await idempotency.forget_old(session)
    second = (await stage.checkout(key=KEY)).json()

    assert 1 == forgotten
    assert first["orderId"] != second["orderId"]
    assert 3 == (await seen(stage))[0]
