"""Each request is counted once, under its route's template, with its trace: found or not, answered or crashed."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.middleware import TelemetryMiddleware
from service.telemetry.registry import Telemetry
from service.telemetry.spans import Kind
from service.telemetry.tracing import Tracing
from tests.telemetry.conftest import Log
from tests.telemetry.memory import Memory
from tests.telemetry.small_site import create_site, serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Site:
    """The running site as a test sees it: an HTTP client, the counted requests, the kept spans."""

    def __init__(self, client: httpx.AsyncClient, telemetry: Telemetry, kept: Memory) -> None:
        self.client = client
        self.telemetry = telemetry
        self.kept = kept

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    def counted(self) -> dict[tuple[str, str, str, str], float]:
        """Requests by method, route, status and error type."""
        names = ("http_request_method", "http_route", "http_response_status_code", "error_type")
        return {
            tuple(sample.labels[name] for name in names): sample.value
            for family in text_string_to_metric_families(self.telemetry.render()[0].decode())
            for sample in family.samples
            if sample.name == "http_server_request_duration_seconds_count"
        }

    def active(self) -> float:
        text = self.telemetry.render()[0].decode()
        return sum(map(float, re.findall(r"^http_server_active_requests\{.*\} (\S+)$", text, re.MULTILINE)))

    async def settled(self) -> None:
        """Waits until the server has put away every request."""
        deadline = time.monotonic() + 3
        while self.active() and time.monotonic() < deadline:  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def site(log: Log) -> AsyncIterator[Site]:
    """Everything sampled and everything logged, so that a test sees it; slow is half a second."""
    kept = Memory()
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=1))
    app = create_site(telemetry, log_ratio=1, slow_seconds=0.5)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=5) as client:
        log.clear()
        yield Site(client, telemetry, kept)


def requests_in(log: Log) -> list[dict[str, object]]:
    return [line for line in log.lines() if line.get("area") == "http"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", ("GET", "/", "200", "")),
        ("GET", "/orders/ord_1", ("GET", "/orders/{order_id}", "200", "")),
        ("GET", "/sync/7", ("GET", "/sync/{number}", "200", "")),
        (
            "GET",
            "/sync/no-number",
            ("GET", "/{unmatched}", "404", ""),
        ),  # Litestar's router refuses it, so it has no route
        ("POST", "/orders", ("POST", "/orders", "422", "")),
        ("GET", "/static/app.css", ("GET", "/static/{file}", "200", "")),
        ("GET", "/nowhere/ord_1", ("GET", "/{unmatched}", "404", "")),
        ("DELETE", "/orders", ("DELETE", "/{unmatched}", "405", "")),
        ("PROPFIND", "/", ("_OTHER", "/{unmatched}", "405", "")),
        ("GET", "/crash", ("GET", "/crash", "500", "ZeroDivisionError")),
    ],
)
async def test_a_request_is_counted_under_its_template(site: Site, method: str, path: str, expected: tuple[str, ...]):
    """Matched routes by template, everything else under one name, whatever method a client invents."""
    await site.client.request(method, path)
    await site.settled()

    assert site.counted() == {expected: 1}


async def test_ten_different_orders_are_one_series(site: Site):
    """Ids in a path never reach a label."""
    for number in range(10):
        await site.get(f"/orders/ord_{number}")
    await site.settled()

    assert site.counted() == {("GET", "/orders/{order_id}", "200", ""): 10}


async def test_handlers_know_their_trace(site: Site):
    """A problem body can name the trace, in async handlers and in threads; the answer's header names the same one."""
    for path in ("/orders/ord_1", "/sync/7"):
        answer = await site.get(path)

        assert answer.json()["trace"] == answer.headers["traceresponse"].split("-")[1]
        assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace"])


async def test_a_callers_trace_is_continued(site: Site):
    """The server span is the child of the caller's, and what the handler passes on is the server span's."""
    answer = await site.get("/orders/ord_1", traceparent=f"00-{TRACE}-{PARENT}-01")
    await site.settled()

    span = site.kept.spans[0]
    assert answer.json()["traceparent"] == f"00-{TRACE}-{span.hex_span_id}-01"
    assert (span.hex_trace_id, span.parent_id) == (TRACE, int(PARENT, 16))


@pytest.mark.parametrize(("trace", "flag"), [("0" * 31 + "1", "01"), ("f" * 32, "00")])
async def test_a_caller_decides_neither_what_is_kept_nor_what_is_logged(log: Log, trace: str, flag: str):
    """Half is kept and half is logged, whatever a stranger's ids and flag say; his trace id stays for continuity."""
    kept = Memory()
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=0.5, seed=1))
    async with (
        serving(create_site(telemetry, log_ratio=0.5)) as url,
        httpx.AsyncClient(base_url=url, headers={"traceparent": f"00-{trace}-{PARENT}-{flag}"}) as client,
    ):
        answers = [await client.get("/") for _ in range(100)]

    assert 20 < len(kept.spans) < 80
    assert 20 < len(requests_in(log)) < 80
    assert {trace} == {answer.headers["traceresponse"].split("-")[1] for answer in answers}
    assert {"00", "01"} == {answer.headers["traceresponse"][-2:] for answer in answers}


async def test_rubbish_in_traceparent_is_ignored(site: Site):
    """A broken header starts a new trace and no error."""
    answer = await site.get("/orders/ord_1", traceparent="00-xyz")

    assert answer.status_code == 200
    assert answer.json()["trace"] != "0" * 32


