"""Kept spans on their way out: in batches, from a thread, to an OTLP/HTTP collector that may be slow, full or dead.

`submit` never waits: at most `QUEUE_SPANS` are under way, the rest is dropped and counted, as is every batch that was
not delivered. Only this file loads the OpenTelemetry SDK.
"""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property

import structlog
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from service.telemetry.redaction import redact_item, redact_text
from service.telemetry.spans import Attribute, Kind, Span

QUEUE_SPANS = 2048
BATCH_SPANS = 256
BATCH_DELAY_MS = 2500  # a trace can be looked at three seconds after the request; sending costs 1 ms each time

_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_FLAGS = TraceFlags(TraceFlags.SAMPLED)  # what is exported is sampled, whenever that was decided


def ignore(_dropped: int) -> None:
    """Stands where nobody counts."""


class _Described(Resource):
    """The process; hashed for every span that is written out, which the SDK does by writing it all as JSON each time."""

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash


class Delivery(SpanExporter):
    """The exporter as the batch thread sees it: counts what is under way and what was lost, says so once per outage."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lock = threading.Lock()
        self._log = structlog.get_logger(area="tracing")
        self._failing = False
        self._given_up = False
        self.on_drop: Callable[[int], None] = ignore
        self.under_way = 0

    def reserve(self, wanted: int) -> int:
        with self._lock:
            granted = max(0, min(wanted, QUEUE_SPANS - self.under_way))
            self.under_way += granted
        return granted

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        delivered = False
        try:
            result = self._exporter.export(spans)
            delivered = result is SpanExportResult.SUCCESS
            return result
        finally:
            self._settle(len(spans), delivered=delivered)

    def _settle(self, spans: int, *, delivered: bool) -> None:
        with self._lock:
            if self._given_up:  # the process is ending and these are counted already
                return
            self.under_way -= spans
        if not delivered:
            self.on_drop(spans)
        if delivered == self._failing:
            self._failing = not delivered
            if self._failing:
                self._log.warning("the trace collector does not answer; traces are dropped and counted")
            else:
                self._log.info("the trace collector answers again")

    def give_up(self) -> None:
        with self._lock:
            lost, self.under_way, self._given_up = self.under_way, 0, True
        if lost:
            self.on_drop(lost)

    def shutdown(self) -> None:
        self._exporter.shutdown()


class BatchingSink:
    """See `tracing.SpanSink`."""

    def __init__(self, exporter: SpanExporter, resource: Resource, version: str) -> None:
        self._delivery = Delivery(exporter)
        self._resource = resource
        self._scope = InstrumentationScope("cubano", version)
        self._batches = BatchSpanProcessor(
            self._delivery,
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=BATCH_DELAY_MS,
            max_export_batch_size=BATCH_SPANS,
        )
        self._closed = False

    @property
    def on_drop(self) -> Callable[[int], None]:
        return self._delivery.on_drop

    @on_drop.setter
    def on_drop(self, count: Callable[[int], None]) -> None:
        self._delivery.on_drop = count

    def submit(self, spans: list[Span]) -> None:
        granted = 0 if self._closed else self._delivery.reserve(len(spans))
        if granted < len(spans):
            self._delivery.on_drop(len(spans) - granted)
        for span in spans[:granted]:
            self._batches.on_end(self._readable(span))

    def flush(self) -> None:
        self._batches.force_flush()

    def shutdown(self, timeout: float) -> None:
        if self._closed:
            return
        self._closed = True
        # The SDK waits 30 s for a dead collector; a process that was asked to end has less.
        ending = threading.Thread(target=self._batches.shutdown, name="traces-last-batch", daemon=True)
        ending.start()
        ending.join(timeout)
        if ending.is_alive():
            self._delivery.shutdown()  # interrupts the exporter's retries
            ending.join(0.5)
            self._delivery.give_up()

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None
        if span.parent_id is not None:
            parent = SpanContext(span.trace_id, span.parent_id, is_remote=span.remote, trace_flags=_FLAGS)
        return ReadableSpan(
            name=span.name,
            context=SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=_FLAGS),
            parent=parent,
            resource=self._resource,
            attributes={key: _attribute(key, value) for key, value in span.attributes.items()},
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR, redact_text(span.error))
            if span.error is not None
            else Status(StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def _attribute(key: str, value: Attribute) -> Attribute:
    clean = redact_item(key, value)
    return clean if isinstance(clean, str | bool | int | float) else str(clean)


def batching_sink(
    process: str, environment: str, version: str, *, exporter: SpanExporter | None = None
) -> BatchingSink:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over our own words for the process."""
    resource = Resource.create(
        {
            "service.namespace": "cubano",
            "service.name": os.environ.get("OTEL_SERVICE_NAME") or f"cubano-{process}",
            "service.version": version,
            "service.instance.id": f"{process}-{os.getpid()}",
            "deployment.environment.name": environment,
        }
    )
    # The SDK would try one batch for 10 s; a request's trace is not worth a thread that long.
    described = _Described(dict(resource.attributes), resource.schema_url)
    return BatchingSink(exporter or OTLPSpanExporter(timeout=5, compression=Compression.Gzip), described, version)
