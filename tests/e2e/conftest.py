"""The whole system as `cubano up` runs it, a headless Chromium, and customers who walk through the store.

One system serves all tests of this folder (they share one worker); each customer has a browser profile of their own.
A customer who leaves is asked what went wrong in their browser: a request to anybody but the store and the gateway, a
violated policy or an error in the console fails the test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from service.local.cluster import forget
from tests.e2e.customer import Customer
from tests.e2e.local import Local, beside
from tests.local.running import Running

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000  # for anything the system does by itself, on a busy machine
LAST = "test_afterwards.py"

Visit = Callable[..., Awaitable[Customer]]

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is true after all of it is asked after all of it."""
    here = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    in_order = sorted((items[place] for place in here), key=lambda item: item.path.name == LAST)
    for place, item in zip(here, in_order, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def system(tmp_path_factory) -> Iterator[Local]:
    """`cubano up` with nothing changed but that nobody watches it: whom alerts reach is told in tests/monitoring."""
    running = Running(tmp_path_factory.mktemp("e2e") / "state", "--without", "prometheus,alertmanager")
    yield Local(running)
    running.stop()
    forget(running.state / "postgres")


@pytest.fixture(scope="module")
def brief_holds(system: Local) -> Iterator[Local]:
    """The same system through a second `serve` beside the first, whose holds last only seconds."""
    with beside(system, CUBANO_HOLD_SECONDS="10") as local:
        yield local


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(request: pytest.FixtureRequest, chromium: Browser) -> AsyncIterator[Visit]:
    """`await visit()` is a new customer in English with a script-running browser; see `Customer.enter` for others."""
    customers: list[Customer] = []
    async with AsyncExitStack() as browsers:

        async def enter(*, at: Local | None = None, **wishes: Any) -> Customer:
            local = at or request.getfixturevalue("system")
            customers.append(await browsers.enter_async_context(Customer.enter(chromium, local, **wishes)))
            return customers[-1]

        yield enter
        for local in {id(customer.local): customer.local for customer in customers}.values():
            local.calm()  # a fault that a test armed ends with the test
    complaints = [complaint for customer in customers for complaint in customer.watch.complaints()]
    assert [] == complaints
