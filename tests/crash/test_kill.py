"""kill -9 at any moment: no paid order without tickets, no ticket without payment, no event lost, one mail an order.

Customers buy while `serve` and `work` are killed at seeded moments. A killed process leaves leases behind; instead of
waiting for them the test lets their time run out, which is exactly what is true once their holder is dead.
"""

import asyncio
import random
from typing import Any

import httpx
import psycopg
import pytest

from tests.crash.system import Mailbox, System, system

ORDERS = 20
KILLS = 5
GATEWAY_KEY = ("sk_test_cubano", "")
LEASES = {
    "serve": "UPDATE idempotency_keys SET leased_until = now() WHERE state = 'in_flight'",
    "work": "UPDATE outbox SET leased_until = now() WHERE leased_until > now()",
}


@pytest.mark.parametrize("seed", [2026])
async def test_nothing_is_lost_or_doubled_by_a_kill(database_url, tmp_path, seed):
    """Twenty customers, five kills, then peace: all that was paid is fulfilled, once."""
    mailbox = Mailbox()
    async with system(database_url, tmp_path, mailbox) as running:
        buying = [asyncio.create_task(_buy(running, number, seed)) for number in range(ORDERS)]
        await _kill_now_and_then(running, database_url, random.Random(seed))
        async with asyncio.timeout(40):
            bought = await asyncio.gather(*buying)
        await _until_quiet(database_url)
        truth = await _of_gateway(running, "/_emulator/truth")
        events = await _all_events(running)
        found = running.cubano("invariants")
        codes = [running.stop("work"), running.stop("serve")]

    async with await psycopg.AsyncConnection.connect(database_url) as db:
        tickets = "SELECT order_id, count(*) FROM tickets WHERE status = 'valid' GROUP BY 1"
        assert dict.fromkeys(bought, 2) == dict(await _all(db, tickets))
        paid = [each["metadata"]["order_id"] for each in truth["payments"] if each["payment_status"] == "paid"]
        assert sorted(bought) == sorted(paid)  # nobody has paid twice
        assert [("paid", ORDERS)] == await _all(db, "SELECT status, count(*) FROM orders GROUP BY 1")
        stored = {row[0] for row in await _all(db, "SELECT event_id FROM payment_events")}
        assert set() == {event["id"] for event in events} - stored
    assert ORDERS == len(mailbox.seen)
    # A kill between the mail server's yes and our note of it sends the same message once more, under the same id.
    assert mailbox.seen.total() - ORDERS <= running.kills["work"]
    assert 0 == found.returncode, found.stdout + found.stderr
    assert [0, 0] == codes
    assert KILLS == running.kills.total()


async def _buy(running: System, number: int, seed: int) -> str:
    """A customer who does not give up: same key, same body, until there is a page; then pays on it."""
    body = {
        "items": [{"ticketType": "full-pass", "quantity": 2}],
        "customer": {"email": f"guest{number}@example.org", "name": "Guest"},
        "locale": "en",
    }
    headers = {"Idempotency-Key": f"crash-{seed}-{number}"}
    await asyncio.sleep(number * 0.35)
    async with httpx.AsyncClient(timeout=15) as client:
        while True:
            try:
                answer = await client.post(f"{running.url}/api/payment/checkout-session", json=body, headers=headers)
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == 201:
                break
            assert answer.status_code in {409, 503}, answer.text
            await asyncio.sleep(0.2)
        checkout = answer.json()
        session = next(part for part in checkout["checkoutUrl"].split("/") if part.startswith("cs_")).split("?")[0]
        (await client.post(f"{running.gateway}/_emulator/sessions/{session}/pay", json={})).raise_for_status()
    return checkout["orderId"]


async def _kill_now_and_then(running: System, database_url: str, dice: random.Random) -> None:
    for turn in range(KILLS):
        await running.ready()
        await asyncio.sleep(dice.uniform(0.05, 0.9))
        name = ("serve", "work")[turn % 2]
        running.kill(name)
        async with await psycopg.AsyncConnection.connect(database_url) as db:
            await db.execute(LEASES[name])
        running.start(name)
    await running.ready()


async def _until_quiet(database_url: str) -> None:
    waiting = """SELECT count(*) FILTER (WHERE what = 'event'), count(*) FILTER (WHERE what = 'mail') FROM (
        SELECT 'event' AS what FROM payment_events WHERE state = 'pending'
        UNION ALL SELECT 'mail' FROM outbox WHERE kind = 'mail.confirmation' AND state = 'pending'
        UNION ALL SELECT 'event' FROM orders WHERE status <> 'paid') AS open"""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as db, asyncio.timeout(30):
        while [(0, 0)] != await _all(db, waiting):  # noqa: ASYNC110 - it watches other processes
            await asyncio.sleep(0.1)


async def _all(db: psycopg.AsyncConnection[Any], query: str) -> list[tuple[Any, ...]]:
    return await (await db.execute(query)).fetchall()


async def _of_gateway(running: System, path: str, **params: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(auth=GATEWAY_KEY) as client:
        return (await client.get(running.gateway + path, params=params)).json()


async def _all_events(running: System) -> list[dict[str, Any]]:
    """Every event the gateway has told somebody, once its deliveries are through."""
    async with asyncio.timeout(30):
        while (await _of_gateway(running, "/_emulator/deliveries", state="pending"))["deliveries"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    events: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": events[-1]["id"]} if events else {}
        page = await _of_gateway(running, "/v1/events", limit=100, **after)
        events += page["data"]
        if not page["has_more"]:
            return events
