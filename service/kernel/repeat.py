"""Something small that a process does again and again beside its work: read the switches, look after a breaker.

A turn that fails is counted; it is logged when the one before went well, so that an outage is one line and not one a second.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.telemetry import catalogue
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

log = get_logger("repeat")


@dataclass
class Repeat:
    """One thing to do every so many seconds; `loop` is its label among the failures."""

    loop: str
    turn: Callable[[], Awaitable[object]]
    every_s: float
    telemetry: Telemetry
    fails: bool = False

    async def once(self) -> None:
        """One turn; what it raises is counted and goes no further."""
        try:
            await self.turn()
        except Exception as error:  # the outermost edge of a loop: counted, logged, tried again
            self.telemetry.count(catalogue.WORKER_FAILURES, loop=self.loop)
            if not self.fails:
                log.warning("turn failed", loop=self.loop, exc_info=error)
            self.fails = True
        else:
            if self.fails:
                log.info("turn succeeds again", loop=self.loop)
            self.fails = False

    async def forever(self) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            await self.once()


@asynccontextmanager
async def repeating(repeats: list[Repeat]) -> AsyncGenerator[None, None]:
    """Each has had one turn when the block begins, and its next ones as long as the block lasts."""
    for each in repeats:
        await each.once()
    tasks = [asyncio.create_task(each.forever(), name=each.loop) for each in repeats]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
