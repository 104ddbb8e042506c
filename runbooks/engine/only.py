"""One engine a database: a lock in PostgreSQL, beside the one on the journal's folder, which another folder does not have.

It is held by a connection of its own for as long as the engine is there. A database that is away keeps nobody from working; one
that says that another engine has the lock does, until it is free.
"""

import asyncio
from contextlib import suppress
from typing import Any

import psycopg

LOCK = 0x656E67696E65  # "engine"
TAKE_S = 10.0  # what became of an engine that was killed is known to the server after a moment
EVERY_S = 2.0
_TIMEOUT_S = 5
_AGAIN_S = 0.2
ELSEWHERE = "another engine works on this database"


class Only:
    """`elsewhere`: why nothing may be changed by this engine; empty when it may."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._has = False
        self.elsewhere = ""

    async def take(self, within_s: float = TAKE_S) -> bool:
        """Whether no other engine has it: at once when the database is away, after some time when it is taken."""
        until = asyncio.get_running_loop().time() + within_s
        while True:
            await self.look()
            if not self.elsewhere or asyncio.get_running_loop().time() >= until:
                return not self.elsewhere
            await asyncio.sleep(_AGAIN_S)

    async def look(self) -> None:
        """Takes the lock, or sees that it is still ours. What was so before stands while the database does not answer."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                self._has = await self._held()
                self.elsewhere = "" if self._has else ELSEWHERE
        except (psycopg.Error, OSError, TimeoutError):
            await self.leave()

    async def hold_forever(self, every_s: float = EVERY_S) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.look()

    async def leave(self) -> None:
        """Gives the lock back."""
        connection, self._connection, self._has = self._connection, None, False
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _held(self) -> bool:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, connect_timeout=_TIMEOUT_S, application_name="cubano-respond"
            )
        statement = "SELECT true" if self._has else f"SELECT pg_try_advisory_lock({LOCK})"
        row = await (await self._connection.execute(statement)).fetchone()
        return row is not None and bool(row[0])
