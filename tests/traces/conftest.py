"""A stage whose traces go to a collector on loopback and whose log can be read."""

from collections.abc import Iterator

import pytest

from tests.mail.conftest import box
from tests.telemetry.collector import Collector, listening
from tests.telemetry.conftest import log

__all__ = ["box", "log"]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with listening() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")  # a caller's flag does not decide
        yield running


@pytest.fixture
def stage_settings(collector: Collector) -> dict[str, str]:
    """The collector is there before the application is built."""
    del collector
    return {}
