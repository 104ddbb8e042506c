"""Processes that come quickly and may be killed: `python -m tests.crash.child` forks them from one that has all imports.

The parent reads one JSON line an order on its standard input and answers with JSON lines: `{"pid": …}` when the child is
there and `{"pid": …, "status": …}` when it has ended. It has neither threads nor an event loop, so forking it is safe; it
ends, with its children, when its input closes. A child is `serve` and `work` on one event loop, built by `create_app` and
`create_worker` from real settings, with the instruments of `strike` around them.
"""

import asyncio
import gc
import json
import os
import selectors
import signal
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from service.app import create_app
from service.kernel.clock import Clock
from service.lookout import Lookout
from service.settings import load_settings
from service.telemetry.logs import configure_logs
from service.worker import create_worker
from tests.crash.strike import Instruments, Strike
from tests.postgres.names import child_environment

BOTH = {
    "CUBANO_PROVIDERS": "stripe,paypal",
    "CUBANO_PAYPAL_CLIENT_ID": "crash",
    "CUBANO_PAYPAL_CLIENT_SECRET": "crash",
    "CUBANO_PAYPAL_WEBHOOK_IDS": "WH-CRASH-TEST",
}
LONGEST_PAUSE_S = 0.7
RARE_S = 10.0  # a loop that waits for longer only reads or forgets


def clock_of(hand: Path) -> Clock:
    """The real time and as many seconds more as stand in the file, so that a test can turn a running process's clock."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(hand.read_text()))

    return now


def hurry() -> None:
    """The worker's loops look again after a second where they would wait for some: only the clock is to be waited for."""
    rest = Lookout.rest

    async def shorter(lookout: Lookout, loop: str, seconds: float, *, wakes: bool) -> None:
        short_s = min(seconds, LONGEST_PAUSE_S) if seconds < RARE_S else seconds
        await rest(lookout, loop, short_s, wakes=wakes)

    Lookout.rest = shorter  # type: ignore[method-assign]


async def run(order: dict[str, Any]) -> None:
    """`serve` and `work` until they are killed."""
    strike = Strike(**order["strike"]) if order["strike"] else None
    hurry()
    Instruments(Path(order["reached"]), strike).install()
    settings, clock = load_settings(order["environment"]), clock_of(Path(order["clock"]))
    app = create_app(settings, clock=clock)
    configure_logs("crash", "json", "WARNING", on_drop=lambda _: None)
    config = uvicorn.Config(app, port=settings.serve_port, log_config=None, ws="none", lifespan="on")
    async with asyncio.TaskGroup() as group:
        group.create_task(uvicorn.Server(config).serve())
        group.create_task(create_worker(settings, clock=clock).run())


def _fork(order: dict[str, Any], parents: list[int]) -> int:
    """The child's end of the pipe closes with it, which is how its death is noticed."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for each in parents:
            os.close(each)
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        asyncio.run(run(order))
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def _say(**what: int) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def warm_up() -> None:
    """Build both once, so that everything is imported; nothing is connected by that, and nothing of it is used."""
    settings = load_settings(child_environment("postgresql://nobody@127.0.0.1:9/none", **BOTH))
    uvicorn.Config(create_app(settings), log_config=None, ws="none").load()
    create_worker(settings)
    gc.freeze()


def main() -> None:
    """Fork on request until the input closes."""
    warm_up()
    living: dict[int, int] = {}  # the reading end of each child's pipe -> its pid
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not sys.stdin:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid = living.pop(key.fd)
                    _say(pid=pid, status=os.waitpid(pid, 0)[1])
                elif line := sys.stdin.readline():
                    reading, writing = os.pipe()
                    pid = _fork(json.loads(line), [*living, reading])
                    os.close(writing)
                    living[reading] = pid
                    selector.register(reading, selectors.EVENT_READ)
                    _say(pid=pid)
                else:
                    for pid in living.values():
                        os.kill(pid, signal.SIGKILL)
                    return


if __name__ == "__main__":
    main()
