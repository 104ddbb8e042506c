"""`cubano emulate`: the stand-in as a process of its own."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
import uvicorn
import uvloop

from service.emulator.app import Emulator
from service.emulator.asgi import Protocol
from service.emulator.journal import Journal, StateInUse
from service.emulator.paypal import signing
from service.emulator.standin import Endpoint, StandIn
from service.emulator.store import Store
from service.emulator.world import Options

ENV = "CUBANO_EMULATOR_"
STOP_WITHIN_S = 5  # requests under way get this long


def _address(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return str(ip_address("127.0.0.1" if value == "localhost" else value))
    except ValueError as error:
        raise click.BadParameter("give an IP address") from error


def _repeated(flag: str, name: str, told: str) -> Callable[[Any], Any]:
    variable = ENV + flag.removeprefix("--").upper().replace("-", "_")
    return click.option(flag, name, multiple=True, envvar=variable, help=told)


@click.command(context_settings={"auto_envvar_prefix": "CUBANO_EMULATOR", "show_default": True})
@click.option(
    "--host", default="127.0.0.1", callback=_address, help="Address to listen on. Control answers to loopback only."
)
@click.option("--port", default=8100, type=click.IntRange(0, 65535), help="Port; 0 takes a free one and prints it.")
@click.option(
    "--metrics-port", default=9104, type=click.IntRange(0, 65535), help="Port of /metrics; 0 takes a free one."
)
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps everything over restarts."
)
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    envvar=[ENV + "API_KEY", ENV + "API_KEYS"],
    help="Secret key to accept; repeatable. None: any sk_test_ key.",
)
@click.option(
    "--webhook-url",
    "urls",
    multiple=True,
    envvar=[ENV + "WEBHOOK_URL", ENV + "WEBHOOK_URLS"],
    help="Where events go; repeatable.",
)
@click.option(
    "--webhook-secret",
    "secrets",
    multiple=True,
    envvar=[ENV + "WEBHOOK_SECRET", ENV + "SECRETS"],
    help="whsec_ secret, one for each --webhook-url.",
)
@_repeated("--thin-webhook-url", "thin_urls", "Where events go as thin ones; repeatable.")
@_repeated("--thin-webhook-secret", "thin_secrets", "whsec_ secret, one for each of them.")
@_repeated("--paypal-webhook-url", "paypal_urls", "Where PayPal's events go; repeatable.")
@_repeated("--paypal-webhook-id", "paypal_ids", "WH- id, one for each --paypal-webhook-url.")
@_repeated("--paypal-client-id", "paypal_clients", "Client to accept; repeatable. None: any.")
@_repeated("--paypal-client-secret", "paypal_secrets", "Secret, one for each client.")
@click.option(
    "--paypal-ca-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the authority that vouches for PayPal's signatures, as PEM.",
)
@click.option("--webhook-events", default="*", help="Event types to send, comma separated; * stands for any.")
@click.option("--webhook-tries", default=10, type=click.IntRange(1, 50), help="Tries before a delivery is given up.")
@click.option("--webhook-timeout", default=10, type=click.IntRange(1, 60), help="Seconds an endpoint has to answer.")
@click.option(
    "--webhook-retry-ms", default=500, type=click.IntRange(1, 60_000), help="Before the first retry; doubles."
)
@click.option("--settle-ms", default=2000, type=click.IntRange(0), help="Until delayed payments and refunds settle.")
@click.option("--rate-limit", type=click.IntRange(1), help="Requests a second each endpoint takes; none: no limit.")
@click.option("--public-url", help="Base of the pay page's address; by default the address listened on.")
@click.option("--api-url", help="Base of the links and certificates programs follow; by default the public one.")
@click.option("--merchant", default="A Lo Cubano Boulder Fest", help="Shop name on the pay page.")
def emulate(**given: object) -> None:
    """Run a stand-in for the payment gateways on loopback.

    Speaks Stripe's API at /v1 and PayPal's at /paypal, shows their pay pages, and takes orders from tests and drills at
    /_emulator.
    """
    asked = Asked(**given)  # type: ignore[arg-type]  # click has converted each of them
    _check_pairs(asked)
    try:
        uvloop.run(serve(asked))
    except StateInUse as error:
        raise click.ClickException(f"{error} is in use by another process.") from error


def _check_pairs(asked: "Asked") -> None:
    pairs = {
        "--webhook-secret for each --webhook-url": (asked.urls, asked.secrets),
        "--thin-webhook-secret for each --thin-webhook-url": (asked.thin_urls, asked.thin_secrets),
        "--paypal-webhook-id for each --paypal-webhook-url": (asked.paypal_urls, asked.paypal_ids),
        "--paypal-client-secret for each --paypal-client-id": (asked.paypal_clients, asked.paypal_secrets),
    }
    for words, (names, values) in pairs.items():
        if len(names) != len(values):
            raise click.UsageError(f"Give one {words}.")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line."""

    host: str
    port: int
    metrics_port: int
    state: Path | None
    api_keys: tuple[str, ...]
    urls: tuple[str, ...]
    secrets: tuple[str, ...]
    thin_urls: tuple[str, ...]
    thin_secrets: tuple[str, ...]
    paypal_urls: tuple[str, ...]
    paypal_ids: tuple[str, ...]
    paypal_clients: tuple[str, ...]
    paypal_secrets: tuple[str, ...]
    paypal_ca_file: Path | None
    webhook_events: str
    webhook_tries: int
    webhook_timeout: int
    webhook_retry_ms: int
    settle_ms: int
    rate_limit: int | None
    public_url: str | None
    api_url: str | None
    merchant: str


