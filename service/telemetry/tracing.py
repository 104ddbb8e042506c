"""Spans at the few boundaries that matter, one trace from the click to the ticket, at a price a request can pay.

A span here is a small record of ours; only what is kept becomes an OpenTelemetry span, on its way to the exporter (an
SDK span costs 20-170 µs whether kept or not). Sampling is decided at the head by parent or ratio; in addition a local
trace that holds an error or a slow span is always kept, within `KEPT_PER_SECOND`. Without an exporter nothing is
recorded, but a traceparent is still made and passed on. No global provider, nothing at import.
"""

import os
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from service.telemetry.spans import (
    Attribute,
    Kind,
    KindName,
    LocalTrace,
    Span,
    current_span,
    current_trace_id,
    current_traceparent,
    parse_traceparent,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = [
    "Attribute",
    "Kind",
    "Span",
    "Tracing",
    "create_tracing",
    "current_span",
    "current_trace_id",
    "current_traceparent",
    "parse_traceparent",
]

SPANS_PER_TRACE = 100  # of one process; more are dropped from an unsampled trace and counted if it is kept
KEPT_PER_SECOND = 50  # traces kept for an error or slowness: in an outage every request is one
SLOW_SECONDS = 1.0
DEFAULT_RATIO = 0.1


class SpanSink(Protocol):
    """Where kept spans go. `submit` never blocks and never raises."""

    on_drop: Callable[[int], None]

    def submit(self, spans: "list[Span]") -> None: ...

    def flush(self) -> None: ...

    def shutdown(self, timeout: float) -> None: ...


class Tracing:
    """Makes spans and decides which are kept. Built once per process, in the root."""

    def __init__(
        self,
        sink: SpanSink | None = None,
        *,
        ratio: float = DEFAULT_RATIO,
        slow_seconds: float = SLOW_SECONDS,
        is_fault: Callable[[BaseException], bool] = lambda _: True,
        seed: int | None = None,
    ) -> None:
        self._sink = sink
        self.recording = sink is not None
        self.is_fault = is_fault
        # The trace id's low 64 bits decide, as in OpenTelemetry's TraceIdRatioBased: all processes agree.
        self._bound = round(ratio * 2**64) if self.recording else 0
        self._slow_ns = int(slow_seconds * 1e9)
        self._bits = random.Random(seed).getrandbits  # noqa: S311 - ids name things, they protect nothing
        self._second = 0
        self._kept = 0

    def span(
        self,
        name: str,
        *,
        traceparent: str | None = None,
        kind: Kind | KindName = Kind.INTERNAL,
        **attributes: Attribute,
    ) -> Span:
        """A child of `traceparent` when valid, else of the current span, else a new trace; enter it with `with`."""
        remote = parse_traceparent(traceparent)
        if remote is not None:
            span = self._continued(name, kind, remote)
        elif (parent := current_span()) is not None:
            span = self._child(name, kind, parent)
        else:
            span = self._root(name, kind)
        if attributes:
            span.attributes.update(attributes)
        return span

    def resample(self, span: Span) -> None:
        """Decides anew about a span that continues a stranger's trace: his flag and his id's bits are his to choose."""
        span.sampled = self._bits(64) < self._bound

    def _root(self, name: str, kind: Kind | KindName) -> Span:
        local, trace_id = LocalTrace(), self._bits(128) or 1
        sampled = (trace_id & 0xFFFF_FFFF_FFFF_FFFF) < self._bound
        span = local.root = Span(
            self, name, kind, local, trace_id=trace_id, span_id=self._bits(64) or 1, sampled=sampled
        )
        return span

    def _continued(self, name: str, kind: Kind | KindName, remote: tuple[int, int, bool]) -> Span:
        local, (trace_id, parent, sampled) = LocalTrace(), remote
        span = local.root = Span(
            self, name, kind, local, trace_id=trace_id, span_id=self._bits(64) or 1, sampled=sampled, parent_id=parent
        )
        span.remote = True
        return span

    def _child(self, name: str, kind: Kind | KindName, of: Span) -> Span:
        trace, span_id = of.trace_id, self._bits(64) or 1
        return Span(
            self, name, kind, of.local, trace_id=trace, span_id=span_id, sampled=of.sampled, parent_id=of.span_id
        )

    def ended(self, span: Span, local: LocalTrace) -> None:
        if self._sink is None:
            local.root = None  # it and its span hold each other: only the garbage collector would find them
            return
        bad = span.error is not None or span.end_ns - span.start_ns >= self._slow_ns
        local.keep = local.keep or bad
        if local.done:  # a task outlived the request that started it
            if span.sampled or bad:
                self._sink.submit([span])
            return
        if len(local.ended) < SPANS_PER_TRACE:
            local.ended.append(span)
        elif span.sampled:
            self._sink.submit([*local.ended, span])
            local.ended = []
        else:
            local.lost += 1
        if local.root is span:
            self._close(self._sink, local, sampled=span.sampled)

    def _close(self, sink: SpanSink, local: LocalTrace, *, sampled: bool) -> None:
        spans, local.ended, local.done, local.root = local.ended, [], True, None
        if sampled:
            sink.submit(spans)
        elif local.keep and self._may_keep():
            sink.submit(spans)
            if local.lost:
                sink.on_drop(local.lost)
        elif local.keep:
            sink.on_drop(len(spans) + local.lost)

    def _may_keep(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._kept = second, 0
        self._kept += 1
        return self._kept <= KEPT_PER_SECOND

    def on_drop(self, count: Callable[[int], None]) -> None:
        """Where the number of lost spans goes; the registry puts its counter here."""
        if self._sink is not None:
            self._sink.on_drop = count

    def flush(self) -> None:
        if self._sink is not None:
            self._sink.flush()

    def shutdown(self, timeout: float = 3.0) -> None:
        """Sends what is left, for at most `timeout` seconds; what then remains is counted as dropped."""
        if self._sink is not None:
            self._sink.shutdown(timeout)


def create_tracing(
    process: str,
    environment: str,
    version: str,
    *,
    ratio: float | None = None,
    exporter: "SpanExporter | None" = None,
    slow_seconds: float = SLOW_SECONDS,
    is_fault: Callable[[BaseException], bool] = lambda _: True,
) -> Tracing:
    """Records when an exporter is given or the standard OTEL variables name a collector; otherwise only passes ids on."""
    if exporter is None and not _collector_configured():
        return Tracing(is_fault=is_fault)
    from service.telemetry.export import batching_sink  # noqa: PLC0415 - the SDK costs 0.2 s to load; off means off

    sink = batching_sink(process, environment, version, exporter=exporter)
    chosen = ratio_from_environment() if ratio is None else ratio
    return Tracing(sink, ratio=chosen, slow_seconds=slow_seconds, is_fault=is_fault)


def _collector_configured() -> bool:
    if (
        os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    ):
        return False
    return bool(os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


def ratio_from_environment() -> float:
    """OTEL_TRACES_SAMPLER_ARG between 0 and 1; anything else is the default, as OpenTelemetry prescribes."""
    try:
        ratio = float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", ""))
    except ValueError:
        return DEFAULT_RATIO
    return ratio if 0 <= ratio <= 1 else DEFAULT_RATIO
