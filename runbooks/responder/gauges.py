"""The responder's figures about itself: when each side was last heard, and whether its journal is whole.

The journal is read over every few minutes, beside everything else, and compared with its mirror where that can be asked. What
a person has accepted (`cubano runbook resume`) is no fault any more.
"""

import asyncio
from contextlib import suppress

from runbooks.engine.journal import verify
from runbooks.engine.mirror import Mirror
from runbooks.engine.registry import UnreachableError
from runbooks.responder.station import Station
from service.telemetry.repairs import RUNBOOK_HEARD, RUNBOOK_JOURNAL_FAULTS

EVERY_S = 300.0
AGAIN_S = 1.0  # a line that is just being written is none yet: what is a fault is one a second later, too


class Gauges:
    """Of one responder; measured when somebody reads them."""

    def __init__(self, station: Station, mirror: Mirror | None) -> None:
        self._station = station
        self._mirror = mirror
        self._faults: set[str] = set()
        station.engine.desk.seen = self.seen
        station.telemetry.at_scrape(self.measure)

    def seen(self) -> set[str]:
        """All that is known to be wrong: what a person accepts who lets the engine go on."""
        return self._faults | set(self._mirror.differences if self._mirror is not None else ())

    def measure(self) -> None:
        station = self._station
        for side, at in list(station.board.heard.items()):
            station.telemetry.set(RUNBOOK_HEARD, at.timestamp(), side=str(side))
        open_ = self.seen() - set(station.engine.desk.runs.accepted)
        blocked = bool(station.engine.trouble or station.trouble)
        station.telemetry.set(RUNBOOK_JOURNAL_FAULTS, len(open_) + blocked)

    async def look(self, again_s: float = AGAIN_S) -> None:
        """Read the journal over, and compare it with its mirror."""
        found = await self._found()
        if found:
            await asyncio.sleep(again_s)
            found &= await self._found()
        self._faults = found

    async def look_forever(self, every_s: float = EVERY_S) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def _found(self) -> set[str]:
        found = set(await asyncio.to_thread(verify, self._station.settings.state))
        if self._mirror is not None:
            with suppress(UnreachableError):
                found |= set(await self._mirror.faults())
        return found
