"""What each piece of telemetry costs by itself: processor time of one thread, the best of a few turns.

The figures explain the whole, they do not add up to it: caches are warm here.
"""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from service import __version__
from service.telemetry import catalogue
from service.telemetry.export import BATCH_SPANS, batching_sink
from service.telemetry.logs import configure_logs, get_logger
from service.telemetry.middleware import TelemetryMiddleware
from service.telemetry.registry import Telemetry
from service.telemetry.spans import Span
from service.telemetry.tracing import Tracing

TIMES = 2_000
TURNS = 7
SAMPLED = 0.1
_HEADERS = [(b"host", b"x"), (b"accept", b"*/*"), (b"user-agent", b"u"), (b"content-type", b"application/json")]


class _Gone:
    """A place for spans that keeps none."""

    on_drop: Callable[[int], None] = staticmethod(lambda _spans: None)

    def submit(self, spans: list[Span]) -> None: ...

    def flush(self) -> None: ...

    def shutdown(self, timeout: float) -> None: ...


async def pieces(endpoint: str) -> dict[str, float]:
    """Microseconds of one use, by piece; kept spans go to `endpoint`. `scrape` is of one whole exposition."""
    with _quiet():
        return {
            **_used(_telemetry(0)),
            **_sampled(_telemetry(1)),
            "span that is kept": _kept_us(endpoint),
            **await _middleware(_telemetry(SAMPLED)),
        }


def _telemetry(ratio: float) -> Telemetry:
    tracing = Tracing(_Gone(), ratio=ratio)
    return Telemetry("bench", version=__version__, environment="production", tracer=tracing)


def _used(telemetry: Telemetry) -> dict[str, float]:
    log = get_logger("http")

    statement = telemetry.observing(catalogue.DB_OPERATION, db_operation_name="SELECT")

    def span() -> None:
        with telemetry.span("POST https://gateway.example/v1/checkout/sessions", kind="client"):
            pass

    return {
        "count": _each_us(lambda: telemetry.count(catalogue.CHECKOUTS, provider="stripe", outcome="opened")),
        "observe": _each_us(lambda: telemetry.observe(catalogue.DB_OPERATION, 0.002, db_operation_name="SELECT")),
        "statement": _each_us(lambda: statement(0.002)),
        "span": _each_us(span),
        "log line": _each_us(lambda: log.info("request", method="GET", route="/", status=200, ms=3.1)),
        "scrape": _each_us(telemetry.render, times=3),
    }


def _sampled(telemetry: Telemetry) -> dict[str, float]:
    with telemetry.span("request"):
        return {
            "observe with exemplar": _each_us(
                lambda: telemetry.observe(catalogue.DB_OPERATION, 0.002, db_operation_name="SELECT")
            )
        }


def _kept_us(endpoint: str) -> float:
    """All threads of this process together: the batch's, which writes it out and sends it, and the taker's."""
    sink = batching_sink("bench", "bench", __version__, exporter=OTLPSpanExporter(f"{endpoint}/v1/traces"))
    telemetry = Telemetry("bench", version=__version__, environment="production", tracer=Tracing(sink, ratio=1))
    best = float("inf")
    for _ in range(TURNS):
        started = time.process_time()
        for _ in range(BATCH_SPANS):
            with telemetry.span("POST", kind="client", order_id="ord_01", provider="stripe"):
                pass
        telemetry.tracing.flush()
        best = min(best, (time.process_time() - started) / BATCH_SPANS * 1e6)
    telemetry.tracing.shutdown()
    return best


async def _middleware(telemetry: Telemetry) -> dict[str, float]:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["path_template"] = "/orders/{order_id}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    around = TelemetryMiddleware(app, telemetry, log_ratio=SAMPLED)
    within = min([await _requests_us(app) for _ in range(TURNS)])
    return {"middleware": min([await _requests_us(around) for _ in range(TURNS)]) - within}


async def _requests_us(app: Callable[[Any, Any, Any], Awaitable[None]]) -> float:
    async def nothing(*_: object) -> None:
        return None

    started = time.thread_time()
    for _ in range(TIMES):
        await app({"type": "http", "method": "GET", "path": "/orders/x", "headers": _HEADERS}, nothing, nothing)
    return (time.thread_time() - started) / TIMES * 1e6


def _each_us(use: Callable[[], object], *, times: int = TIMES) -> float:
    best = float("inf")
    for _ in range(TURNS):
        started = time.thread_time()
        for _ in range(times):
            use()
        best = min(best, (time.thread_time() - started) / times * 1e6)
    return best


@contextmanager
def _quiet() -> Iterator[None]:
    """Lines are made and written, where nobody reads them; afterwards this process speaks as before."""
    root = logging.getLogger()
    before: tuple[Mapping[str, Any], list[logging.Handler], int] = (
        structlog.get_config(), root.handlers[:], root.level
    )  # fmt: skip
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a path of ours
        configure_logs("bench", "json", "INFO", stream=nowhere)
        try:
            yield
        finally:
            logging.captureWarnings(capture=False)
            structlog.configure(**before[0])
            root.handlers = before[1]
            root.setLevel(before[2])
