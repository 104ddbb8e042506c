"""A stage that sells through both gateways, whose clock is a dial."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.recovery.both import settings_of_both
from tests.recovery.sweeping import Broom, broom_of
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.fixtures import inbox, stage_clock

__all__ = ["inbox", "stage_clock"]


@pytest.fixture
def stage_settings(emulator_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_of_both(emulator_url, tmp_path)


@pytest.fixture
async def broom(stage: Stage, inbox: Inbox) -> AsyncIterator[Broom]:
    async with broom_of(stage, inbox) as opened:
        yield opened
