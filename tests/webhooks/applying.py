"""Apply what is in the inbox step by step, with the clock in the test's hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from service.kernel.clock import Dial
from service.kernel.invariants import check
from service.parts import INVARIANTS, ON_EVENT, Parts, build_parts
from service.webhooks.flow import apply_next
from tests.stage import Stage

LONG = timedelta(minutes=20)  # more than the longest wait between two tries


@dataclass
class Inbox:
    """The worker's side of the inbox, one event at a time."""

    stage: Stage
    parts: Parts

    async def apply(self) -> int:
        """Apply all that is due now; how many tries that took."""
        tries = 0
        while await apply_next(self.parts.db, self.parts.gateways, ON_EVENT, jitter=0.5):
            tries += 1
        return tries

    async def settle(self) -> None:
        """Apply until nothing is pending, turning the clock to each next try."""
        assert isinstance(self.stage.clock, Dial)
        await self.apply()
        while (await self.stage.rows("SELECT count(*) FROM payment_events WHERE state = 'pending'"))[0][0]:
            self.stage.clock.advance(LONG)
            await self.apply()

    async def states(self) -> dict[str, tuple[Any, ...]]:
        """(state, outcome, attempts, cause) of each event by its id."""
        found = await self.stage.rows("SELECT event_id, state, outcome, attempts, cause FROM payment_events")
        return {row[0]: row[1:] for row in found}

    async def broken(self) -> list[str]:
        """Names of the promises the data breaks."""
        async with self.parts.db.transaction() as session:
            return [each.invariant.name for each in await check(session, INVARIANTS) if each.count]


@asynccontextmanager
async def inbox_of(stage: Stage) -> AsyncIterator[Inbox]:
    parts = build_parts(stage.settings, "work", clock=stage.clock)
    try:
        yield Inbox(stage, parts)
    finally:
        await parts.close()
