"""The worker's loops: side by side, through failures, and to a clean end."""

import asyncio
import socket
from collections import defaultdict
from functools import partial

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from service.gateways.facts import EventKind
from service.parts import build_parts
from service.webhooks.flow import apply_next
from tests.mail.postbox import Postbox
from tests.stage import Stage
from tests.webhooks.delivery import deliver, event_of, samples


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


# Nobody acts on these, so the door has ended them; now somebody does, as after a replay.
_WANTED = "UPDATE payment_events SET state = 'pending', outcome = NULL, ended_at = NULL, due_at = received_at"


async def test_events_are_applied_once_and_in_their_subjects_order(stage: Stage):
    """Two hundred events of twenty subjects, two workers of four loops each."""
    events = [event_of(data={"object": {"id": f"cus_{n % 20}"}}) for n in range(200)]
    for event in events:
        await deliver(stage, event)
    await stage.rows(_WANTED)
    applied: dict[str, list[str]] = defaultdict(list)

    async def handle(_session, event) -> str:
        subject = next(each["data"]["object"]["id"] for each in events if each["id"] == event.event_id)
        applied[subject].append(event.event_id)
        await asyncio.sleep(0.001)
        return "moved"

    async def loop(parts) -> None:
        while await apply_next(parts.db, parts.gateways, {EventKind.OTHER: handle}, jitter=0):
            pass

    workers = [build_parts(stage.settings, "work", clock=stage.clock) for _ in range(2)]
    left = 1
    while left:  # a loop may find everything in the others' hands and go
        await asyncio.gather(*(loop(parts) for parts in workers for _ in range(4)))
        left = (await stage.rows("SELECT count(*) FROM payment_events WHERE state = 'pending'"))[0][0]
    for parts in workers:
        await parts.close()

    expected = defaultdict(list)
    for event in events:
        expected[event["data"]["object"]["id"]].append(event["id"])
    assert expected == applied
    assert [("applied", 1, 200)] == await stage.rows(
        "SELECT state, attempts, count(*) FROM payment_events GROUP BY 1, 2"
    )


async def test_two_workers_share_the_sales(stage: Stage, box: Postbox):
    """Twelve customers, two whole workers: every one gets tickets and a letter, once."""
    opened = [(await stage.checkout()).raise_for_status().json() for _ in range(12)]
    mail = {"smtp_url": SecretStr(box.url)}
    async with stage.worker(**mail), stage.worker(**mail):
        await asyncio.gather(*(stage.pay(each) for each in opened))
        await asyncio.gather(*(stage.order_in(each, "paid", within_s=30) for each in opened))
        await stage.until(partial(_mails_done, stage, 12), within_s=30)

    assert [("valid", 24)] == await stage.rows("SELECT status, count(*) FROM tickets GROUP BY 1")
    assert 12 == len({letter["Message-ID"] for letter in box.letters}) == len(box.letters)


async def _mails_done(stage: Stage, count: int) -> bool:
    done = "SELECT count(*) FROM outbox WHERE kind = 'mail.confirmation' AND state = 'done'"
    return [(count,)] == await stage.rows(done)


async def test_a_worker_that_stops_finishes_what_it_has_in_hand(stage: Stage, box: Postbox):
    """The letter is on its way when the end is asked for: it is delivered and noted before the worker ends."""
    box.wait_s = 1
    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)) as worker:
        await stage.pay(checkout)
        await stage.until(partial(_asked, box), within_s=20)
        worker.stop.set()

    assert 1 == len(box.letters)
    assert await _mails_done(stage, 1)


async def _asked(box: Postbox) -> bool:
    return box.asked > 0


async def test_a_message_of_a_dead_worker_is_handed_over(stage: Stage, box: Postbox):
    """Its lease runs out, another worker delivers it; the attempts tell that there were two."""
    checkout = (await stage.checkout()).raise_for_status().json()
    await stage.pay(checkout)
    async with stage.worker(smtp_url=SecretStr("smtp://127.0.0.1:9")):
        await stage.order_in(checkout, "paid", within_s=20)
    leased = (
        "UPDATE outbox SET attempts = 1, due_at = now(), leased_until = now() + interval '1 second', last_error = NULL"
    )
    await stage.rows(leased)
    async with stage.worker(smtp_url=SecretStr(box.url)):
        await asyncio.sleep(0.4)
        while_leased = len(box.letters)
        await stage.until(partial(_mails_done, stage, 1), within_s=20)

    assert (0, 1) == (while_leased, len(box.letters))
    assert [(2,)] == await stage.rows("SELECT attempts FROM outbox WHERE kind = 'mail.confirmation'")


