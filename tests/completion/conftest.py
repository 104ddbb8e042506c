"""A stage that sells through both gateways with one second for each try."""

from pathlib import Path

import pytest

from tests.recovery.both import listen_to_both, settings_of_both
from tests.stage import Stage


@pytest.fixture
def stage_settings(emulator_url: str, tmp_path: Path) -> dict[str, str]:
    return {**settings_of_both(emulator_url, tmp_path), "CUBANO_GATEWAY_TIMEOUT_S": "1"}


@pytest.fixture
async def shop(stage: Stage) -> Stage:
    """The stage, with the webhooks of both gateways."""
    await listen_to_both(stage)
    return stage
