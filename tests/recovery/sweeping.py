"""Sweep one gateway step by step, with the clock in the test's hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from service.recovery.flow import sweep
from service.webhooks.flow import Intake
from tests.recovery.both import later
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import samples

LATER_S = 70  # when the next sweep is due, and what happened meanwhile is old enough


@dataclass
class Broom:
    stage: Stage
    inbox: Inbox
    intake: Intake

    async def sweep(self, provider: str = "stripe", *, livemode: bool = False, after_s: int = LATER_S) -> bool:
        """One look, some time later; whether the list was read."""
        later(self.stage, after_s)
        parts = self.inbox.parts
        return await sweep(parts.db, parts.gateways[provider], self.intake, livemode=livemode)

    async def events(self) -> dict[str, str]:
        """Who found each event of the inbox."""
        return dict(await self.stage.rows("SELECT event_id, found_by FROM payment_events"))

    async def swept_ago(self, provider: str = "stripe") -> timedelta:
        """How old the mark is up to which everything was read."""
        row = await self.stage.rows("SELECT swept_until FROM sweeps WHERE provider = :p", p=provider)
        return self.stage.clock() - row[0][0]

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """A counter of this side by its labels."""
        return samples(self.inbox.parts.telemetry.render("")[0].decode(), name)


@asynccontextmanager
async def broom_of(stage: Stage, inbox: Inbox) -> AsyncIterator[Broom]:
    intake = Intake(inbox.parts.db)
    await inbox.parts.db.open()
    await intake.open()
    yield Broom(stage, inbox, intake)
    await intake.close()
