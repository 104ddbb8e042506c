"""A stage whose metrics can be read, and where a thousandth of the usual limits holds."""

import pytest

from tests.webhooks.fixtures import free_port, metrics_url

__all__ = ["metrics_url"]


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {
        "CUBANO_SERVE_METRICS_PORT": str(free_port()),
        "CUBANO_RATE_LIMITS": "0.02",  # twenty beacons at once
        "CUBANO_BEACON_SAMPLE": "0.25",
    }
