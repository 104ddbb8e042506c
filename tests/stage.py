"""The whole system on real wires for one test: PostgreSQL, the gateway's stand-in, `serve` and, when asked, `work`.

`stage` runs the application of `create_app` in a real server on a free port, talking through the real SDK to an emulator
process that is shared by the tests of one pytest process and reset before each. `serve` and `work` run on the test's own
event loop, so their clock can be handed in; everything between them goes over sockets.
"""

import asyncio
import json
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
import structlog
import uvicorn

from service.app import create_app
from service.cli.wire import OneWriteProtocol
from service.kernel.clock import Clock, utc_now
from service.kernel.db import Database
from service.parts import build_database
from service.settings import Settings, load_settings
from service.telemetry.registry import Telemetry
from service.worker import Worker, create_worker
from tests.postgres.names import VAULT_KEY

API_KEY = "sk_test_stage"
WEBHOOK_SECRET = "whsec_stage"
PAYPAL_WEBHOOK_ID = "WH-0STAGE0000000001"
START_S = 15
SOON = 5  # turns of the event loop in which an idle connection closes
ENOUGH_S = 30  # for what comes true within a second on a machine that is not busy


@pytest.fixture(scope="session")
def paypal_ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the emulator writes the authority that vouches for PayPal's events."""
    return tmp_path_factory.mktemp("emulator") / "paypal-ca.pem"


