"""The outbox: written with its cause, delivered at least once, one worker at a time, and given up only after a night."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.kernel import outbox
from service.kernel.backoff import CAP, retry_delay
from service.kernel.clock import Dial, utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.kernel.outbox import LEASE, MAX_ATTEMPTS, Message, MessageState
from service.telemetry.registry import Telemetry


@pytest.fixture
async def db(database_url) -> AsyncIterator[Database]:
    clock = Dial(utc_now())
    made = Database(
        database_url, clock=clock, ids=Ids(clock), telemetry=Telemetry("test", version="0", environment="test")
    )
    yield made
    await made.engine.dispose()


async def write(db: Database, *keys: str, **more: object) -> None:
    async with db.transaction() as session:
        for key in keys:
            await outbox.enqueue(session, "mail.confirmation", {"order_id": key}, key=key, **more)


KINDS = ("mail.confirmation", "checkout.expire")


async def claim(db: Database, limit: int = 10, kinds: tuple[str, ...] = KINDS) -> list[Message]:
    async with db.transaction() as session:
        return await outbox.claim(session, kinds=kinds, limit=limit)


async def postpone(db: Database, message: Message) -> MessageState:
    async with db.transaction() as session:
        return await outbox.postpone(session, message, "no answer", jitter=0)


async def state(db: Database) -> list[tuple[object, ...]]:
    async with db.transaction() as session:
        return [tuple(row) for row in await session.execute(sa.text("SELECT state, attempts FROM outbox ORDER BY seq"))]


async def test_a_message_is_written_with_its_cause_or_not_at_all(db):
    """What rolls back sends no mail."""

    async def fail() -> None:
        async with db.transaction() as session:
            await outbox.enqueue(session, "mail.confirmation", {}, key="ord_1")
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert [] == await claim(db)


async def test_one_message_per_kind_and_key(db):
    """However often the same fact is seen; another kind for the same order is another message."""
    await write(db, "ord_1", "ord_1")
    async with db.transaction() as session:
        await outbox.enqueue(session, "checkout.expire", {}, key="ord_1")

    assert ["mail.confirmation", "checkout.expire"] == [each.kind for each in await claim(db)]


async def test_a_worker_takes_only_the_kinds_it_asks_for(db):
    """However long the others have been due."""
    await write(db, "ord_1", due_at=db.clock() - timedelta(hours=1))
    async with db.transaction() as session:
        await outbox.enqueue(session, "checkout.expire", {}, key="ord_1")

    assert ["checkout.expire"] == [each.kind for each in await claim(db, kinds=("checkout.expire",))]


async def test_the_oldest_due_come_first_and_the_others_later(db):
    """Due times count, not the order of writing."""
    await write(db, "in-an-hour", due_at=db.clock() + timedelta(hours=1))
    await write(db, "now")
    await write(db, "a-minute-ago", due_at=db.clock() - timedelta(minutes=1))

    first, second = await claim(db, limit=1), await claim(db, limit=1)
    nothing = await claim(db)
    db.clock.advance(timedelta(hours=1))
    later = await claim(db)

    assert ["a-minute-ago", "now"] == [first[0].key, second[0].key]
    assert [] == nothing
    assert "in-an-hour" in {each.key for each in later}


async def test_two_workers_never_hold_the_same_message(db):
    """Each takes what the other does not hold."""
    await write(db, *(f"ord_{number}" for number in range(20)))

    taken = await asyncio.gather(*(claim(db, limit=5) for _ in range(4)))

    keys = [each.key for batch in taken for each in batch]
    assert 20 == len(keys) == len(set(keys))


async def test_a_worker_that_dies_gives_its_message_back_by_its_lease(db):
    """At least once: after the lease another delivers it, and the former can neither postpone nor keep it."""
    await write(db, "ord_1")
    (dead,) = await claim(db)
    db.clock.advance(LEASE - timedelta(seconds=1))
    too_early = await claim(db)
    db.clock.advance(1)

    (taken,) = await claim(db)
    await postpone(db, dead)
    async with db.transaction() as session:
        renewed = await outbox.renew(session, dead)

    assert ([], False) == (too_early, renewed)
    assert (1, 2) == (dead.attempts, taken.attempts)
    assert [("pending", 2)] == await state(db)
    assert [] == await claim(db)  # still leased to the second


async def test_an_effect_that_has_happened_is_noted_even_without_the_lease(db):
    """The slow one succeeds after another has taken over: done, and the other's failure does not undo it."""
    await write(db, "ord_1")
    (slow,) = await claim(db)
    db.clock.advance(LEASE)
    (other,) = await claim(db)

    async with db.transaction() as session:
        await outbox.finish(session, slow)
    await postpone(db, other)

    assert [("done", 2)] == await state(db)


