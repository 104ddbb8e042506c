"""A small Litestar application behind a real uvicorn on a free port, with telemetry as its outermost layer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from litestar import Litestar, Response, asgi, get, post
from litestar.exceptions import ClientException
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from service.telemetry.logs import bind
from service.telemetry.middleware import TelemetryMiddleware, note_exception
from service.telemetry.tracing import current_trace_id, current_traceparent


@get("/")
async def home() -> str:
    return "welcome"


@get("/orders/{order_id:str}")
async def order(order_id: FromPath[str]) -> dict[str, str | None]:
    bind(order_id=order_id)
    return {"trace": current_trace_id(), "traceparent": current_traceparent()}


@get("/sync/{number:int}", sync_to_thread=True)
def threaded(number: FromPath[int]) -> dict[str, str | None]:
    return {"trace": current_trace_id(), "number": str(number)}


@post("/orders")
async def refuse() -> None:
    raise ClientException("no", status_code=422)


@get("/crash")
async def crash() -> None:
    raise ZeroDivisionError("for ana@example.org")


class BusyError(Exception):
    """Too much at once."""


@get("/busy")
async def busy() -> None:
    raise BusyError("no connection for ana@example.org\nin two seconds")


@get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.6)
    return "at last"


@get("/half")
async def half() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("the source is gone")

    return Stream(pieces())


@get("/health/live")
async def live() -> str:
    return "live"


@asgi("/static", is_mount=True, copy_scope=True)
async def static(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


HANDLERS = [home, order, threaded, refuse, crash, busy, slow, half, live, static]


def create_site(telemetry, **options) -> Litestar:
    app = Litestar(
        HANDLERS,
        after_exception=[note_exception],
        exception_handlers={BusyError: lambda _request, _error: Response(None, status_code=503)},
        logging_config=None,
        openapi_config=None,
    )
    app.asgi_handler = TelemetryMiddleware(app.asgi_handler, telemetry, **options)
    return app


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
