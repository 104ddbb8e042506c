"""A process's own window on loopback: /metrics and /health/live, ready and startup on a port and a thread of its own.

Rendering a few thousand lines takes tens of milliseconds, which on the event loop would be everybody's tail latency.
A readiness check may hang; the answer then says so instead of hanging too.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from service.telemetry.labels import Signal
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

PATHS = ("/metrics", "/health/live", "/health/ready", "/health/startup")
READY_TIMEOUT_S = 2.0  # shorter than any prober's patience


@dataclass(frozen=True, slots=True)
class Ping:
    """One thing a process needs, and whether it answers; `seconds` is how long the answer took."""

    name: str
    ok: bool
    detail: str = ""
    seconds: float = 0.0


ReadyCheck = Callable[[], list[Ping]]


class MetricsServer:
    def __init__(self, telemetry: Telemetry, host: str, port: int, asked: Mapping[str, "Readiness"]) -> None:
        self._server = _Server((host, port), _handler(telemetry, asked), telemetry)
        self._asked = asked
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for each in self._asked.values():
            each.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - socketserver calls it so
        """A scraper that hung up is not news; anything else is a scrape that was lost."""
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionError | TimeoutError):
            return
        self._telemetry.drop(Signal.SCRAPES)
        get_logger("metrics").error("a scrape failed", client=str(client_address), exc_info=error)


class Readiness:
    """Runs one check at a time; who asks while it hangs is told that it hangs."""

    def __init__(self, check: ReadyCheck, timeout: float = READY_TIMEOUT_S) -> None:
        self._check = check
        self._timeout = timeout
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ready")
        self._running: Future[list[Ping]] | None = None

    def pings(self) -> list[Ping]:
        started = time.monotonic()
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._pool.submit(self._check)
            running = self._running
        try:
            error = running.exception(self._timeout)
        except TimeoutError:
            return [Ping("readiness", ok=False, detail=f"no answer within {self._timeout} s", seconds=self._timeout)]
        if error is not None:
            seconds = round(time.monotonic() - started, 3)
            return [Ping("readiness", ok=False, detail=f"the check failed: {type(error).__name__}", seconds=seconds)]
        return running.result()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _handler(telemetry: Telemetry, asked: Mapping[str, Readiness]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "cubano"
        sys_version = ""
        timeout = 10  # seconds for a client that says nothing

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    body, content_type = telemetry.render(self.headers.get("Accept", ""))
                    self._answer(200, body, content_type)
                case "/health/live":
                    self._answer_json(200, {"status": "live", "process": telemetry.process})
                case "/health/ready" | "/health/startup" as path:
                    self._answer_pings("ready" if path == "/health/ready" else "started")
                case _:
                    self._answer_json(404, {"status": "not_found", "paths": PATHS})

        def _answer_pings(self, status: str) -> None:
            pings = asked[status].pings()
            fine = all(ping.ok for ping in pings)
            told = {"status": status if fine else f"not_{status}", "process": telemetry.process}
            self._answer_json(200 if fine else 503, told | {"pings": [asdict(ping) for ping in pings]})

        def _answer_json(self, status: int, body: Mapping[str, object]) -> None:
            self._answer(status, json.dumps(body).encode(), "application/json")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Scrapes are not news."""

    return Handler


def serve_metrics(
    telemetry: Telemetry,
    host: str,
    port: int,
    ready: ReadyCheck = list,
    *,
    startup: ReadyCheck = list,
    ready_timeout: float = READY_TIMEOUT_S,
) -> MetricsServer:
    """Starts answering on `port` (0 takes a free one, see `.port`); raises OSError when the port is taken."""
    asked = {"ready": Readiness(ready, ready_timeout), "started": Readiness(startup, ready_timeout)}
    return MetricsServer(telemetry, host, port, asked)