async def test_a_delivery_that_goes_on_keeps_its_message(db):
    """A renewed lease counts from the renewal."""
    await write(db, "ord_1")
    (message,) = await claim(db)
    db.clock.advance(LEASE - timedelta(seconds=1))
    async with db.transaction() as session:
        renewed = await outbox.renew(session, message)
    db.clock.advance(LEASE - timedelta(seconds=1))
    meanwhile = await claim(db)
    db.clock.advance(1)

    assert (True, []) == (renewed, meanwhile)
    assert [2] == [each.attempts for each in await claim(db)]


async def test_only_what_died_of_its_tries_is_revived(db):
    """A parked message waits for a person."""
    await write(db, "parked", "exhausted")
    parked, exhausted = await claim(db)
    async with db.transaction() as session:
        await outbox.park(session, parked, "the amounts differ")
        await session.execute(sa.text("UPDATE outbox SET attempts = 100 WHERE key = 'exhausted'"))
    await postpone(db, replace(exhausted, attempts=MAX_ATTEMPTS))
    dead = await state(db)

    async with db.transaction() as session:
        for key in ("parked", "exhausted"):
            await outbox.revive(session, "mail.confirmation", key=key)

    assert [("dead", 1), ("dead", MAX_ATTEMPTS)] == dead
    assert [("dead", 1), ("pending", 0)] == await state(db)


async def test_what_is_done_is_done(db):
    """And stays for the record."""
    await write(db, "ord_1")
    (message,) = await claim(db)
    async with db.transaction() as session:
        await outbox.finish(session, message)
    await write(db, "ord_1")
    db.clock.advance(timedelta(days=1))

    assert [] == await claim(db)
    assert [("done", 1)] == await state(db)


async def test_a_failed_delivery_comes_again_after_its_delay(db):
    """Not before, and with what went wrong beside it."""
    await write(db, "ord_1")
    await postpone(db, (await claim(db))[0])

    at_once = await claim(db)
    db.clock.advance(retry_delay(1, jitter=0))
    (again,) = await claim(db)

    async with db.transaction() as session:
        error = (await session.execute(sa.text("SELECT last_error FROM outbox"))).scalar_one()
    assert ([], 2, "no answer") == (at_once, again.attempts, error)


async def test_a_message_is_tried_through_a_night_and_then_dead(db):
    """Then a person looks; it is never tried by itself again."""
    await write(db, "ord_1")
    started, states = db.clock(), []

    for _ in range(MAX_ATTEMPTS):
        (message,) = await claim(db)
        tried_for = db.clock() - started
        states.append(await postpone(db, message))
        db.clock.advance(CAP)

    assert [MessageState.PENDING] * (MAX_ATTEMPTS - 1) + [MessageState.DEAD] == states
    assert tried_for > timedelta(hours=8)
    assert [] == await claim(db)


async def test_a_message_handed_back_costs_no_attempt(db):
    """A worker that is told to stop leaves it to the next at once."""
    await write(db, "ord_1")
    (message,) = await claim(db)

    async with db.transaction() as session:
        await outbox.hand_back(session, message)

    assert [1] == [each.attempts for each in await claim(db)]


@pytest.mark.parametrize(
    ("attempts", "jitter", "expected_s"),
    [
        (1, 0, 0.5),
        (1, 0.5, 0.75),
        (2, 0, 1),
        (5, 0, 8),
        (10, 0, 256),
        (11, 0, 450),  # the cap
        (1_000_000, 0, 450),  # and no overflow
        (0, 0, 0.5),  # before any failure: as after one
        (3, 0.999, 3.998),  # never more than the whole
    ],
)
def test_delays_double_and_end_at_a_quarter_of_an_hour(attempts, jitter, expected_s):
    """Half of it fixed, half of it jitter."""
    assert retry_delay(attempts, jitter=jitter) == timedelta(seconds=expected_s)
