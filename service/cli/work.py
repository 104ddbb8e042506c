"""`cubano work`: the background side until SIGTERM or Ctrl-C, and the work in hand to its end."""

import asyncio
import signal

import click

from service.cli.common import log_to, settings_or_exit
from service.worker import create_worker


@click.command()
def work() -> None:
    """Apply events, send mail, close what nobody paid."""
    settings = settings_or_exit()

    async def run() -> None:
        worker = create_worker(settings)
        log_to(worker.parts.telemetry, settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop.set)
        await worker.run()

    asyncio.run(run())
