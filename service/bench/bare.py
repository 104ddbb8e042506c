"""`serve` as it would be without telemetry: what the whole is measured against.

No middleware, no span, no line, and nothing is counted; only the two looks at the clock around each statement are left.
Nothing but the benchmark starts it.
"""

import logging
from typing import Self, cast

import structlog
from litestar.types import ASGIApp

from service import __version__
from service.app import create_app
from service.cli.processes import answer
from service.settings import load_settings
from service.telemetry.metric import Counter, Gauge, Histogram, Metric
from service.telemetry.middleware import TelemetryMiddleware
from service.telemetry.registry import Telemetry
from service.telemetry.spans import Attribute, Kind, KindName, LocalTrace, Span


class Nothing(Span):
    """A span that is never current and never ends."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


class Silent(Telemetry):
    """Takes everything and keeps nothing."""

    def __init__(self, process: str) -> None:
        super().__init__(process, version=__version__, environment="production")
        self._nothing = Nothing(self.tracing, "", Kind.INTERNAL, LocalTrace(), trace_id=1, span_id=1, sampled=False)

    def count(self, metric: Counter, by: float = 1, **labels: object) -> None: ...

    def observe(self, metric: Histogram, value: float, **labels: object) -> None: ...

    def set(self, metric: Gauge, value: float, **labels: object) -> None: ...

    def add(self, metric: Gauge, by: float, **labels: object) -> None: ...

    def forget(self, metric: Gauge, **labels: object) -> None: ...

    def expect(self, metric: Metric, **labels: str) -> None: ...

    def span(
        self,
        name: str,  # noqa: ARG002 - as the whole telemetry takes it
        *,
        traceparent: str | None = None,  # noqa: ARG002
        kind: Kind | KindName = Kind.INTERNAL,  # noqa: ARG002
        **attributes: Attribute,  # noqa: ARG002
    ) -> Span:
        return self._nothing


def main() -> None:
    """Answer as `cubano serve` does, by the same settings."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = load_settings()
    app = create_app(settings, telemetry=Silent("serve"))
    app.asgi_handler = cast("ASGIApp", cast("TelemetryMiddleware", app.asgi_handler).inner)
    answer(app, settings.serve_host, settings.serve_port)


if __name__ == "__main__":
    main()
