"""Idle loops sleep until one look at all queues wakes them, one at a time; without it they turn by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import sqlalchemy as sa

from service.kernel.clock import Dial, utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.lookout import MOST, Lookout
from service.telemetry.registry import Telemetry
from tests.stage import Stage
from tests.webhooks.delivery import deliver, event_of, samples

QUEUES = {"inbox": ["inbox-0", "inbox-1"], "thin": ["thin"], "mail": ["mail-0", "mail-1"], "refund": ["refund-0"]}
LOOPS = [loop for loops in QUEUES.values() for loop in loops]
KINDS = ("mail.confirmation", "refund.send")
MESSAGES = """INSERT INTO outbox (kind, key, payload, due_at, created_at)
    SELECT :kind, n, '{}', now() - interval '1 minute', now() FROM generate_series(1, :count) n"""
FOREVER_S = 60.0


@pytest.fixture
async def db(database_url) -> AsyncIterator[Database]:
    clock = Dial(utc_now())
    made = Database(
        database_url, clock=clock, ids=Ids(clock), telemetry=Telemetry("test", version="0", environment="test")
    )
    await made.open()
    yield made
    await made.close()


class Sleepers:
    """Loops that only rest, and who of them was woken, in order."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self.woken: list[str] = []

    async def _sleep(self, loop: str) -> None:
        await self._lookout.rest(loop, FOREVER_S, wakes=True)
        self.woken.append(loop)

    @asynccontextmanager
    async def asleep(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._sleep(loop)) for loop in LOOPS]
        await asyncio.sleep(0)
        try:
            yield
        finally:
            self._lookout.wake_all()
            await asyncio.gather(*tasks)

    async def after_a_look(self) -> list[str]:
        self.woken.clear()
        await self._lookout.look()
        for _ in range(3):  # the bell, the end of the wait, the loop
            await asyncio.sleep(0)
        return sorted(self.woken)


async def write(db: Database, statement: str, **values: object) -> None:
    async with db.transaction() as session:
        await session.execute(sa.text(statement), values)


async def test_nobody_is_woken_for_nothing(db: Database):
    """What is done, dead, leased, due later or of a kind that we do not know is not due."""
    await write(db, MESSAGES, kind="mail.confirmation", count=4)
    await write(db, MESSAGES, kind="mail.of-a-later-build", count=1)
    await write(db, "UPDATE outbox SET state = 'done' WHERE key = '1' AND kind = 'mail.confirmation'")
    await write(db, "UPDATE outbox SET state = 'dead' WHERE key = '2'")
    await write(db, "UPDATE outbox SET leased_until = now() + interval '1 minute' WHERE key = '3'")
    await write(db, "UPDATE outbox SET due_at = now() + interval '1 minute' WHERE key = '4'")
    sleepers = Sleepers(Lookout(db, QUEUES, KINDS))
    async with sleepers.asleep():
        assert [] == await sleepers.after_a_look()


async def test_one_loop_is_woken_and_the_next_joins_while_there_is_more(db: Database):
    """The first has its hands full at the second look; a third finds nobody who rests."""
    await write(db, MESSAGES, kind="mail.confirmation", count=3)
    sleepers = Sleepers(Lookout(db, QUEUES, KINDS))
    async with sleepers.asleep():
        assert ["mail-0"] == await sleepers.after_a_look()
        assert ["mail-1"] == await sleepers.after_a_look()
        assert [] == await sleepers.after_a_look()


async def test_behind_a_crowd_nobody_is_overlooked(db: Database):
    """So many letters are due that a look does not see what stands behind them: a loop of every queue is woken."""
    await write(db, MESSAGES, kind="mail.confirmation", count=MOST)
    await write(db, MESSAGES.replace("1 minute", "1 second"), kind="refund.send", count=1)
    sleepers = Sleepers(Lookout(db, QUEUES, KINDS))
    async with sleepers.asleep():
        assert ["inbox-0", "mail-0", "refund-0", "thin"] == await sleepers.after_a_look()


async def test_a_rest_ends_by_itself_and_one_that_does_not_wake_is_not_cut_short(db: Database):
    """Without a look a loop turns all the same; after a failed turn the pause is kept whatever is due."""
    lookout = Lookout(db, QUEUES, KINDS)
    await lookout.rest("mail-0", 0.01, wakes=True)
    await write(db, MESSAGES, kind="mail.confirmation", count=1)
    failed = asyncio.create_task(lookout.rest("mail-0", FOREVER_S, wakes=False))
    await asyncio.sleep(0)
    await lookout.look()
    await asyncio.sleep(0.01)
    kept = not failed.done()
    lookout.wake_all()
    await failed

    assert kept
    await lookout.rest("refund-0", FOREVER_S, wakes=True)  # the end: at once


async def test_an_event_wakes_the_inbox(stage: Stage):
    """All loops of the inbox sleep for far longer than a buyer may wait; each event is applied long before that."""
    applied = "SELECT count(*) FROM payment_events WHERE state <> 'pending'"
    async with stage.worker() as worker:
        await stage.until(lambda: asyncio.sleep(0.02, "inbox-3" in worker.turned_at))
        for number in range(4):  # polling alone would need ten seconds for each
            await deliver(stage, event_of())
            await stage.until(partial(_is, stage, applied, number + 1), within_s=20)
        turns = samples(worker.parts.telemetry.render("")[0].decode(), "cubano_worker_heartbeat_timestamp_seconds")

    assert ("lookout",) in turns


async def _is(stage: Stage, query: str, expected: int) -> bool:
    return [(expected,)] == await stage.rows(query)


async def test_an_idle_worker_leaves_its_queues_alone(stage: Stage):
    """While the lookout looks again and again, the loops of the queues hardly turn."""
    async with stage.worker() as worker:
        await stage.until(lambda: asyncio.sleep(0.02, set(worker.turned_at) >= {*LOOPS, "lookout"}))
        turns: dict[str, set[float]] = {loop: set() for loop in (*LOOPS, "lookout")}

        async def looked_often() -> bool:
            for loop, seen in turns.items():
                seen.add(worker.turned_at[loop])
            return len(turns["lookout"]) > 10

        await stage.until(looked_often, within_s=60)

    assert {loop for loop in LOOPS if len(turns[loop]) > 5} == set()


async def test_a_loop_that_hangs_in_its_first_turn_has_a_heartbeat(stage: Stage):
    """Nobody gets at the inbox: its loops have not turned once, and the alert sees since when."""
    async with stage.db.engine.connect() as holder:
        await holder.execute(sa.text("LOCK TABLE payment_events IN ACCESS EXCLUSIVE MODE"))
        async with stage.worker() as worker:
            await stage.until(lambda: asyncio.sleep(0.02, worker.started_at))
            beats = samples(worker.parts.telemetry.render("")[0].decode(), "cubano_worker_heartbeat_timestamp_seconds")
            await holder.rollback()

    assert {(name,) for name in worker.started_at} == set(beats)
    assert ("inbox-0",) in beats
