"""`serve` as it would be without telemetry: what the whole is measured against.

No middleware, no span, no line, and nothing is counted; only the two looks at the clock around each statement are left.
Nothing but the benchmark starts it.
"""

import json
import logging
from collections.abc import Callable
from typing import Self, cast

import structlog
from litestar.types import ASGIApp

from service import __version__
from service.app import create_app
from service.cli.serve import answer
from service.settings import load_settings
from service.telemetry.metric import Counter, Gauge, Histogram, Metric
from service.telemetry.middleware import TelemetryMiddleware
from service.telemetry.registry import Telemetry
from service.telemetry.spans import Attribute, Kind, KindName, LocalTrace, Span

USES = ("count", "observe", "statement", "span")  # a gauge is set as quickly as a counter counts


class Nothing(Span):
    """A span that is never current and never ends."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


class Silent(Telemetry):
    """Takes everything and keeps nothing but how often it was asked, which is what its metrics port tells."""

    def __init__(self, process: str) -> None:
        self._uses = dict.fromkeys(USES, 0)
        super().__init__(process, version=__version__, environment="production")
        self._nothing = Nothing(self.tracing, "", Kind.INTERNAL, LocalTrace(), trace_id=1, span_id=1, sampled=False)

    def count(self, metric: Counter, by: float = 1, **labels: object) -> None:  # noqa: ARG002 - as the whole takes it
        self._uses["count"] += 1

    def observe(self, metric: Histogram, value: float, **labels: object) -> None:  # noqa: ARG002
        self._uses["observe"] += 1

    def observing(self, metric: Histogram, **labels: object) -> Callable[[float], None]:  # noqa: ARG002
        def observe(_value: float) -> None:
            self._uses["statement"] += 1

        return observe

    def set(self, metric: Gauge, value: float, **labels: object) -> None:  # noqa: ARG002
        self._uses["count"] += 1

    def add(self, metric: Gauge, by: float, **labels: object) -> None:  # noqa: ARG002
        self._uses["count"] += 1

    def forget(self, metric: Gauge, **labels: object) -> None: ...

    def expect(self, metric: Metric, **labels: str) -> None: ...

    def span(
        self,
        name: str,  # noqa: ARG002
        *,
        traceparent: str | None = None,  # noqa: ARG002
        kind: Kind | KindName = Kind.INTERNAL,  # noqa: ARG002
        **attributes: Attribute,  # noqa: ARG002
    ) -> Span:
        self._uses["span"] += 1
        return self._nothing

    def render(self, accept: str = "") -> tuple[bytes, str]:  # noqa: ARG002
        return json.dumps(self._uses).encode(), "application/json"


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
