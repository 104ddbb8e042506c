"""Telemetry in trouble: the exporter's other end is dead, every line meets a full disk. The answers must stay what they are.

And who takes the spans while all is well: `collector`, so that exporting is measured, and nobody's work but ours.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from service.bench.pieces import SAMPLED
from service.bench.suite import BENCHMARKS, PRODUCT
from service.bench.system import Place, System, Way
from service.local.ports import LOOPBACK, free_ports
from service.local.system import cubano

TROUBLE_S = 1.0  # of load on each path
FULL = Path("/dev/full")  # a disk without room, on Linux


@dataclass(frozen=True)
class Trouble:
    """What telemetry met, and whether anybody saw it in an answer; `dropped` is what it says it could not keep."""

    what: str
    same: bool
    failed: int
    dropped: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.same and self.failed == 0


def ways(endpoint: str, gateway: int) -> dict[str, Way]:
    """The troubles that can be made here, by name."""
    dead = Way(told=traced(f"http://{LOOPBACK}:{free_ports(1)[0]}"), gateway=gateway)
    full = Way(("sh", "-c", f'exec "$@" 2>{FULL}', "sh", *cubano("serve")), traced(endpoint), gateway)
    return {"exporter dead": dead} | ({"disk full": full} if FULL.exists() else {})


async def meet(
    what: str, way: Way, place: Place, *, dsn: str, like: System, load: tuple[str, ...], connections: int
) -> Trouble:
    """Start a `serve` that is in this trouble, put load on it, and compare what it answers with `like`."""
    system = await place.serve(dsn, name=what.replace(" ", "-"), way=way)
    loads = [await BENCHMARKS[path].measures[PRODUCT](system, connections, TROUBLE_S) for path in load]
    same = _answers(like) == _answers(system)
    return Trouble(what, same, sum(each.failed for each in loads), _dropped(system))


def _answers(system: System) -> list[tuple[object, ...]]:
    """What is answered to questions good and bad, but for what is another each time."""
    buyer = {
        "items": [{"ticketType": "full-pass", "quantity": 1}],
        "customer": {"email": "ana@example.org", "name": "A"},
    }
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/api/payment/catalog", {}),
        ("GET", "/api/payment/order/ord_none", {}),
        ("GET", "/api/nothing", {}),
        ("PUT", "/api/payment/checkout-session", {}),
        ("POST", "/api/payment/checkout-session", {"json": {}}),
        (
            "POST",
            "/api/payment/checkout-session",
            {"json": buyer, "headers": {"Idempotency-Key": f"probe-{system.port}"}},
        ),
        ("POST", "/api/payment/webhook", {"content": b"{}", "headers": {"Stripe-Signature": "t=1,v1=0"}}),
        ("GET", "/en", {}),
        ("GET", "/nowhere", {}),
        ("GET", "/health/ready", {}),
    ]
    with httpx.Client(base_url=f"http://{LOOPBACK}:{system.port}", timeout=10) as client:
        return [_told(client.request(method, path, **more)) for method, path, more in asked]


def _told(answer: httpx.Response) -> tuple[object, ...]:
    kind = answer.headers.get("content-type", "")
    if "problem" in kind:
        return answer.status_code, kind, {name: each for name, each in answer.json().items() if name != "traceId"}
    return answer.status_code, kind, sorted(answer.json()) if "json" in kind else ""


def _dropped(system: System) -> dict[str, float]:
    """What its telemetry could not keep, by its own word."""
    name = "cubano_telemetry_dropped_total{signal="
    rows = httpx.get(f"http://{LOOPBACK}:{system.metrics}/metrics", timeout=10).text.splitlines()
    found = (row.removeprefix(name).split("} ") for row in rows if row.startswith(name))
    return {signal.strip('"'): float(count) for signal, count in found if float(count)}


def traced(endpoint: str) -> dict[str, str]:
    if not endpoint:
        return {"OTEL_SDK_DISABLED": "true"}
    return {
        "OTEL_SDK_DISABLED": "false",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_TRACES_SAMPLER_ARG": str(SAMPLED),
    }


@contextmanager
def collector() -> Iterator[tuple[str, list[int]]]:
    """Somebody who takes every batch of spans, in this process and not in the one that is measured; and how many came."""
    received = [0]

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received[0] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Batches are not news."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Taker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
