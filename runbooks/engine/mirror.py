"""The journal's mirror in PostgreSQL: each line once, in order, as soon as the database is there; it never holds anything up.

The file is the truth. `lag` is how many lines the mirror does not have yet; after an outage it catches up. `faults` compares
both, and so finds what the file alone cannot show: lines cut off at its end, and a file that was written anew from the start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

from runbooks.engine.journal import Entry, Journal
from runbooks.engine.registry import UnreachableError

_BATCH = 200  # lines in a transaction
_TIMEOUT_S = 5
_INSERT = "INSERT INTO runbook_journal (seq, line, hash) VALUES (%s, %s, %s) ON CONFLICT (seq) DO NOTHING"


class Copy(Protocol):
    """Where the lines go. Each may come again. `UnreachableError` when they could not be kept."""

    async def last(self) -> int: ...

    async def keep(self, entries: Sequence[Entry]) -> None: ...

    async def hashes(self) -> dict[int, str]: ...


class Mirror:
    """Copies one journal. `trouble` says why it does not, at the moment."""

    def __init__(self, journal: Journal, copy: Copy) -> None:
        self._journal = journal
        self._copy = copy
        self._kept: int | None = None  # up to which line; not known before the first look
        self.trouble = ""

    @property
    def lag(self) -> int:
        """Lines that are not there yet; all of them before the first look."""
        return self._journal.seq - (self._kept or 0)

    async def catch_up(self) -> None:
        """Until nothing is left, or the database does not answer."""
        try:
            if self._kept is None:
                self._kept = await self._copy.last()
            while batch := list(islice(self._journal.entries(after=self._kept), _BATCH)):
                await self._copy.keep(batch)
                self._kept = batch[-1].seq
            self.trouble = ""
        except UnreachableError as error:
            self.trouble = str(error)

    async def run_forever(self, every_s: float = 1) -> None:
        """Until it is cancelled."""
        while True:
            if self._kept is None or self.lag:
                await self.catch_up()
            await asyncio.sleep(every_s)

    async def faults(self) -> list[str]:
        """Where the file and the mirror differ. `UnreachableError` when that cannot be asked."""
        there = await self._copy.hashes()
        here = {each.seq: each.hash for each in self._journal.entries()}
        found = [
            f"entry {seq} is another one in the database" for seq in there if here.get(seq, there[seq]) != there[seq]
        ]
        gone = sorted(set(there) - set(here))
        return found + ([f"entries {gone[0]} to {gone[-1]} are in the database alone"] if gone else [])


class Table:
    """`runbook_journal`, by a connection of its own for each look: nothing is kept open to a database that may be what broke."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def last(self) -> int:
        rows = await self._asked("SELECT coalesce(max(seq), 0) FROM runbook_journal")
        return int(rows[0][0])

    async def hashes(self) -> dict[int, str]:
        return {int(seq): str(found) for seq, found in await self._asked("SELECT seq, hash FROM runbook_journal")}

    async def keep(self, entries: Sequence[Entry]) -> None:
        rows: list[tuple[Any, ...]] = [(each.seq, Jsonb(asdict(each)), each.hash) for each in entries]
        try:
            async with asyncio.timeout(_TIMEOUT_S), await self._connect() as connection, connection.cursor() as cursor:
                await connection.set_read_only(False)  # the role writes nothing unless it says that it wants to
                await cursor.executemany(_INSERT, rows)
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise UnreachableError(f"the journal's mirror: {type(error).__name__}") from error

    async def _asked(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(_TIMEOUT_S), await self._connect() as connection:
                return await (await connection.execute(statement)).fetchall()
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise UnreachableError(f"the journal's mirror: {type(error).__name__}") from error

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        return await psycopg.AsyncConnection.connect(self._dsn, connect_timeout=_TIMEOUT_S)
