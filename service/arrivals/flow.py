"""Write events to the inbox within a transaction of one's own, so that the act and its audit entry stand or fall together.

The door (`webhooks.flow.Intake`) groups what many send at once; this is for what one person or program does. What the
database refuses (text that is no text) stays out, as at the door, and costs the others nothing.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from service.kernel.db import Session
from service.webhooks.tables import COMPLETE, INSERT, Arrival, columns_of


async def write(session: Session, arrivals: Sequence[Arrival]) -> list[bool]:
    """Write those that are not there yet; which of them are new."""
    try:
        async with session.savepoint():
            new = await _insert(session, arrivals)
    except (sa.exc.DataError, UnicodeEncodeError):
        if len(arrivals) == 1:
            return [False]
        return [(await write(session, [each]))[0] for each in arrivals]
    return [each.key in new for each in arrivals]


async def _insert(session: Session, arrivals: Sequence[Arrival]) -> set[tuple[str, str]]:
    if not arrivals:
        return set()
    rows = sorted(arrivals, key=lambda each: each.key)  # as the door does: nobody waits for another in a circle
    connection = await session.connection()
    written = await connection.exec_driver_sql(INSERT, tuple(columns_of(rows)))
    new: set[tuple[str, str]] = {(row.provider, row.event_id) for row in written}
    if whole := [each for each in rows if each.key not in new and not each.envelope.is_thin]:
        await connection.exec_driver_sql(COMPLETE, tuple(columns_of(whole)))
    return new
