"""Bringing one local system up, watching it until a signal, and taking it down again.

Whatever ends it (a signal, a child that never gets ready, an error of ours), every child is ended before this returns.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine

import psycopg

from service.local.console import Console
from service.local.processes import NotReady, Supervisor
from service.local.responder import PEOPLE, TOKEN_VARIABLE, token_file
from service.local.shared import share, withdraw
from service.local.system import (
    System,
    built,
    companions,
    control,
    cubano,
    environment,
    postgres,
    responder_environment,
    services,
    watchers,
)
from service.migrations.head import HEAD

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
        if await _unless(told_to_stop, bring_up(system, supervisor)):
            share(system.state.directory, environment(system) | responder_environment(system))
            announce(supervisor.pids)
            await told_to_stop.wait()
        console.notice("up", "ending everything")
    finally:
        withdraw(system.state.directory)
        await supervisor.stop()
        if system.database:
            system.database.release()


async def bring_up(system: System, supervisor: Supervisor) -> None:
    """Start everything in order, with a migrated and seeded database; raises NotReady."""
    if system.database:
        system.database.prepare()
        await supervisor.start(postgres(system.database))
        system.database.ensure_database("cubano")
    start, around, inside = supervisor.start, companions(system), services(system)
    if _schema_is_current(system.database_url):  # all at once, which is what makes the second start quick
        seed = _cubano(system, supervisor, "db", "seed")
        await _together(seed, _watch(system, supervisor), _control(system, supervisor), *map(start, [*around, *inside]))
    else:  # who watches comes last: a service that waits for its tables is not down
        await _together(_make_data(system, supervisor), _control(system, supervisor), *map(start, around))
        await _together(*map(start, inside))
        await _watch(system, supervisor)


async def _make_data(system: System, supervisor: Supervisor) -> None:
    await _cubano(system, supervisor, "db", "upgrade")
    await _cubano(system, supervisor, "db", "seed")


async def _watch(system: System, supervisor: Supervisor) -> None:
    watching = watchers(system)
    if watching:
        await supervisor.run("monitor", built(system), environment(system))
    await _together(*map(supervisor.start, watching))


async def _control(system: System, supervisor: Supervisor) -> None:
    """Its people first, so that they may sign in as soon as it answers."""
    for child in control(system):
        token_file(system.state.directory, system.state.record.responder)
        settings = responder_environment(system)
        for name, role in PEOPLE.items():
            words = cubano("respond", "operators", "add", name, "--role", role, "--if-missing")
            token = {TOKEN_VARIABLE: system.state.record.responder.people[name]}
            await supervisor.run(f"operator {name}", words, settings | token)
        await supervisor.start(child)


async def _cubano(system: System, supervisor: Supervisor, *words: str) -> None:
    await supervisor.run(words[0], cubano(*words), environment(system))


def _schema_is_current(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return False
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.Error:  # the upgrade that follows says what is wrong in better words
        return False
    return found == (HEAD,)


async def _together(*work: Coroutine[None, None, None]) -> None:
    """Await all; the first failure cancels the rest and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* (NotReady, OSError) as failed:
        raise failed.exceptions[0] from None


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
