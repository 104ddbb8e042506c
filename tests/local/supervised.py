"""A supervisor as a process of its own: `python -m tests.local.supervised '{"name": [argv…], …}'`, until SIGTERM or Ctrl-C.

It prints what a supervisor prints, and a line `all ready {pids}` once all children are.
"""

import asyncio
import json
import os
import signal
import sys

from service.local.console import Console
from service.local.health import ready_when
from service.local.processes import Child, Supervisor


async def _supervise(commands: dict[str, list[str]]) -> None:
    console = Console(sys.stdout)
    supervisor = Supervisor(console, first_pause_s=0.1)
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    for name, argv in commands.items():
        await supervisor.start(Child(name, argv, ready_when(lambda: True, ""), dict(os.environ), stop_within_s=1.0))
    console.block(f"all ready {json.dumps(supervisor.pids)}")
    await told.wait()
    await supervisor.stop()
    console.close()


if __name__ == "__main__":
    asyncio.run(_supervise(json.loads(sys.argv[1])))
