"""The journal's mirror in PostgreSQL: each line once, in order, as soon as the database is there; it never holds anything up.

The file is the truth. `lag` is how many lines the mirror does not have yet; after an outage it catches up. `faults` compares
both, and so finds what the file alone cannot show: lines cut off at its end, and a file that was written anew from the start.
Before it writes it looks whether the last line there is one of ours: what differs, and nobody has accepted, is told at once.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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

    async def last(self) -> tuple[int, str]:
        """Number and hash of the last line there; 0 when there is none."""
        ...

    async def keep(self, entries: Sequence[Entry]) -> None: ...

    async def hashes(self) -> dict[int, str]: ...


class Mirror:
    """Copies one journal. `trouble` says why it does not, at the moment; `differs` is told what is not as it was written.

    `accepted` is what a person has looked at: then the lines that follow are copied again.
    """

    def __init__(
        self,
        journal: Journal,
        copy: Copy,
        *,
        accepted: Callable[[], Collection[str]] = frozenset,
        differs: Callable[[str], None] = lambda _fault: None,
    ) -> None:
        self._journal = journal
        self._copy = copy
        self._accepted = accepted
        self._differs = differs
        self._kept: int | None = None  # up to which line; not known before the first look
        self._settled: tuple[int, str] | None = None  # another's last line there, which a person has accepted
        self.differences: list[str] = []
        self.trouble = ""

    @property
    def lag(self) -> int:
        """Lines that are not there yet; all of them before the first look."""
        return max(self._journal.seq - (self._kept or 0), 0)

    async def catch_up(self) -> None:
        """Until nothing is left, or the database does not answer, or has another journal's lines."""
        try:
            if not await self.agrees():
                return
            while batch := list(islice(self._journal.entries(after=self._kept or 0), _BATCH)):
                await self._copy.keep(batch)
                self._kept = batch[-1].seq
            self.trouble = ""
        except UnreachableError as error:
            self.trouble = str(error)

    async def agrees(self) -> bool:
        """Whether what is there was written by this journal, or accepted by a person; `UnreachableError`."""
        last = await self._copy.last()
        if not self._is_ours(*last) and last != self._settled:
            self.differences = await self.faults()
            if new := [each for each in self.differences if each not in self._accepted()]:
                self._kept, self.trouble = None, f"the journal's mirror: {new[0]}"
                self._differs(new[0])
                return False
            self._settled = last
        self._kept = last[0]
        return True

    def _is_ours(self, seq: int, found: str) -> bool:
        if seq in {0, self._journal.seq}:
            return seq == 0 or found == self._journal.hash
        here = next(iter(self._journal.entries(after=seq - 1)), None)
        return here is not None and (here.seq, here.hash) == (seq, found)

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
        others = (seq for seq in sorted(there) if here.get(seq) != there[seq])
        return [f"entries {first} to {last} in the database are not in this journal" for first, last in _ranges(others)]


def _ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Those that follow each other as one: the words stay the same while the journal grows beside them."""
    first = last = None
    for number in numbers:
        if first is None or last is None or number != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


class Table:
    """`runbook_journal`, by a connection of its own for each look: nothing is kept open to a database that may be what broke."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def last(self) -> tuple[int, str]:
        rows = await self._asked("SELECT seq, hash FROM runbook_journal ORDER BY seq DESC LIMIT 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

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
