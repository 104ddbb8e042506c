"""Kept spans reach a real collector over OTLP/HTTP; a collector that is slow, broken or dead changes nothing but a counter."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status as WireStatus
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from service.telemetry.export import QUEUE_SPANS
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Tracing, create_tracing
from tests.telemetry.collector import Collector, attributes

MakeTracing = Callable[..., Tracing]


def dropped(telemetry: Telemetry) -> float:
    text = telemetry.render()[0].decode()
    return float(text.partition('cubano_telemetry_dropped_total{signal="spans"} ')[2].partition("\n")[0])


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_trace_arrives_whole(collector: Collector, tracing_to: MakeTracing):
    """Names, kinds, parents, attributes and times come out of the wire as they were made, compressed."""
    tracing = tracing_to(collector.endpoint, ratio=1)
    with (
        tracing.span("POST /api/payment/checkout-session", kind="server") as request,
        tracing.span("stripe open_checkout", kind="client", attempt=1, ok=True) as call,
    ):
        pass
    tracing.flush()

    server, client = collector.named(request.name), collector.named("stripe open_checkout")
    assert server.trace_id.hex() == client.trace_id.hex() == request.hex_trace_id
    assert (server.parent_span_id, client.parent_span_id.hex()) == (b"", request.hex_span_id)
    assert (server.kind, client.kind) == (WireSpan.SPAN_KIND_SERVER, WireSpan.SPAN_KIND_CLIENT)
    assert attributes(client) == {"attempt": 1, "ok": True}
    assert (client.start_time_unix_nano, client.end_time_unix_nano) == (call.start_ns, call.end_ns)
    assert collector.encodings == {"gzip"}


def test_a_parent_in_another_process_is_kept(collector: Collector, tracing_to: MakeTracing):
    """Serve's span and work's span are one tree at the collector."""
    tracing = tracing_to(collector.endpoint, ratio=1)
    with tracing.span("request") as request:
        carried = request.traceparent
    with tracing.span("apply", traceparent=carried, kind="consumer"):
        pass
    tracing.flush()

    assert collector.named("apply").parent_span_id.hex() == request.hex_span_id
    assert collector.named("apply").trace_id.hex() == request.hex_trace_id


def test_the_process_says_who_it_is(collector: Collector, tracing_to: MakeTracing, monkeypatch: pytest.MonkeyPatch):
    """The resource has the standard names; OTEL_RESOURCE_ATTRIBUTES adds to it."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "cloud.region=us-west1")
    tracing = tracing_to(collector.endpoint, ratio=1)
    with tracing.span("request"):
        pass
    tracing.flush()

    expected = {
        "service.name": "cubano-serve",
        "service.namespace": "cubano",
        "service.version": "1.2.3",
        "deployment.environment.name": "test",
        "cloud.region": "us-west1",
    }
    assert collector.resources[0].items() >= expected.items()


def test_a_failure_arrives_at_ratio_zero_without_its_secrets(collector: Collector, tracing_to: MakeTracing):
    """Errors are always kept; what they say passes the same redaction as a log line."""
    tracing = tracing_to(collector.endpoint, ratio=0)
    with tracing.span("unseen"):
        pass
    with pytest.raises(ValueError, match="key"), tracing.span("request", customer="ana@example.org", api_key="k"):
        raise ValueError("the key sk_test_51Habc is wrong for ana@example.org")
    tracing.flush()

    span = collector.named("request")
    assert collector.names() == ["request"]
    assert span.status.code == WireStatus.STATUS_CODE_ERROR
    assert span.status.message == "ValueError: the key sk_test_[redacted] is wrong for a***@example.org"
    assert attributes(span) == {"customer": "a***@example.org", "api_key": "[redacted]", "error.type": "ValueError"}


def test_what_is_left_is_sent_at_the_end(collector: Collector, tracing_to: MakeTracing):
    """A process that ends does not take the last second of traces with it."""
    tracing = tracing_to(collector.endpoint, ratio=1)
    with tracing.span("last"):
        pass

    tracing.shutdown(3)

    assert collector.names() == ["last"]


@pytest.mark.alone
def test_a_dead_collector_changes_nothing_and_is_counted(tracing_to: MakeTracing):
    """Nobody listens: requests take microseconds as before, the end takes no longer than asked, the loss is a number."""
    tracing = tracing_to(f"http://127.0.0.1:{closed_port()}", ratio=1)
    telemetry = Telemetry("serve", version="1", environment="test", tracer=tracing)
    started = time.monotonic()
    for _ in range(500):
        with tracing.span("request"):
            pass
    requests_took = time.monotonic() - started
    tracing.shutdown(0.3)

    assert requests_took < 1
    assert time.monotonic() - started < 3
    assert dropped(telemetry) == 500


def test_a_broken_collector_is_counted(collector: Collector, tracing_to: MakeTracing):
    """Batches that are answered with an error are counted as lost, and said once."""
    collector.status = 400
    tracing = tracing_to(collector.endpoint, ratio=1)
    telemetry = Telemetry("serve", version="1", environment="test", tracer=tracing)
    for _ in range(3):
        with tracing.span("request"):
            pass
        tracing.flush()

    assert dropped(telemetry) == 3


def test_an_outage_of_the_collector_is_two_log_lines(collector: Collector, tracing_to: MakeTracing, log):
    """One when it starts, one when it is over, whatever happened in between."""
    tracing = tracing_to(collector.endpoint, ratio=1)
    for status in (400, 400, 400, 200, 200):
        collector.status = status
        with tracing.span("request"):
            pass
        tracing.flush()

    assert [line["level"] for line in log.lines() if line["area"] == "tracing"] == ["warning", "info"]
    assert len(log.lines()) == 2


class Stuck(SpanExporter):
    """An exporter that hangs until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def export(self, _spans) -> SpanExportResult:
        self.go.wait(20)
        return SpanExportResult.SUCCESS


def test_a_full_queue_drops_and_never_waits():
    """While the exporter hangs, memory is bounded and every span above it is counted."""
    stuck = Stuck()
    tracing = create_tracing("serve", "test", "1", ratio=1, exporter=stuck)
    telemetry = Telemetry("serve", version="1", environment="test", tracer=tracing)
    started = time.monotonic()
    for _ in range(QUEUE_SPANS + 500):
        with tracing.span("request"):
            pass
    took = time.monotonic() - started
    lost = dropped(telemetry)
    stuck.go.set()
    tracing.shutdown(3)

    assert lost == 500
    assert took < 2
    assert dropped(telemetry) == 500


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_collector_nothing_is_loaded_or_started(variables: dict[str, str]):
    """A command that does not trace pays neither the SDK's import nor a thread."""
    program = (
        "import sys, threading; from service.telemetry.tracing import create_tracing;"
        "tracing = create_tracing('cli', 'test', '1');"
        "print(tracing.recording, threading.active_count(), 'opentelemetry.sdk' in sys.modules)"
    )
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}, **variables}

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == ["False", "1", "False"]
