"""`cubano serve`: requests are answered until SIGTERM or Ctrl-C, and those in hand to their end.

A module of its own, as `work` is: neither process loads what only the other needs.
"""

import gc
import signal

import click
import uvicorn
from litestar import Litestar

from service.app import create_app
from service.cli.common import log_to, settings_or_exit
from service.cli.wire import OneWriteProtocol

GRACE_S = 6  # for requests in hand; the local supervisor kills after 7 s, most orchestrators after 10
BACKLOG = 1024
KEEP_ALIVE_S = 75  # longer than proxies keep a connection they are not using, or one of them is closed under a request
YOUNG = 10_000  # new objects until the collector looks; a request makes some hundred that outlive its first wait


@click.command()
@click.option("--host", help="Address to listen on; CUBANO_SERVE_HOST otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; CUBANO_SERVE_PORT otherwise.")
def serve(host: str | None, port: int | None) -> None:
    """Answer the API and the pages."""
    settings = settings_or_exit()
    app = create_app(settings)
    log_to(app.state.telemetry, settings)
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
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    # The server raises the signal that ended it once more after its clean shutdown; that must not make it look killed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    _spare_the_collector()
    uvicorn.Server(config).run()


def _spare_the_collector() -> None:
    """What is there now stays to the end, so nobody need look through it again: a tenth of a webhook's processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