async def test_a_dead_expiry_comes_to_life_again(stage: Stage):
    """The gateway was away for longer than all tries: when it is back, the seats are freed all the same."""
    checkout = (await stage.checkout()).raise_for_status().json()
    await stage.rows("UPDATE orders SET expires_at = now() - interval '1 day'")
    await stage.rows("DELETE FROM outbox")
    dead = """INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at)
        SELECT 'checkout.expire', id, json_build_object('order_id', id), 'dead', 100, now(), now() FROM orders"""
    await stage.rows(dead)
    async with stage.worker():
        order = await stage.order_in(checkout, "expired", within_s=20)

    assert "expired" == order["status"]
    assert [(0,)] == await stage.rows("SELECT held FROM stock WHERE ticket_type = 'full-pass'")


async def test_a_database_that_goes_away_is_waited_for(stage: Stage, database_url):
    """Failed turns are counted, readiness says so, and when it is back the work goes on by itself."""
    name, admin_url = database_url.rpartition("/")[2], database_url.rpartition("/")[0] + "/postgres"
    port = free_port()
    checkout = (await stage.checkout()).raise_for_status().json()
    async with (
        stage.worker(work_metrics_port=port) as worker,
        await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as admin,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=15) as health,
    ):
        before = await health.get("/health/ready")
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        await stage.until(partial(_failures, worker), within_s=60)
        during, live = await health.get("/health/ready"), await health.get("/health/live")
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await stage.db.engine.dispose()
        await asyncio.sleep(0.3)
        await stage.client.get("/health/ready")
        await stage.pay(checkout)
        await stage.until(partial(_is_paid, stage), within_s=40)

    assert [200, 503, 200] == [before.status_code, during.status_code, live.status_code]
    assert {"database", "schema", "loops"} == {ping["name"] for ping in before.json()["pings"]}
    assert {"inbox", "mail", "checkout"} <= set(_failures_of(worker))


def _failures_of(worker) -> dict[str, float]:
    text = worker.parts.telemetry.render("")[0].decode()
    return {loop: count for (loop,), count in samples(text, "cubano_worker_failures_total").items() if count}


async def _failures(worker) -> bool:
    return {"inbox", "mail", "checkout"} <= set(_failures_of(worker))


async def _is_paid(stage: Stage) -> bool:
    return [("paid",)] == await stage.rows("SELECT status FROM orders")


@pytest.mark.parametrize("ago", [61])
async def test_a_loop_that_does_not_turn_makes_the_worker_unfit(stage: Stage, ago):
    """Stuck for a minute: readiness names the loop."""
    port = free_port()
    async with stage.worker(work_metrics_port=port) as worker, httpx.AsyncClient() as client:
        await stage.until(partial(_all_turned, worker))
        worker.turned_at["inbox-stuck"] = worker.turned_at["inbox-0"] - ago
        answer = await client.get(f"http://127.0.0.1:{port}/health/ready")

    assert 503 == answer.status_code
    assert "inbox-stuck" in next(ping["detail"] for ping in answer.json()["pings"] if ping["name"] == "loops")


async def _all_turned(worker) -> bool:
    return "inbox-0" in worker.turned_at


async def test_the_gauges_say_what_the_tables_say(stage: Stage):
    """Orders, payments, inbox, outbox and stock, as SQL counts them."""
    for _ in range(2):
        await stage.checkout()
    for n in range(3):
        await deliver(stage, event_of(id=f"evt_{n}"))
    await stage.rows(_WANTED)
    await stage.rows("UPDATE payment_events SET state = 'dead', cause = 'x' WHERE event_id <> 'evt_0'")
    await stage.rows("UPDATE payment_events SET due_at = now() + interval '1 hour' WHERE event_id = 'evt_0'")
    kept = "INSERT INTO outbox (kind, key, payload, due_at, created_at) VALUES ('mail.confirmation', 'x', '{}', now() + interval '1 hour', now())"
    await stage.rows(kept)
    async with stage.worker() as worker:
        await stage.until(partial(_figures_are_there, worker))
        text = worker.parts.telemetry.render("")[0].decode()

    assert 2 == samples(text, "cubano_orders")["stripe", "awaiting_payment"]
    payments = samples(text, "cubano_payments")
    assert (2, 0) == (payments["stripe", "created"], payments["stripe", "unknown"])
    assert {0} == {*samples(text, "cubano_refunds").values(), *samples(text, "cubano_disputes").values()}
    inbox = samples(text, "cubano_inbox_events")
    assert (1, 2, 0) == (inbox["pending",], inbox["dead",], inbox["discarded",])
    assert 1 == samples(text, "cubano_outbox_messages")["mail.confirmation", "pending"]
    stock = samples(text, "cubano_stock")
    assert {("held", "full-pass"): 4, ("sold", "full-pass"): 0, ("capacity", "full-pass"): 400}.items() <= stock.items()


async def _figures_are_there(worker) -> bool:
    text = worker.parts.telemetry.render("")[0].decode()
    return bool(samples(text, "cubano_stock").get(("held", "full-pass")))
