"""Each family of messages has loops of its own: what hangs in one holds up nobody in another, and nobody's end."""

import asyncio
import time
from functools import partial

import pytest
from pydantic import SecretStr

from service import worker as working
from service.checkout.flow import EXPIRE
from service.deliveries import FAMILIES, family_of
from service.kernel.errors import Parked
from service.kernel.outbox import MAX_ATTEMPTS
from service.telemetry import catalogue
from tests.mail.postbox import Postbox
from tests.stage import Stage
from tests.webhooks.delivery import samples

EXPIRIES = """INSERT INTO outbox (kind, key, payload, due_at, created_at)
    SELECT 'checkout.expire', 'ord_' || n, json_build_object('order_id', 'ord_' || n), now() - interval '1 hour', now()
    FROM generate_series(1, :count) n"""


async def mail_state(stage: Stage) -> list[tuple[object, ...]]:
    return await stage.rows("SELECT state, attempts, leased_until FROM outbox WHERE kind = 'mail.confirmation'")


async def is_hanging(box: Postbox) -> bool:
    return box.asked > 0


async def test_every_kind_of_message_belongs_to_a_family(stage: Stage):
    """A kind without one would never be delivered."""
    async with stage.worker() as worker:
        kinds = set(worker.deliveries)

    assert set(FAMILIES) == {family_of(kind) for kind in kinds}
    assert set(catalogue.MESSAGE_KINDS.known) == kinds


async def test_a_mail_server_that_hangs_keeps_no_seat_held(stage: Stage, box: Postbox):
    """Its loops wait for it; the hold of another order ends all the same."""
    box.wait_s = 60
    paid = (await stage.checkout()).raise_for_status().json()
    unpaid = (await stage.checkout()).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)) as worker:
        await stage.pay(paid)
        await stage.until(partial(is_hanging, box), within_s=20)
        copies = """INSERT INTO outbox (kind, key, payload, due_at, created_at)
            SELECT kind, 'copy-' || n, payload, now(), now() FROM outbox, generate_series(1, 5) n WHERE kind LIKE 'mail.%'"""
        await stage.rows(copies)
        await stage.rows(
            "UPDATE orders SET expires_at = now() - interval '1 second' WHERE id = :id", id=unpaid["orderId"]
        )
        order = await stage.order_in(unpaid, "expired", within_s=20)
        worker.stop.set()

    assert "expired" == order["status"]
    assert box.letters == []


async def test_a_gateway_that_hangs_delays_no_letter(stage: Stage, box: Postbox):
    """Twenty expiries hang; the letter is out at once."""
    checkout = (await stage.checkout()).raise_for_status().json()
    await stage.rows(EXPIRIES, count=20)
    async with stage.worker(smtp_url=SecretStr(box.url)) as worker:
        hanging = asyncio.Event()

        async def hang(_message: object) -> None:
            hanging.set()
            await asyncio.sleep(60)

        worker.deliveries[EXPIRE] = hang
        await hanging.wait()
        await stage.pay(checkout)
        await stage.until(lambda: asyncio.sleep(0.02, box.letters), within_s=20)
        worker.stop.set()

    assert 1 == len(box.letters)


async def test_many_holds_that_run_out_delay_no_capture(stage: Stage):
    """Two thousand expiries are due, older than the capture, and their loops have their hands full."""
    await stage.rows(EXPIRIES, count=2000)
    approved = """INSERT INTO outbox (kind, key, payload, due_at, created_at)
        VALUES ('capture.take', 'pay_1:1', '{"order_id": "ord_1", "payment_id": "pay_1", "number": 1}', now(), now())"""
    taken = "SELECT 1 FROM outbox WHERE kind = 'capture.take' AND state = 'done'"
    async with stage.worker() as worker:
        hanging = asyncio.Event()

        async def hang(_message: object) -> None:
            hanging.set()
            await asyncio.sleep(60)

        worker.deliveries[EXPIRE] = hang
        await hanging.wait()
        await stage.rows(approved)
        await stage.until(partial(stage.rows, taken), within_s=20)
        worker.stop.set()

    assert [(2000,)] == await stage.rows(
        "SELECT count(*) FROM outbox WHERE kind = 'checkout.expire' AND state = 'pending'"
    )


