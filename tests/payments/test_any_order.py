"""Whatever order the events of a history come in, and however often: the same end.

Each history really happened at the gateway; it told nobody, and the test delivers its events in every order there is,
some of them twice, then applies all of them once more.
"""

import random
from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any

import pytest

from service.kernel.clock import Dial
from tests.payments.history import (
    CANCELED,
    CHALLENGE,
    DECLINED,
    EXPIRED,
    KEY,
    NO_FUNDS,
    PAID,
    REFUNDED,
    end_of,
    ordered,
    refund,
    session_id,
)
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, told

OURS = (
    "checkout.session.",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "refund.",
)


async def paid(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout)


async def declined_twice_then_paid(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout, DECLINED)
    await stage.pay(checkout, NO_FUNDS)
    await stage.pay(checkout)


async def challenged_then_paid(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout, CHALLENGE, challenge="complete")


async def bank_pays_later(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout, **{"async": "succeed"})
    await _ten_seconds_pass(stage)


async def bank_refuses_later(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout, **{"async": "fail"})
    await _ten_seconds_pass(stage)


async def declined_then_expired(stage: Stage, checkout: dict[str, Any]) -> None:
    await stage.pay(checkout, DECLINED)
    (await stage.emulator.post(f"/v1/checkout/sessions/{session_id(checkout)}/expire", auth=KEY)).raise_for_status()


async def refunded_in_two_parts(stage: Stage, checkout: dict[str, Any]) -> None:
    intent = (await stage.pay(checkout))["payment_intent"]
    await refund(stage, intent, 9800)
    await refund(stage, intent)


async def refund_fails_later(stage: Stage, checkout: dict[str, Any]) -> None:
    intent = (await stage.pay(checkout))["payment_intent"]
    given_back = await refund(stage, intent)
    (await stage.emulator.post(f"/_emulator/refunds/{given_back['id']}/fail", json={})).raise_for_status()


History = Callable[[Stage, dict[str, Any]], Awaitable[None]]
HISTORIES: dict[History, dict[str, Any]] = {
    paid: PAID,
    declined_twice_then_paid: PAID,
    challenged_then_paid: PAID,
    bank_pays_later: PAID,
    bank_refuses_later: CANCELED,
    declined_then_expired: EXPIRED,
    refunded_in_two_parts: REFUNDED | {"refunds": [("succeeded", 9800, True), ("succeeded", 40000, True)]},
    refund_fails_later: PAID | {"refunds": [("failed", 49800, True)]},
}
MOST_ORDERS = 10  # of one history; of the longer ones a seeded choice


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
async def test_any_order_of_a_history_ends_the_same(stage: Stage, inbox: Inbox, history: History):
    """One payment, one set of tickets, one mail, the seats where they belong, and every promise kept."""
    dice = random.Random(history.__name__)
    await deaf(stage)
    ends = []
    for order_of_events in _orders(dice, await _length(stage, history)):
        checkout = await ordered(stage)
        await history(stage, checkout)
        events = await _about(stage, checkout)
        await _deliver_in(stage, inbox, [events[n] for n in order_of_events], dice)
        ends.append(await end_of(stage, checkout["orderId"]))

    assert [HISTORIES[history]] * len(ends) == ends
    assert [] == await inbox.broken()


async def _ten_seconds_pass(stage: Stage) -> None:
    """There and here: a gateway whose clock ran away from ours would refuse our sessions."""
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(10)
    (await stage.emulator.post("/_emulator/clock", json={"advance": 10})).raise_for_status()


async def _length(stage: Stage, history: History) -> int:
    checkout = await ordered(stage)
    await history(stage, checkout)
    return len(await _about(stage, checkout))


async def _about(stage: Stage, checkout: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of this order that mean something to us; a refund knows its order through its payment only."""
    events = [event for event in await told(stage) if event["type"].startswith(OURS)]
    mine = {checkout["orderId"]}
    for event in events:
        thing = event["data"]["object"]
        if thing["metadata"].get("order_id") in mine:
            mine |= {thing["id"], thing.get("payment_intent")} - {None}
    return [
        event
        for event in events
        if {event["data"]["object"]["metadata"].get("order_id"), event["data"]["object"].get("payment_intent")} & mine
    ]


def _orders(dice: random.Random, length: int) -> list[tuple[int, ...]]:
    every = list(permutations(range(length)))
    if len(every) <= MOST_ORDERS:
        return every
    return [every[0], every[-1], *dice.sample(every[1:-1], MOST_ORDERS - 2)]


async def _deliver_in(stage: Stage, inbox: Inbox, events: list[dict[str, Any]], dice: random.Random) -> None:
    for event in events:
        for _ in range(dice.choice((1, 1, 2))):
            (await deliver(stage, event)).raise_for_status()
        if dice.random() < 0.7:  # sometimes several wait together
            await inbox.apply()
    await inbox.settle()
    # and everything once more, as `cubano inbox replay` would
    ids = [event["id"] for event in events]
    again = "UPDATE payment_events SET state = 'pending', attempts = 0, due_at = received_at WHERE event_id = ANY(:ids)"
    await stage.rows(again, ids=ids)
    await inbox.settle()
