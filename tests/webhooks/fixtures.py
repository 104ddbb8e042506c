"""A stage whose clock is a dial and whose metrics can be read."""

import socket
from collections.abc import AsyncIterator

import pytest

from service.kernel.clock import Dial, utc_now
from tests.stage import Stage
from tests.webhooks.applying import Inbox, inbox_of


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def stage_clock() -> Dial:
    return Dial(utc_now())


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {
        "CUBANO_SERVE_METRICS_PORT": str(free_port()),
        "CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_stage,whsec_old",
    }


@pytest.fixture
def metrics_url(stage: Stage) -> str:
    """Where `serve` shows its metrics."""
    return f"http://127.0.0.1:{stage.settings.serve_metrics_port}"


@pytest.fixture
async def inbox(stage: Stage) -> AsyncIterator[Inbox]:
    async with inbox_of(stage) as opened:
        yield opened
