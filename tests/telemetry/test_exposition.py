"""A process can be scraped and asked for its health without disturbing what it does."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service.telemetry.catalogue import PAID_TO_TICKET
from service.telemetry.exposition import MetricsServer, Ping, serve_metrics
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Tracing
from tests.telemetry.memory import Memory

# What Prometheus 2.42 sends.
PROMETHEUS_ACCEPT = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@pytest.fixture
def server(telemetry: Telemetry) -> Iterator[MetricsServer]:
    running = serve_metrics(telemetry, "127.0.0.1", 0, lambda: [Ping("database", ok=True, seconds=0.002)])
    yield running
    running.close()


def test_a_plain_client_gets_plain_text(server: MetricsServer):
    """Without a wish the answer is the classic text format, and it parses."""
    answer = httpx.get(f"{server.url}/metrics")

    families = {family.name for family in parse_text(answer.text)}
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {"cubano_checkouts", "http_server_active_requests", "process_cpu_seconds"} <= families


def test_prometheus_gets_openmetrics_with_exemplars():
    """Who accepts OpenMetrics sees the trace behind a bucket; the other format has no place for it."""
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(Memory(), ratio=1))
    with telemetry.span("apply") as span:
        telemetry.observe(PAID_TO_TICKET, 0.3)
    server = serve_metrics(telemetry, "127.0.0.1", 0)

    answer = httpx.get(f"{server.url}/metrics", headers={"Accept": PROMETHEUS_ACCEPT})
    plain = httpx.get(f"{server.url}/metrics")
    server.close()

    samples = [
        s for f in parse_openmetrics(answer.text) if f.name == "cubano_paid_to_ticket_seconds" for s in f.samples
    ]
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert [s.exemplar.labels for s in samples if s.exemplar] == [{"trace_id": span.hex_trace_id}]
    assert span.hex_trace_id not in plain.text


def test_a_live_process_says_so(server: MetricsServer):
    """Liveness asks nobody else."""
    answer = httpx.get(f"{server.url}/health/live")

    assert answer.status_code == 200
    assert answer.json() == {"status": "live", "process": "serve"}


def test_readiness_is_a_list_of_named_pings(server: MetricsServer):
    """All pings well is 200, with what was asked and how long it took."""
    answer = httpx.get(f"{server.url}/health/ready")

    ping = {"name": "database", "ok": True, "detail": "", "seconds": 0.002}
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "process": "serve", "pings": [ping]}


def test_one_bad_ping_is_not_ready(telemetry: Telemetry):
    """One part that does not answer takes the process out of service, and the answer names it."""
    server = serve_metrics(
        telemetry, "127.0.0.1", 0, lambda: [Ping("a", ok=True), Ping("database", ok=False, detail="refused")]
    )

    answer = httpx.get(f"{server.url}/health/ready")
    server.close()

    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert [ping["name"] for ping in answer.json()["pings"] if not ping["ok"]] == ["database"]


def test_a_check_that_crashes_is_not_ready(telemetry: Telemetry):
    """The kind of error is named; its text, which may hold an address with a password, is not."""

    def crash() -> list[Ping]:
        raise ConnectionError("postgresql://cubano:geheim@db")

    server = serve_metrics(telemetry, "127.0.0.1", 0, crash)
    answer = httpx.get(f"{server.url}/health/ready")
    server.close()

    assert answer.status_code == 503
    assert "ConnectionError" in answer.text
    assert "geheim" not in answer.text


def test_a_check_that_hangs_answers_in_time(telemetry: Telemetry):
    """A hanging check is reported within its time-out, is not started twice, and does not touch the metrics."""
    release, started = threading.Event(), []

    def hang() -> list[Ping]:
        started.append(1)
        release.wait(10)
        return []

    server = serve_metrics(telemetry, "127.0.0.1", 0, hang, ready_timeout=0.2)
    before = time.monotonic()
    answers = [httpx.get(f"{server.url}/health/ready") for _ in range(2)]
    metrics = httpx.get(f"{server.url}/metrics")
    took = time.monotonic() - before
    release.set()
    server.close()

    assert [503, 503] == [answer.status_code for answer in answers]
    assert "no answer within" in answers[0].json()["pings"][0]["detail"]
    assert metrics.status_code == 200
    assert started == [1]
    assert took < 3


def test_unknown_paths_are_told_what_is_here(server: MetricsServer):
    """A typing error is answered with the paths that exist."""
    answer = httpx.get(f"{server.url}/")

    assert answer.status_code == 404
    assert answer.json()["paths"] == ["/metrics", "/health/live", "/health/ready", "/health/startup"]


def test_closing_frees_the_port(telemetry: Telemetry):
    """After close nobody answers and the port can be taken again; a port in use is an error at start."""
    first = serve_metrics(telemetry, "127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        serve_metrics(telemetry, "127.0.0.1", first.port)
    first.close()
    second = serve_metrics(telemetry, "127.0.0.1", first.port)

    assert httpx.get(f"{second.url}/health/live").status_code == 200
    second.close()
