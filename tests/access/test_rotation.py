"""Keys that are replaced by many at once."""

import asyncio
from collections import Counter
from datetime import timedelta

from service.access.flow import KeysLive, every_key, revoke
from service.audit.flow import Chosen, newest, verify
from tests.access.giving import BY, give, replace_key


async def test_hundreds_of_rotations_at_once_leave_two_keys_at_most(db):
    """Each succeeds or is told to wait; nothing is lost, the trail has each, and its chain is whole."""
    await give(db, "busy")
    gate = asyncio.Semaphore(10)
    done: Counter[str] = Counter()

    async def one(number: int) -> None:
        async with gate:
            try:
                await replace_key(db, "busy", overlap=timedelta(hours=number % 50 == 0))
            except KeysLive:
                done["told to wait"] += 1
                if number % 7 == 0:
                    await revoke_the_older(db)
            else:
                done["replaced"] += 1

    await asyncio.gather(*(one(number) for number in range(250)))

    async with db.transaction() as session:
        every = [key for _, key in await every_key(session)]
        working = [each for each in every if not each.revoked_at and each.expires_at > session.now]
        noted = await newest(session, Chosen(action="key.rotate"), limit=2000)
        assert None is (await verify(session)).broken
    assert 1 <= len(working) <= 2
    assert 250 == done.total()
    assert (done["replaced"], done["replaced"] + 1) == (len(noted), len(every))
    assert done["replaced"] > 50


async def revoke_the_older(db) -> None:
    """By hand, as an operator in a hurry."""
    async with db.transaction() as session:
        live = [key for _, key in await every_key(session) if not key.revoked_at and key.expires_at > session.now]
        if len(live) > 1:
            await revoke(session, BY, live[0].id)