@pytest.fixture(scope="session")
def emulator_url(paypal_ca_file: Path) -> Iterator[str]:
    """One emulator process for all tests of this pytest process."""
    command = [
        sys.executable,
        "-m",
        "service.cli",
        "emulate",
        "--port",
        "0",
        "--metrics-port",
        "0",
        "--api-key",
        API_KEY,
        "--paypal-ca-file",
        str(paypal_ca_file),
    ]
    webhook = ["--webhook-url", "http://127.0.0.1:9/none", "--webhook-secret", WEBHOOK_SECRET]
    with subprocess.Popen([*command, *webhook], stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


def buyer(**changes: Any) -> dict[str, Any]:
    """The body of a good checkout request; `changes` replace top-level fields."""
    return {
        "items": [{"ticketType": "full-pass", "quantity": 2}],
        "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
        "locale": "en",
        **changes,
    }


def ref_of(checkout: dict[str, Any]) -> str:
    """The id that stands in the address of the gateway's page: a session's, or an order's at PayPal."""
    url = urlsplit(checkout["checkoutUrl"])
    if is_paypal(checkout):
        return parse_qs(url.query)["token"][0]
    return next(part for part in url.path.split("/") if part.startswith("cs_"))


def is_paypal(checkout: dict[str, Any]) -> bool:
    return urlsplit(checkout["checkoutUrl"]).path.endswith("/checkoutnow")


@dataclass
class Stage:
    """What a test holds in its hands."""

    settings: Settings
    clock: Clock
    emulator: httpx.AsyncClient  # the control of the contract under /_emulator, the vendor's API under /v1
    client: httpx.AsyncClient  # `serve`
    db: Database  # to look, and to tamper with
    _keys: int = field(default=0)

    async def checkout(self, body: dict[str, Any] | None = None, *, key: str | None = None) -> httpx.Response:
        """POST a checkout; a new key unless one is given."""
        self._keys += 1
        headers = {"Idempotency-Key": key or f"stage-key-{self._keys}"}
        return await self.client.post("/api/payment/checkout-session", json=body or buyer(), headers=headers)

    async def pay(self, checkout: dict[str, Any], card: str = "4242424242424242", **more: Any) -> dict[str, Any]:
        """Pay a checkout at the gateway, as a buyer would on its page; one of PayPal's with `paypal="approve"` or the like."""
        body = {"paypal": "approve", **more} if is_paypal(checkout) else {"card": card, **more}
        answer = await self.emulator.post(f"/_emulator/sessions/{ref_of(checkout)}/pay", json=body)
        answer.raise_for_status()
        return answer.json()

    async def order(self, checkout: dict[str, Any]) -> dict[str, Any]:
        """The order as its buyer sees it."""
        headers = {"Authorization": f"Bearer {checkout['accessToken']}"}
        answer = await self.client.get(f"/api/payment/order/{checkout['orderId']}", headers=headers)
        answer.raise_for_status()
        return answer.json()

    async def until(self, check: Callable[[], Awaitable[Any]], *, within_s: float = ENOUGH_S) -> Any:
        """Wait until `check` answers something true, and answer that."""
        async with asyncio.timeout(within_s):
            while not (found := await check()):  # noqa: ASYNC110 - it watches other processes
                await asyncio.sleep(0.02)
        return found

    async def order_in(self, checkout: dict[str, Any], *states: str, within_s: float = ENOUGH_S) -> dict[str, Any]:
        """Wait until the order is in one of these states."""

        async def look() -> dict[str, Any] | None:
            order = await self.order(checkout)
            return order if order["status"] in states else None

        return await self.until(look, within_s=within_s)

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a query answers, as tuples."""
        async with self.db.engine.begin() as connection:
            result = await connection.execute(sa.text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def faults(self, *faults: dict[str, Any], seed: int = 1) -> None:
        """Arm the gateway's faults."""
        (await self.emulator.put("/_emulator/faults", json={"seed": seed, "faults": list(faults)})).raise_for_status()

    @asynccontextmanager
    async def worker(self, **settings: Any) -> AsyncIterator[Worker]:
        """`work` on this event loop for the length of the block."""
        chosen = self.settings.model_copy(update=settings)
        worker = create_worker(chosen, clock=self.clock)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop.set()
            await task


class PromptServer(uvicorn.Server):
    """Ends when it is told to, with what is under way; uvicorn's own looks ten times a second, and rests as long once more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(SOON):
            await asyncio.sleep(0)
        await self._wait_tasks_to_complete()
        await self.lifespan.shutdown()


@pytest.fixture
def stage_settings() -> dict[str, str]:
    """Settings a test module changes for its stage, as environment names; override this fixture."""
    return {}


@pytest.fixture
def stage_clock() -> Clock:
    """The clock of `serve` and `work`; override this fixture with a `Dial`."""
    return utc_now


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """Warnings in plain text; structlog's own default draws every frame with its variables, for a second a stack."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
async def stage(
    database_url: str,
    emulator_url: str,
    paypal_ca_file: Path,
    stage_settings: dict[str, str],
    stage_clock: Clock,
    plain_logs: None,
) -> AsyncIterator[Stage]:
    """`serve` on a free port against a clean emulator; its webhooks come to this server."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = load_settings(_environment(database_url, emulator_url, url, paypal_ca_file) | stage_settings)
    app = create_app(settings, clock=stage_clock)
    # As `cubano serve` speaks: an answer in two writes waits 40 ms for the client's kernel to acknowledge the first.
    # And longer than the client keeps an idle connection: else it may be closed under a request that is being sent.
    how = {"http": OneWriteProtocol, "log_config": None, "ws": "none", "timeout_keep_alive": 60}
    server = PromptServer(uvicorn.Config(app, **how))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # for nothing; reading all authorities takes 40 ms for each client
    async with (
        httpx.AsyncClient(base_url=emulator_url, timeout=20, verify=tls) as emulator,
        httpx.AsyncClient(base_url=url, timeout=20, verify=tls) as client,
    ):
        await _reset(emulator, url)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        db = build_database(settings, Telemetry("test", version="0", environment="test"), clock=stage_clock)
        try:
            async with asyncio.timeout(START_S):
                while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0.01)
            yield Stage(settings, stage_clock, emulator, client, db)
        finally:
            await _silence(emulator)
            server.over.set()
            await running
            await db.engine.dispose()


async def _reset(emulator: httpx.AsyncClient, url: str) -> None:
    (await emulator.post("/_emulator/reset")).raise_for_status()
    stripe = {"url": f"{url}/api/payment/webhook", "secret": WEBHOOK_SECRET}
    paypal = {"url": f"{url}/api/payment/webhook/paypal", "secret": PAYPAL_WEBHOOK_ID, "provider": "paypal"}
    (await emulator.put("/_emulator/endpoints", json=[stripe, paypal])).raise_for_status()


async def _silence(emulator: httpx.AsyncClient) -> None:
    """No delivery of this test may reach the next one's server."""
    (await emulator.post("/_emulator/reset")).raise_for_status()


def _environment(database_url: str, emulator_url: str, url: str, ca_file: Path) -> dict[str, str]:
    return {
        "CUBANO_DATABASE_URL": database_url,
        "CUBANO_SECRET_KEYS": "stage-secret-key-of-32-characters-or-more",
        "CUBANO_VAULT_KEYS": VAULT_KEY,
        "CUBANO_PUBLIC_URL": url,
        "CUBANO_STRIPE_API_KEY": API_KEY,
        "CUBANO_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "CUBANO_STRIPE_BASE_URL": emulator_url,
        "CUBANO_PROVIDERS": "stripe,paypal",
        "CUBANO_PAYPAL_CLIENT_ID": "stage",
        "CUBANO_PAYPAL_CLIENT_SECRET": "stage-secret",
        "CUBANO_PAYPAL_WEBHOOK_IDS": PAYPAL_WEBHOOK_ID,
        "CUBANO_PAYPAL_BASE_URL": f"{emulator_url}/paypal",
        "CUBANO_PAYPAL_CA_FILE": str(ca_file),
        "CUBANO_SMTP_URL": "smtp://127.0.0.1:9",  # nobody's; the default is the sink of whoever runs `make up` here
        "CUBANO_RATE_LIMITS": "1000",  # one address plays everybody; tests/limits has the real ones
        "CUBANO_BEACON_SAMPLE": "0",  # by chance a page would be another one; tests/beacon has it
        "CUBANO_SERVE_METRICS_PORT": "0",
        "CUBANO_WORK_METRICS_PORT": "0",
    }
