"""What the door costs each request, printed: `pytest -s tests/limits/test_cost.py`. Generous bounds; machines differ."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from litestar import Litestar, get, post

from service.limits.api import Limits
from service.limits.flow import Limiter
from service.shield.api import create_dress, create_screen
from service.shield.rules import Dress
from service.telemetry.registry import Telemetry

TIMES, MOST_US = 2_000, 400
BODY = json.dumps(
    {
        "items": [{"ticketType": "full-pass", "quantity": 2}],
        "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
    }
).encode()


@get("/", opt={"public": "a test"})
async def look() -> None:
    return None


@post("/", opt={"public": "a test"})
async def buy() -> None:
    return None


def application(*, dressed: bool) -> Litestar:
    """With everything this door has, or with nothing."""
    telemetry = Telemetry("test", version="0", environment="test")
    limits = Limits(Limiter(factor=Decimal(1_000), redis_url="", telemetry=telemetry), hops=0)

    async def anybody(_connection: object, _handler: object) -> None:
        return None

    dress = create_dress(Dress(public_url="https://a.example", form_origins=["https://checkout.stripe.com"]))
    more = {"guards": [limits.around(anybody, create_screen(telemetry))], "before_send": [limits.show, dress]}
    return Litestar([look, buy], openapi_config=None, logging_config=None, **(more if dressed else {}))


async def cost_us(app: Litestar, method: str, body: bytes) -> float:
    """The fastest of five rounds, a request."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: Any) -> None:
        return None

    return min([await _round(app, lambda: scope_of(method), receive, send) for _ in range(5)])


async def _round(app: Litestar, scope: Callable[[], Any], receive: Callable[[], Awaitable[Any]], send) -> float:
    started = time.perf_counter()
    for _ in range(TIMES // 5):
        await app(scope(), receive, send)
    return (time.perf_counter() - started) / (TIMES // 5) * 1e6


def scope_of(method: str) -> Any:
    return {
        "type": "http",
        "method": method,
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"a.example"), (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0")],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }


@pytest.mark.alone
async def test_the_door_costs_microseconds():
    """Limits, headers and the search for card numbers together, for a page and for a checkout's body."""
    bare, dressed = application(dressed=False), application(dressed=True)

    costs = {}
    for method, body in (("GET", b""), ("POST", BODY)):
        costs[method] = await cost_us(dressed, method, body) - await cost_us(bare, method, body)
        sys.stdout.write(f"{method}: {costs[method]:.0f} µs\n")

    assert all(cost < MOST_US for cost in costs.values()), costs
