"""The emulator process of the folder above, used by a shop that sells by PayPal."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.emulator.gateway import Gateway
from tests.emulator.paypal.hook import WEBHOOK_ID, Hook
from tests.emulator.paypal.published import Published
from tests.emulator.paypal.shop import Shop

SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "paypal"


@pytest.fixture(scope="session")
def published() -> Published | None:
    """The published schemas, where they lie beside this checkout; `test_published.py` says when they do not."""
    return Published(SCHEMAS) if SCHEMAS.exists() else None


@pytest.fixture
async def shop(gateway: Gateway, published: Published | None) -> Shop:
    made = Shop(gateway.http, published)
    await made.sign_in()
    return made


@pytest.fixture
async def hook(gateway: Gateway) -> AsyncIterator[Hook]:
    """A server that PayPal's webhooks come to."""
    receiving = Hook()
    server = await asyncio.start_server(receiving.handle, "127.0.0.1", 0)
    receiving.port = server.sockets[0].getsockname()[1]
    endpoint = {"url": receiving.url, "secret": WEBHOOK_ID, "provider": "paypal"}
    (await gateway.http.put("/_emulator/endpoints", json=[endpoint])).raise_for_status()
    yield receiving
    await gateway.listen()
    server.close()
    others = [task for task in asyncio.all_tasks() if "Hook.handle" in repr(task)]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
