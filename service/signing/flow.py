"""Take a signed request once: whether its time is ours, and whether its nonce was seen by any process before.

The nonces stand in the database, because replicas share nothing else. Each new one takes some that are over with it, so
that the table never holds more than the requests of the last ten minutes.
"""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.kernel.db import Database
from service.signing.rules import WINDOW_S, Given
from service.signing.tables import RequestNonce

KEPT = timedelta(seconds=2 * WINDOW_S + 60)  # from the earliest to the latest moment it could be accepted, and a minute
SWEPT = 20  # rows a new one takes with it: more go than come


def is_timely(given: Given, now_s: int) -> bool:
    return abs(now_s - int(given.timestamp)) <= WINDOW_S


async def take_nonce(db: Database, key_id: str, nonce: str) -> bool:
    """Whether this key never used it before; from now on it has."""
    async with db.transaction(durable=False) as session:
        row = {"key_id": key_id, "nonce": nonce, "seen_at": session.now}
        added = await session.execute(
            insert(RequestNonce).values(row).on_conflict_do_nothing().returning(RequestNonce.nonce)
        )
        is_new = added.scalar_one_or_none() is not None
        over = sa.select(RequestNonce.key_id, RequestNonce.nonce).where(RequestNonce.seen_at < session.now - KEPT)
        some = over.limit(SWEPT).with_for_update(skip_locked=True)
        await session.execute(
            sa.delete(RequestNonce).where(sa.tuple_(RequestNonce.key_id, RequestNonce.nonce).in_(some))
        )
    return is_new
