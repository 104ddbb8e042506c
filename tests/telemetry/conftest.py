"""What the telemetry tests share: a strict registry, a collector on loopback, a log whose lines can be read."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from service.telemetry.logs import configure_logs
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Tracing, create_tracing
from tests.telemetry.collector import Collector, listening


@pytest.fixture
def telemetry() -> Telemetry:
    """A registry that raises on misuse, as in development."""
    return Telemetry("serve", version="1.2.3", environment="test")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with listening() as running:
        yield running


@pytest.fixture
def tracing_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Tracing]]:
    """Makes tracings that export to an endpoint through the standard variables; each is shut down after the test."""
    made: list[Tracing] = []

    def make(endpoint: str, **options: float) -> Tracing:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        made.append(create_tracing("serve", "test", "1.2.3", **options))
        return made[-1]

    yield make
    for tracing in made:
        tracing.shutdown(0.2)


@contextmanager
def logging_put_back() -> Iterator[None]:
    """The test run's own logging, as it was before."""
    loggers = [logging.getLogger(name) for name in ("", *logging.root.manager.loggerDict)]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    structlog.reset_defaults()


class Log(io.StringIO):
    def clear(self) -> None:
        self.seek(0)
        self.truncate()

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """The process's log as JSON lines, from `debug` up; the logging of the test run itself is put back afterwards."""
    with logging_put_back():
        stream = Log()
        configure_logs("serve", "json", "debug", stream=stream)
        yield stream
