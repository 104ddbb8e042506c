"""One emulator process for all tests of this folder, reset before each; sockets only, nothing of ours is mocked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.emulator.gateway import API_KEY, NO_TLS, CheckedHTTP, Gateway, Process
from tests.emulator.receiver import SECRET, Receiver
from tests.emulator.schema import Shapes

SCHEMA = Path(__file__).parents[3] / "shared" / "data" / "stripe-schema.json.gz"
QUICK = ("--settle-ms", "150", "--webhook-retry-ms", "40", "--webhook-tries", "4", "--webhook-timeout", "1")


@pytest.fixture(scope="session")
def process() -> Iterator[Process]:
    running = Process("--api-key", API_KEY, *QUICK)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def shapes() -> Shapes | None:
    """The published schema, where it lies beside this checkout; `test_schema.py` says when it does not."""
    return Shapes(SCHEMA) if SCHEMA.exists() else None


@pytest.fixture
def published(shared_data: Callable[[str], Path], shapes: Shapes | None) -> Shapes | None:
    """For tests that are about the schema: skipped, and named, without it."""
    shared_data("stripe-schema.json.gz")
    return shapes


@pytest.fixture
async def gateway(process: Process, shapes: Shapes | None) -> AsyncIterator[Gateway]:
    wire = CheckedHTTP(shapes, timeout=10, verify_ssl_certs=False)
    async with httpx.AsyncClient(base_url=process.url, timeout=10, verify=NO_TLS) as http:
        (await http.post("/_emulator/reset")).raise_for_status()
        (await http.put("/_emulator/endpoints", json=[])).raise_for_status()
        yield Gateway(process.url, wire, http, shapes)
        (await http.post("/_emulator/reset")).raise_for_status()  # nothing owed may reach the next test's server
    await wire.close_async()


@pytest.fixture
async def receiver(gateway: Gateway) -> AsyncIterator[Receiver]:
    """A server that the stand-in's webhooks come to."""
    receiving = Receiver()
    server = await asyncio.start_server(receiving.handle, "127.0.0.1", 0)
    receiving.port = server.sockets[0].getsockname()[1]
    await gateway.listen((receiving.url, SECRET))
    yield receiving
    await gateway.listen()
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        if "Receiver.handle" in repr(task):
            task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
