"""A collector of traces of our own: takes what the system sends over OTLP, so that a slow request can be looked into.

The system keeps the traces of one request in ten, and of those that were slow or at fault (`service.telemetry.tracing`).
"""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from loadtests.result import Span

_MOST = 50_000  # traces; an hour has some seven thousand
_MOST_SPANS = 30  # of one trace are told, the longest


class Collector(ThreadingHTTPServer):
    """Keeps spans by their trace."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self._kept: dict[str, list[tuple[str, Sent]]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, body: bytes) -> None:
        """One delivery; what is something else raises."""
        with self._lock:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = [each.value.string_value for each in resource.resource.attributes if each.key == "service.name"]
                process = "".join(names[:1]).removeprefix("cubano-")
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._kept.setdefault(span.trace_id.hex(), []).append((process, span))
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]

    def handle_error(self, *_: object) -> None:
        """Who sends something else gets no answer, and the terminal is the gate's."""

    def trace(self, name: str) -> list[Span]:
        """The spans of a trace in the order in which they began; empty when it was not kept."""
        with self._lock:
            found = sorted(self._kept.get(name, []), key=lambda each: each[1].start_time_unix_nano)
        if not found:
            return []
        parents = {span.span_id: span.parent_span_id for _, span in found}
        began = found[0][1].start_time_unix_nano
        longest = sorted(found, key=lambda each: each[1].start_time_unix_nano - each[1].end_time_unix_nano)
        told = {span.span_id for _, span in longest[:_MOST_SPANS]}
        return [
            Span(
                name=span.name,
                process=process,
                at_ms=(span.start_time_unix_nano - began) / 1e6,
                took_ms=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
                depth=_depth(span.span_id, parents),
                error=(span.status.message or "error") if span.status.code == Status.STATUS_CODE_ERROR else "",
            )
            for process, span in found
            if span.span_id in told
        ]


def _depth(span: bytes, parents: dict[bytes, bytes]) -> int:
    depth = 0
    while (span := parents.get(span, b"")) in parents and depth < len(parents):
        depth += 1
    return depth


class _Door(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the length of the block."""
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, args=(0.1,), name="traces", daemon=True).start()
        try:
            yield collector
        finally:
            collector.shutdown()
