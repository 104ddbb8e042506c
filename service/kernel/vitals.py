"""What PostgreSQL says of itself, as figures: how long transactions are open, who waits for locks, how full it is.

Only our own database is told of, and only what this role may read: without `pg_read_all_stats` the connections of other
roles hide what they do. A figure that could be larger but for what is hidden is absent, never zero.
"""

import asyncio
from typing import Any

import psycopg
import sqlalchemy as sa

from service.kernel.db import RAW_POOL_SIZE, Database
from service.telemetry import catalogue
from service.telemetry.metric import Gauge

TIMEOUT_MS = 2000  # of one statement: a database that cannot say this in time says enough by its other figures
LOOK_S = 5.0
PING_S = 2  # longer means: it does not answer
STATES = ("active", "idle", "idle_in_transaction", "other")

DATABASE = """
    SELECT coalesce(d.deadlocks, 0), pg_database_size(d.datid),
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true)::int, 0)
    FROM pg_stat_database d WHERE d.datname = current_database()
"""
# `backend_type` is one of the columns that are hidden from those who may not know.
CONNECTIONS = """
    SELECT CASE WHEN state IN ('active', 'fastpath function call') THEN 'active' WHEN state = 'idle' THEN 'idle'
                WHEN state LIKE 'idle in transaction%' THEN 'idle_in_transaction' ELSE 'other' END,
           count(*), count(*) FILTER (WHERE backend_type IS NULL),
           extract(epoch FROM clock_timestamp() - min(xact_start)),
           extract(epoch FROM clock_timestamp() - min(state_change))
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'
    GROUP BY 1
"""
# The locks themselves are everybody's to read; one on a transaction belongs to no database, its waiter does.
LOCK_WAIT = """
    SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart))
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND a.datname = current_database()
"""


class Vitals:
    """The figures of one database, told by one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._telemetry = db.telemetry
        self._deadlocks: int | None = None

    async def refresh(self) -> None:
        """Read and set all of them once; raises what the database raises."""
        async with self._db.engine.connect() as connection:
            await connection.execute(sa.text(f"SET LOCAL statement_timeout = {TIMEOUT_MS}"))
            deadlocks, size, limit = (await connection.execute(sa.text(DATABASE))).one()
            connections = (await connection.execute(sa.text(CONNECTIONS))).all()
            lock_wait = (await connection.execute(sa.text(LOCK_WAIT))).scalar_one()
        self._show_deadlocks(deadlocks)
        self._telemetry.set(catalogue.DB_SIZE, size)
        self._telemetry.set(catalogue.DB_CONNECTIONS_LIMIT, limit)
        self._telemetry.set(catalogue.DB_LONGEST_LOCK_WAIT, lock_wait or 0)
        self._show_connections({row[0]: row[1:] for row in connections})

    def _show_deadlocks(self, found: int) -> None:
        """What came since the last look; the server's own count starts anew when its statistics are reset."""
        known = found if self._deadlocks is None else self._deadlocks
        self._telemetry.count(catalogue.DB_DEADLOCKS, found - known if found >= known else found)
        self._deadlocks = found

    def _show_connections(self, found: dict[str, Any]) -> None:
        for state in STATES:
            self._telemetry.set(catalogue.DB_CONNECTIONS, found[state][0] if state in found else 0, state=state)
        hidden = any(row[1] for row in found.values())
        open_s = max((row[2] for row in found.values() if row[2] is not None), default=0)
        idle_s = found["idle_in_transaction"][3] if "idle_in_transaction" in found else 0
        self._show_longest(catalogue.DB_OLDEST_TRANSACTION, open_s, hidden=hidden)
        self._show_longest(catalogue.DB_IDLE_IN_TRANSACTION, idle_s, hidden=hidden)

    def _show_longest(self, gauge: Gauge, seconds: float, *, hidden: bool) -> None:
        if hidden and not seconds:
            self._telemetry.forget(gauge)
        else:
            self._telemetry.set(gauge, seconds)


async def look(db: Database) -> None:
    """Whether the database answers, as a figure; `RuntimeError` when it does not.

    After a restart of the server each kept connection fails once, so there are as many tries as connections, and one.
    """
    try:
        async with asyncio.timeout(PING_S):
            await _ask(db)
    except (psycopg.Error, OSError) as error:  # a time-out is an OSError
        db.telemetry.set(catalogue.DB_UP, 0)
        raise RuntimeError(f"the database does not answer: {type(error).__name__}") from error
    db.telemetry.set(catalogue.DB_UP, 1)


async def _ask(db: Database) -> None:
    for left in reversed(range(RAW_POOL_SIZE + 1)):
        try:
            async with db.raw.connection() as connection:
                await connection.execute("SELECT 1")
        except psycopg.Error:
            if not left:
                raise
        else:
            return
