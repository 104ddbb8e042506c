"""Invariants are rows: a name, a promise, a query that lists what breaks it, and the playbook that mends it.

Each noun exports its own tuple `INVARIANTS`; the gauge, the command `cubano invariants`, the tests and the drills all
read the same merged list. A query returns one row per violation: an id and a sentence. It may read whole tables: whoever
runs it regularly waits in proportion to what it took.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from service.kernel.db import Session

TIMEOUT_S = 60  # a query reads whole tables, which the limit of the other statements does not allow for
SHOWN = 20  # violations listed per invariant; the count is exact


@dataclass(frozen=True)
class Invariant:
    """`query` selects two columns, `id` and `problem`, for each thing that breaks `promise`."""

    name: str
    promise: str
    query: str
    playbook: str


@dataclass(frozen=True)
class Finding:
    """What one check found: how many violations, and the first of them as (id, problem)."""

    invariant: Invariant
    count: int
    examples: tuple[tuple[str, str], ...]


async def check_snapshot(session: Session, invariants: Iterable[Invariant]) -> list[Finding]:
    """Run every query on one snapshot; the session must be new, and can only read afterwards."""
    await session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    return await check(session, invariants)


async def check(session: Session, invariants: Iterable[Invariant]) -> list[Finding]:
    """Run every query in this transaction."""
    await session.execute(sa.text(f"SET LOCAL statement_timeout = '{TIMEOUT_S}s'"))
    return [await _check_one(session, each) for each in invariants]


async def _check_one(session: Session, invariant: Invariant) -> Finding:
    query = f"SELECT id, problem, count(*) OVER () FROM ({invariant.query}) AS broken LIMIT {SHOWN}"  # noqa: S608 - our own constants
    rows = (await session.execute(sa.text(query))).all()
    return Finding(invariant, rows[0][2] if rows else 0, tuple((str(row[0]), str(row[1])) for row in rows))
