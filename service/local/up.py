"""Bringing one local system up, watching it until a signal, and taking it down again.

Whatever ends it (a signal, a child that never gets ready, an error of ours), every child is ended before this returns.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from service.local.console import Console
from service.local.processes import NotReady, Supervisor
from service.local.system import System, companions, cubano, environment, postgres, services

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Announce = Callable[[dict[str, int]], None]


async def run(system: System, console: Console, announce: Announce) -> None:
    """Run the system until a signal; `announce` is called with the pids once all is healthy. Raises NotReady."""
    supervisor = Supervisor(console)
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, told_to_stop.set)
    try:
        if await _unless(told_to_stop, _bring_up(system, supervisor)):
            announce(supervisor.pids)
            await told_to_stop.wait()
        console.notice("up", "ending everything")
    finally:
        await supervisor.stop()
        if system.database:
            system.database.release()


async def _bring_up(system: System, supervisor: Supervisor) -> None:
    if system.database:
        system.database.prepare()
        await supervisor.start(postgres(system.database))
        system.database.ensure_database("cubano")
    await _together(_prepare_data(system, supervisor), *(supervisor.start(child) for child in companions(system)))
    await _together(*(supervisor.start(child) for child in services(system)))


async def _prepare_data(system: System, supervisor: Supervisor) -> None:
    settings = environment(system)
    await supervisor.run("db", cubano("db", "upgrade"), settings)
    await supervisor.run("db", cubano("db", "seed"), settings)


async def _together(*work: Awaitable[None]) -> None:
    """Await all; the first failure cancels the rest and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(_as_coroutine(each))
    except* (NotReady, OSError) as failed:
        raise failed.exceptions[0] from None


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


async def _unless(stopped: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether the work was done; False when it was given up because of a signal."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return working.done()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
