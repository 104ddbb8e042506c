"""The collector beside a system's own tracing: what is sent to it can be looked up by the name of its trace."""

import gzip
import http.client

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from loadtests.traces import Collector, collecting
from service.telemetry.tracing import create_tracing


def posted(collector: Collector, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", collector.server_port, timeout=10)
    connection.request("POST", "/v1/traces", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_a_trace_is_kept_with_what_happened_in_it():
    """In the order in which it began, each part below the one it belongs to, and what went wrong."""
    with collecting() as collector:
        exporter = OTLPSpanExporter(f"{collector.url}/v1/traces", compression=Compression.Gzip)
        tracing = create_tracing("serve", "development", "1", ratio=1.0, exporter=exporter)
        with tracing.span("whole") as whole:
            with tracing.span("first"), tracing.span("deeper"):
                pass
            with tracing.span("second") as second:
                second.fail("it broke")
        tracing.shutdown()
        spans = collector.trace(whole.hex_trace_id)

    assert [("whole", 0), ("first", 1), ("deeper", 2), ("second", 1)] == [(each.name, each.depth) for each in spans]
    assert {"serve"} == {each.process for each in spans}
    assert [True] == [bool(each.error) for each in spans if each.name == "second"]
    assert spans[0].took_ms >= spans[1].took_ms >= 0


@pytest.mark.parametrize("body", [b"nonsense", b"not packed", gzip.compress(b"packed nonsense")])
def test_what_is_no_delivery_is_not_taken(body):
    """It gets no answer, the next one does, and nothing is known of a trace that nobody sent."""
    with collecting() as collector:
        with pytest.raises(http.client.HTTPException):
            posted(collector, body, **{} if body == b"nonsense" else {"Content-Encoding": "gzip"})

        assert 200 == posted(collector, b"")
        assert [] == collector.trace("ab" * 16)
