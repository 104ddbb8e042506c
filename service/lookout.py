"""One look at all queues wakes the loops of the worker that have something to do; the others sleep.

A look is one prepared statement, a tenth of what a claim costs, so it can be taken often. It decides nothing: what it
found is claimed by the loop it wakes, and may be gone by then. Loops that nobody wakes turn by themselves now and then,
so that this can fail and nothing stays. A turn that did something is followed by a look at once: what it has promised
(a letter) is found without waiting.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from service.kernel.db import Database

NAME = "lookout"
LOOK_S = 0.1  # between two looks while nothing happens: what a delivery waits for its loop, at most
SHORTEST_S = 0.02  # between two looks while much happens
MOST = 50  # due messages in one look; behind so many there may be others, so every queue is woken

DUE = b"""
    SELECT 'inbox', 1 WHERE EXISTS (
        SELECT FROM payment_events WHERE state = 'pending' AND due_at <= %(now)s AND (NOT is_thin OR detail IS NOT NULL))
    UNION ALL
    SELECT 'thin', 1 WHERE EXISTS (
        SELECT FROM payment_events WHERE state = 'pending' AND is_thin AND detail IS NULL AND due_at <= %(now)s)
    UNION ALL
    SELECT split_part(kind, '.', 1), count(*) FROM (
        SELECT kind FROM outbox
        WHERE state = 'pending' AND kind = ANY(%(kinds)s) AND due_at <= %(now)s
            AND (leased_until IS NULL OR leased_until <= %(now)s)
        ORDER BY due_at, seq LIMIT %(most)s) due
    GROUP BY 1
"""


class Lookout:
    """Knows which loops rest. `queues` names the loops of each queue, those to be woken first at the front."""

    def __init__(self, db: Database, queues: Mapping[str, Sequence[str]], kinds: Iterable[str]) -> None:
        self._db = db
        self._queues = queues
        self._kinds = list(kinds)
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._resting: set[str] = set()
        self._looked_at = 0.0
        self._is_over = False

    async def look(self) -> bool:
        """Wake one resting loop of each queue in which something is due; never more work at once."""
        await asyncio.sleep(max(self._looked_at + SHORTEST_S - time.monotonic(), 0))
        self._looked_at = time.monotonic()
        asked = {"now": self._db.clock(), "kinds": self._kinds, "most": MOST}
        async with self._db.raw.connection() as connection:
            due = await (await connection.execute(DUE, asked, prepare=True)).fetchall()
        many = sum(count for _, count in due) >= MOST
        for queue in self._queues if many else [queue for queue, _ in due]:
            self._wake_one(queue)
        return False

    def _wake_one(self, queue: str) -> None:
        free = next((loop for loop in self._queues.get(queue, ()) if loop in self._resting), None)
        if free is not None:
            self._resting.discard(free)
            self._bells[free].set()

    async def rest(self, loop: str, seconds: float, *, wakes: bool) -> None:
        """Nothing to do for so long, or, if it `wakes`, until there is."""
        if self._is_over:
            return
        bell = self._bells[loop]
        if wakes:
            self._resting.add(loop)
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass
        finally:
            self._resting.discard(loop)
            bell.clear()

    def hurry(self) -> None:
        """Something was done, so that something else may be due: look at once."""
        self._bells[NAME].set()

    def wake_all(self) -> None:
        """The end: every rest is over, and nobody rests any more."""
        self._is_over = True
        for bell in self._bells.values():
            bell.set()
