"""The journal's mirror in PostgreSQL: the same lines in a table that can only grow, for when the responder's disk is what broke.

The file stays the truth and never waits for the database. What is missing is written whenever the database is up, in order,
each line once; a mirror that tells another story than the file is refused, not mended: one of the two was changed.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Protocol

from runbooks.actions.sql import Sql
from runbooks.engine.registry import RefusedError

AT_ONCE = 200  # lines in one statement


class Line(Protocol):
    """An entry of the journal."""

    @property
    def seq(self) -> int: ...
    @property
    def hash(self) -> str: ...
    def line(self) -> str: ...


async def catch_up(sql: Sql, entries: Callable[[int], Iterable[Line]]) -> int:
    """Write what is missing; how many lines that were. `entries(after)` are the journal's lines behind that one.

    `UnreachableError` when the database is away, `RefusedError` when the mirror has lines that the journal has not.
    """
    last = await sql.rows("mirrored")
    after = last[0]["seq"] if last else 0
    if last:
        known = next(iter(entries(after - 1)), None)
        if known is None or known.hash != last[0]["hash"]:
            raise RefusedError(f"the mirror's line {after} is not the journal's: one of the two was changed")
    written, missing = 0, iter(entries(after))
    while lines := list(islice(missing, AT_ONCE)):
        await sql.write(
            "mirror",
            seqs=[each.seq for each in lines],
            lines=[each.line() for each in lines],
            hashes=[each.hash for each in lines],
        )
        written += len(lines)
    return written