async def test_the_end_does_not_wait_for_a_mail_server_that_hangs(stage: Stage, box: Postbox):
    """Within seven seconds, and the letter is handed back: due at once, and the attempt does not count."""
    box.wait_s = 60
    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)) as worker:
        await stage.pay(checkout)
        await stage.until(partial(is_hanging, box), within_s=20)
        told_at = time.monotonic()
        worker.stop.set()
    took_s = time.monotonic() - told_at

    assert took_s < 7
    assert [("pending", 0, None)] == await mail_state(stage)


async def test_a_letter_that_is_taken_slowly_is_sent_once(stage: Stage, box: Postbox):
    """The answer comes after the lease had run out; leases are renewed, so no second worker sends the letter meanwhile."""
    box.wait_s = 3
    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)) as one, stage.worker(smtp_url=SecretStr(box.url)) as two:
        one.renew_s = two.renew_s = 0.2
        await stage.pay(checkout)
        await stage.until(partial(is_hanging, box), within_s=20)
        await stage.rows("UPDATE outbox SET leased_until = now() + interval '1 second' WHERE leased_until > now()")
        done = "SELECT 1 FROM outbox WHERE kind = 'mail.confirmation' AND state = 'done'"
        await stage.until(partial(stage.rows, done), within_s=20)

    assert (1, 1) == (box.asked, len(box.letters))
    assert [("done", 1, None)] == await mail_state(stage)


async def test_what_a_person_must_look_at_is_not_tried_again(stage: Stage):
    """Dead with the first try, and the search for expired orders does not revive it."""
    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker() as worker:

        async def park(_message: object) -> None:
            raise Parked("amount_mismatch", "the gateway took another amount")

        worker.deliveries[EXPIRE] = park
        await stage.rows("UPDATE orders SET expires_at = now() - interval '1 second'")
        await stage.until(partial(stage.rows, "SELECT 1 FROM outbox WHERE state = 'dead'"))
        worker.turned_at.pop("expiry", None)
        await stage.until(lambda: asyncio.sleep(0.02, "expiry" in worker.turned_at))

    dead = await stage.rows("SELECT state, attempts, last_error FROM outbox WHERE key = :id", id=checkout["orderId"])
    assert [("dead", 1, "Parked: the gateway took another amount")] == dead


@pytest.mark.parametrize("stuck", [("pending", 3), ("dead", 1)])
async def test_orders_that_cannot_be_closed_keep_no_others_waiting(stage: Stage, stuck):
    """As many as are looked at in one turn are stuck, older than the one that can be closed."""
    stuck_ids = [(await stage.checkout()).json()["orderId"] for _ in range(2)]
    waiting = """INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at)
        SELECT 'checkout.expire', id, '{}', :state, :attempts, now() + interval '1 hour', now() FROM orders"""
    await stage.rows(waiting, state=stuck[0], attempts=stuck[1])
    await stage.rows("UPDATE orders SET expires_at = now() - interval '1 hour'")
    younger = (await stage.checkout()).json()
    await stage.rows("UPDATE orders SET expires_at = now() - interval '1 second' WHERE id = :id", id=younger["orderId"])
    async with stage.worker() as worker:
        worker.expiry_batch = 2
        await stage.order_in(younger, "expired", within_s=20)

    assert stuck[1] < MAX_ATTEMPTS
    assert sorted(stuck_ids) == sorted(
        row[0] for row in await stage.rows("SELECT id FROM orders WHERE status = 'awaiting_payment'")
    )


async def test_every_loop_has_a_heartbeat_of_its_own(stage: Stage):
    """A timer that turns does not hide an inbox that stands."""
    async with stage.worker() as worker:
        await stage.until(lambda: asyncio.sleep(0.02, len(worker.turned_at) >= len(worker.started_at) > 0))
        text = worker.parts.telemetry.render("")[0].decode()

    beats = samples(text, "cubano_worker_heartbeat_timestamp_seconds")
    assert {(name,) for name in worker.started_at} == set(beats)
    assert {"inbox-0", "mail-0", "checkout-0", "expiry"} <= set(worker.started_at)


async def test_a_loop_that_never_turned_makes_the_worker_unfit(stage: Stage):
    """Stuck in its very first turn."""
    async with stage.worker() as worker:
        await stage.until(lambda: asyncio.sleep(0.02, worker.started_at))
        worker.started_at["mail-stuck"] = time.monotonic() - working.STALLED_S - 1
        with pytest.raises(RuntimeError, match="mail-stuck"):
            await worker._loops_turn()