async def test_a_server_span_has_the_conventions_attributes(site: Site):
    """Name `METHOD route`, kind server, method, route, status and what was bound; no path, no query."""
    await site.get("/orders/ord_1?accessToken=geheim")
    await site.settled()

    span = site.kept.spans[0]
    assert (span.name, span.kind) == ("GET /orders/{order_id}", Kind.SERVER)
    assert {key: value for key, value in span.attributes.items() if key != "exemplar"} == {
        "http.request.method": "GET",
        "http.route": "/orders/{order_id}",
        "http.response.status_code": 200,
        "order_id": "ord_1",
    }


async def test_a_crash_is_one_line_with_one_stack(site: Site, log: Log):
    """The framework turned it into an answer; the line still has the stack, the span the error."""
    answer = await site.get("/crash")
    await site.settled()

    (line,) = requests_in(log)
    assert (answer.status_code, line["level"], line["error_type"]) == (500, "error", "ZeroDivisionError")
    assert "in crash" in str(line["exception"])
    assert "a***@example.org" in str(line["exception"])
    assert log.getvalue().count("Traceback") == 1
    assert site.kept.spans[0].error == "ZeroDivisionError: for ana@example.org"  # redacted when it leaves the process


async def test_a_refusal_that_was_foreseen_is_one_line_without_a_stack(site: Site, log: Log):
    """When a pool is full hundreds a second are turned away: each says why, and no stack fills the disk."""
    assert 503 == (await site.get("/busy")).status_code
    await site.settled()

    (line,) = requests_in(log)
    assert ("no connection for a***@example.org", False) == (line["reason"], "exception" in line)


async def test_an_answer_that_breaks_off_is_a_failure(site: Site):
    """Status 200 was already sent when the source failed; it counts as what it is."""
    with pytest.raises(httpx.RemoteProtocolError):
        await site.get("/half")
    await site.settled()

    (key,) = site.counted()
    assert key[1:3] == ("/half", "500")
    assert key[3]


async def test_a_client_that_leaves_is_no_failure_of_ours(site: Site):
    """Nobody waited for the answer: no error type, and the request is not active for ever."""
    host, port = site.client.base_url.host, site.client.base_url.port
    with socket.create_connection((host, port)) as impatient:
        impatient.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        during = site.active()
    await site.settled()

    assert during == 1
    assert site.active() == 0
    assert [key[3] for key in site.counted()] == [""]


async def test_a_canceled_request_is_counted_apart():
    """A server that gives up on a handler leaves a 499 and no failed span."""

    async def app(_scope, _receive, _send) -> None:
        await asyncio.sleep(30)

    async def nothing(*_: object) -> None:
        return None

    kept = Memory()
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=1))
    layer = TelemetryMiddleware(app, telemetry)
    request = asyncio.create_task(
        layer({"type": "http", "method": "GET", "path": "/", "headers": []}, nothing, nothing)
    )
    await asyncio.sleep(0.01)
    request.cancel()
    await asyncio.wait([request])

    assert request.cancelled()
    assert [(span.attributes["http.response.status_code"], span.error) for span in kept.spans] == [(499, None)]


async def test_lines_name_route_status_and_time(site: Site, log: Log):
    """One line per request with the trace, the bound order, and the path only where no route tells it."""
    answer = await site.get("/orders/ord_1?accessToken=geheim")
    await site.get("/nowhere?accessToken=geheim")
    await site.settled()

    found, lost = requests_in(log)
    assert found["trace_id"] == answer.json()["trace"]
    said = {"event": "request", "method": "GET", "status": 200, "order_id": "ord_1", "level": "info"}
    assert found.items() >= said.items()
    assert (found["route"], "path" in found) == ("/orders/{order_id}", False)
    assert (lost["route"], lost["path"]) == ("/{unmatched}", "/nowhere")
    assert "order_id" not in lost
    assert "geheim" not in log.getvalue()


async def test_slow_and_refused_requests_are_always_logged(log: Log):
    """With sampling at nothing the good ones are silent, health is for debugging, and the others speak."""
    telemetry = Telemetry("serve", version="1", environment="test")
    async with (
        serving(create_site(telemetry, log_ratio=0, slow_seconds=0.5)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        for path in ("/", "/health/live", "/slow", "/crash", "/nowhere"):
            await client.get(path)
        await client.post("/orders")

    lines = [(line["route"], line["level"]) for line in requests_in(log)]
    assert lines == [("/health/live", "debug"), ("/slow", "warning"), ("/crash", "error"), ("/orders", "info")]


async def test_failures_and_slowness_are_kept_at_ratio_zero():
    """Without head sampling the traces that matter are still there."""
    kept = Memory()
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=0, slow_seconds=0.5))
    async with serving(create_site(telemetry)) as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/", "/crash", "/slow", "/nowhere"):
            await client.get(path)

    assert kept.names() == ["GET /crash", "GET /slow"]


async def test_nothing_is_left_active(site: Site):
    """Fifty at once, crashes included: the gauge is back at zero and all are counted."""
    await asyncio.gather(
        *(site.get(path) for path in ("/orders/a", "/crash", "/nowhere", "/sync/1", "/") for _ in range(10))
    )
    await site.settled()

    assert site.active() == 0
    assert sum(site.counted().values()) == 50


async def test_telemetry_that_cannot_be_kept_changes_no_answer():
    """Log stream gone, exporter's queue closed: the customer sees nothing of it."""
    gone = Memory()
    gone.submit = lambda _spans: gone.on_drop(1)  # type: ignore[method-assign]
    telemetry = Telemetry("serve", version="1", environment="production", tracer=Tracing(gone, ratio=1))
    async with serving(create_site(telemetry)) as url, httpx.AsyncClient(base_url=url) as client:
        answers = [(await client.get(path)).status_code for path in ("/", "/orders/x", "/crash", "/nowhere")]

    assert answers == [200, 200, 500, 404]
    assert b'cubano_telemetry_dropped_total{signal="spans"} 4.0' in telemetry.render()[0]
