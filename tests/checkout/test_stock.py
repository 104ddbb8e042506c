"""Seats: never sold twice, never refused while some are left, and the counter adds up after every race."""

import asyncio
from collections import Counter
from uuid import uuid4

import httpx
import pytest
import sqlalchemy.exc

from tests.checkout.rows import broken_promises, left_behind, put_on_sale, stock
from tests.stage import Stage, buyer


def wish(*ticket_types: str, quantity: int = 1) -> dict[str, object]:
    return buyer(items=[{"ticketType": each, "quantity": quantity} for each in ticket_types])


def outcomes(answers: list[httpx.Response]) -> Counter[object]:
    return Counter(201 if each.status_code == 201 else each.json()["code"] for each in answers)


AGAIN = {"overloaded", "request_in_flight"}  # nothing else may be told to a customer in a race; a deadlock would be


async def buy(stage: Stage, body: dict[str, object]) -> httpx.Response:
    """As a patient client does: on a busy machine it is told to come again, and comes with the same key."""
    key = uuid4().hex
    while True:
        answer = await stage.checkout(body, key=key)
        if answer.status_code == 201 or answer.json()["code"] not in AGAIN:
            return answer
        await asyncio.sleep(0.3)


async def race(stage: Stage, *wishes: dict[str, object]) -> Counter[object]:
    """All at once, each a customer of its own."""
    return outcomes(await asyncio.gather(*(buy(stage, each) for each in wishes)))


async def test_fifty_customers_race_for_the_last_five(stage):
    """Five hold one, forty-five are told it is sold out, and nothing is left of them."""
    await put_on_sale(stage, "rare", capacity=5)

    seen = await race(stage, *[wish("rare")] * 50)

    assert {201: 5, "sold_out": 45} == seen
    assert (5, 0) == await stock(stage, "rare")
    left = await left_behind(stage)
    assert (5, 5, 5, 5) == (left["orders"], left["holds"], left["payments"], left["idempotency_keys"])
    assert [] == await broken_promises(stage)


async def test_customers_who_want_several_types_never_wait_in_a_circle(stage):
    """Whatever order a cart lists its types in, no deadlock; what is sold adds up for each type."""
    await put_on_sale(stage, "a-night", capacity=9)
    await put_on_sale(stage, "b-night", capacity=7)
    await put_on_sale(stage, "c-night", capacity=11)
    carts = [("a-night", "b-night", "c-night"), ("c-night", "b-night", "a-night"), ("b-night", "c-night", "a-night")]

    seen = await race(stage, *[wish(*carts[number % 3]) for number in range(36)])

    assert {201: 7, "sold_out": 29} == seen  # as many as the scarcest has
    assert [(7, 0)] * 3 == [await stock(stage, each) for each in ("a-night", "b-night", "c-night")]
    assert [] == await broken_promises(stage)


async def test_nobody_is_refused_because_of_one_who_is_refused_himself(stage):
    """A cart that takes the last seats and then fails on another type gives them to the next in line."""
    await put_on_sale(stage, "a-last", capacity=4)
    await put_on_sale(stage, "z-gone", capacity=0)
    doomed = [wish("z-gone", "a-last", quantity=4)] * 16
    modest = [wish("a-last")] * 4

    seen = await race(stage, *(each for pair in zip(doomed, modest * 4, strict=True) for each in pair))

    assert {201: 4, "sold_out": 28} == seen
    assert (4, 0) == await stock(stage, "a-last")


async def test_a_cart_is_held_whole_or_not_at_all(stage):
    """One type sold out: nothing of the others stays held."""
    await put_on_sale(stage, "plenty", capacity=5)
    await put_on_sale(stage, "rare", capacity=1)

    answer = await stage.checkout(
        buyer(items=[{"ticketType": "plenty", "quantity": 2}, {"ticketType": "rare", "quantity": 2}])
    )

    assert (409, "rare") == (answer.status_code, answer.json()["ticketType"])
    assert {} == await left_behind(stage)


@pytest.mark.parametrize(
    ("capacity", "held", "wanted", "expected"),
    [
        (5, 0, 4, None),  # enough
        (4, 0, 4, None),  # exactly enough
        (3, 0, 4, (3, 0, "Only 3 of 'rare' are left.")),
        (3, 2, 2, (1, 2, "Only 1 of 'rare' are left.")),
        (2, 2, 1, (0, 2, "All of 'rare' are sold or held; 2 held ones may come back.")),
        (0, 0, 1, (0, 0, "'rare' is sold out.")),
    ],
)
async def test_sold_out_says_how_many_are_left_and_may_come_back(stage, capacity, held, wanted, expected):
    """So that a page can offer fewer, or to wait."""
    await put_on_sale(stage, "rare", capacity=capacity)
    if held:
        await stage.checkout(wish("rare", quantity=held))

    answer = await stage.checkout(wish("rare", quantity=wanted))

    problem = answer.json()
    assert (201 if expected is None else 409) == answer.status_code
    if expected is not None:
        assert expected == (problem["available"], problem["returning"], problem["detail"])
        assert ("sold_out", "rare", "application/problem+json") == (
            problem["code"],
            problem["ticketType"],
            answer.headers["content-type"],
        )


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE stock SET held = capacity + 1 WHERE ticket_type = 'full-pass'",
        "UPDATE stock SET held = capacity, sold = 1 WHERE ticket_type = 'full-pass'",
        "UPDATE stock SET held = -1 WHERE ticket_type = 'full-pass'",
        "UPDATE stock SET sold = -1 WHERE ticket_type = 'full-pass'",
        "UPDATE stock SET capacity = 1, held = 2 WHERE ticket_type = 'full-pass'",
    ],
)
async def test_the_database_itself_refuses_to_oversell(stage, by_hand):
    """The CHECK is the last word, whoever writes."""
    with pytest.raises(sqlalchemy.exc.IntegrityError, match="ck_stock_within_capacity"):
        await stage.rows(by_hand)


async def test_a_day_with_all_kinds_of_ends_adds_up(stage):
    """Paid, abandoned, refused and failing at the gateway, all at once: every promise holds after it."""
    await put_on_sale(stage, "rare", capacity=10)
    error = {"error": {"status": 400, "commit": False}}
    await stage.faults({"match": {"path": "/v1/checkout/sessions"}, "effects": error, "probability": 0.3}, seed=7)
    answers = await asyncio.gather(*(buy(stage, wish("rare", "full-pass")) for _ in range(30)))
    await stage.faults()
    opened = [each.json() for each in answers if each.status_code == 201]

    async with stage.worker():
        await asyncio.gather(*(stage.pay(each) for each in opened[:3]))
        for each in opened[:3]:
            await stage.order_in(each, "paid")

    assert {201, "gateway_rejected"} <= set(outcomes(list(answers)))
    assert (len(opened) - 3, 3) == await stock(stage, "rare")
    assert [] == await broken_promises(stage)
