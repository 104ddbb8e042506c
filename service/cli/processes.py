"""`cubano serve` and `cubano work`: the two processes of the data plane, ended cleanly by SIGTERM or Ctrl-C."""

import asyncio
import signal

import click
import uvicorn
from litestar import Litestar

from service.app import create_app
from service.cli.common import settings_or_exit
from service.cli.wire import OneWriteProtocol
from service.settings import Settings
from service.telemetry.labels import Signal
from service.telemetry.logs import configure_logs
from service.telemetry.registry import Telemetry
from service.worker import create_worker

GRACE_S = 6  # for requests in hand; the local supervisor kills after 7 s, most orchestrators after 10
BACKLOG = 1024


@click.command()
@click.option("--host", help="Address to listen on; CUBANO_SERVE_HOST otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; CUBANO_SERVE_PORT otherwise.")
def serve(host: str | None, port: int | None) -> None:
    """Answer the API and the pages."""
    settings = settings_or_exit()
    app = create_app(settings)
    _log(app.state.telemetry, settings)
    answer(app, host or settings.serve_host, settings.serve_port if port is None else port)


def answer(app: Litestar, host: str, port: int) -> None:
    """Take requests until SIGTERM or Ctrl-C, and answer those that are in hand then."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=OneWriteProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",  # what it says at its start and end, the supervisor says too
        access_log=False,  # the telemetry middleware writes the one line a request gets
        server_header=False,
        proxy_headers=False,  # CUBANO_TRUSTED_HOPS says how far they are believed
        date_header=True,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
    )
    # The server raises the signal that ended it once more after its clean shutdown; that must not make it look killed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    uvicorn.Server(config).run()


@click.command()
def work() -> None:
    """Apply events, send mail, close what nobody paid."""
    settings = settings_or_exit()

    async def run() -> None:
        worker = create_worker(settings)
        _log(worker.parts.telemetry, settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop.set)
        await worker.run()

    asyncio.run(run())


def _log(telemetry: Telemetry, settings: Settings) -> None:
    """From here on everything this process says is one line each; lines that cannot be written are counted."""
    configure_logs(
        telemetry.process,
        settings.log_format,
        settings.log_level,
        levels=dict(each.split("=", 1) for each in settings.log_levels),
        on_drop=lambda lines: telemetry.drop(Signal.LOGS, lines),
    )