async def serve(asked: Asked) -> None:
    """Until SIGTERM or SIGINT: stop accepting, finish what is under way, keep what is owed."""
    with ExitStack() as opened:
        store = Store(None if asked.state is None else Journal(asked.state))
        opened.callback(store.close)
        listener = opened.enter_context(_listen(asked.host, asked.port))
        url = _url(asked.host, listener.getsockname()[1])
        standin = StandIn(store, _options(asked, url))
        endpoints = _endpoints(asked)
        if endpoints:
            standin.listen(endpoints)
        if asked.paypal_ca_file is not None:  # before anybody hears that we are ready
            asked.paypal_ca_file.write_text(signing.authority(standin.world))
        metrics = opened.enter_context(_metrics(standin, asked))
        server = uvicorn.Server(_config(standin))
        _stop_on_signal(server)
        _announce(url, metrics)
        await _run(server, listener)


def _endpoints(asked: Asked) -> list[Endpoint]:
    types = asked.webhook_events.split(",")
    thin = zip(asked.thin_urls, asked.thin_secrets, strict=True)
    paypal = zip(asked.paypal_urls, asked.paypal_ids, strict=True)
    return [
        *(Endpoint(url=u, secret=s, enabled_events=types) for u, s in zip(asked.urls, asked.secrets, strict=True)),
        *(Endpoint(url=url, secret=secret, payload="thin") for url, secret in thin),
        *(Endpoint(url=url, secret=webhook, provider="paypal") for url, webhook in paypal),
    ]


@contextmanager
def _metrics(standin: StandIn, asked: Asked) -> Iterator[str]:
    """The metrics' own server and thread; gives its address."""
    try:
        server, thread = standin.metrics.serve(asked.host, asked.metrics_port)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {asked.host}:{asked.metrics_port}: {error.strerror}.") from error
    try:
        yield _url(asked.host, server.server_port) + "/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _config(standin: StandIn) -> uvicorn.Config:
    return uvicorn.Config(
        Emulator(standin),
        http=Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # as the gateway's own: clients keep their pool over a quiet minute
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    # `Server.serve` would raise the signal again after stopping; a clean end is exit 0
    await server._serve([listener])  # noqa: SLF001


def _stop_on_signal(server: uvicorn.Server) -> None:
    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    listener.listen(2048)
    return listener


def _url(host: str, port: int) -> str:
    if ip_address(host).is_unspecified:  # listens everywhere; a browser on this machine comes by loopback
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _options(asked: Asked, url: str) -> Options:
    return Options(
        public_url=(asked.public_url or url).rstrip("/"),
        api_url=None if asked.api_url is None else asked.api_url.rstrip("/"),
        api_keys=asked.api_keys,
        paypal_clients=tuple(zip(asked.paypal_clients, asked.paypal_secrets, strict=True)),
        merchant=asked.merchant,
        settle_ms=asked.settle_ms,
        rate_limit=asked.rate_limit,
        webhook_tries=asked.webhook_tries,
        webhook_timeout_s=asked.webhook_timeout,
        webhook_first_retry_ms=asked.webhook_retry_ms,
    )


def _announce(url: str, metrics: str) -> None:
    sys.stdout.write(json.dumps({"url": url, "metrics": metrics}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    emulate()
