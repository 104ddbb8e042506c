"""The outermost ASGI layer: one span, one observation, at most one log line per request, and nothing a client can break.

It stands outside the framework's own error handling, so 404, 405 and crashes are counted as well. Labels are route
templates and standard methods only. Handlers read `current_trace_id()`; every answer carries it in `traceresponse`.
A caller's `traceparent` gives the trace id and the parent, never the decision to keep or to log: those dice are ours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from service.telemetry.catalogue import HTTP_SERVER_ACTIVE, HTTP_SERVER_DURATION
from service.telemetry.labels import HttpMethod
from service.telemetry.logs import get_logger, reset, unbind_all
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Kind, Span, Tracing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

UNMATCHED = "/{unmatched}"
CLIENT_LEFT = 499  # no standard code says "nobody waited for the answer"; proxies agreed on this one
SERVER_ERROR = 500
CLIENT_ERROR = 400
_MOST_REASON = 300  # characters; hundreds a second are refused when a pool is full

_EXCEPTION = "cubano.exception"
_SERIES_KNOWN = 1_000  # routes by method and status; more than there are
_METHODS = {method.value: method.value for method in HttpMethod if method is not HttpMethod.OTHER}


class AsgiApp(Protocol):
    async def __call__(self, scope: Any, receive: Any, send: Any, /) -> None: ...


def litestar_route(scope: Scope) -> str:
    """The template of the route that Litestar chose: it leaves `path_template` and `route_handler` in the scope.

    A mounted application has an empty template: its mount path is named by the handler. Not routed (404, 405): `UNMATCHED`.
    """
    template = scope.get("path_template")
    if template:
        return str(template)
    handler = scope.get("route_handler")
    paths = sorted(handler.paths) if handler is not None else ()
    return f"{paths[0].rstrip('/')}/{{file}}" if paths else UNMATCHED


async def note_exception(error: Exception, scope: Scope) -> None:
    """For the framework's after-exception hook: a crash it turned into an answer is still one line with one stack."""
    scope[_EXCEPTION] = error


class TelemetryMiddleware:
    def __init__(
        self,
        app: AsgiApp,
        telemetry: Telemetry,
        tracing: Tracing | None = None,
        route_of: Callable[[Scope], str] = litestar_route,
        *,
        log_ratio: float = 0.1,
        slow_seconds: float = 1.0,
        quiet_routes: frozenset[str] = frozenset({"/health/live", "/health/ready", "/health/startup"}),
    ) -> None:
        self._app = app
        self._telemetry = telemetry
        self._tracing = tracing or telemetry.tracing
        self._route_of = route_of
        self._log = get_logger("http")
        self._log_below = int(log_ratio * 2**16)
        self._slow_seconds = slow_seconds
        self._quiet = quiet_routes
        self._observers: dict[tuple[str, str, int], Callable[[float], None]] = {}
        self._active = {
            method.value: telemetry.adding(HTTP_SERVER_ACTIVE, http_request_method=method.value)
            for method in HttpMethod
        }

    @property
    def inner(self) -> AsgiApp:
        """What it stands around."""
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = _METHODS.get(scope["method"], HttpMethod.OTHER.value)
        span = self._tracing.span(method, traceparent=_incoming(scope), kind=Kind.SERVER)
        if span.remote:
            self._tracing.resample(span)
        exchange = Exchange(scope, method, send, span)
        fields = unbind_all()
        active = self._active[method]
        active(1)
        try:
            with span:
                try:
                    await self._app(scope, receive, exchange.send)
                except BaseException as raised:
                    exchange.error = raised
                    raise
                finally:
                    self._record(exchange)
        finally:
            active(-1)
            reset(fields)

    def _record(self, exchange: "Exchange") -> None:
        exchange.end(self._route_of(exchange.scope))
        self._observe(exchange)
        if self._tracing.recording:
            exchange.describe()
        write = self._line_of(exchange)
        if write is not None:
            write("request", **exchange.fields())

    def _observe(self, exchange: "Exchange") -> None:
        if exchange.error_type:
            self._observer(exchange)(exchange.seconds)
            return
        series = (exchange.method, exchange.route, exchange.status)
        observe = self._observers.get(series)
        if observe is None:
            observe = self._observer(exchange)
            if len(self._observers) < _SERIES_KNOWN:
                self._observers[series] = observe
        observe(exchange.seconds)

    def _observer(self, exchange: "Exchange") -> Callable[[float], None]:
        return self._telemetry.observing(
            HTTP_SERVER_DURATION,
            http_request_method=exchange.method,
            http_route=exchange.route,
            http_response_status_code=exchange.status,
            error_type=exchange.error_type,
        )

    def _line_of(self, exchange: "Exchange") -> Callable[..., object] | None:
        """Errors and slow requests always, refused ones of a known route always, the rest by the span id, which we made."""
        if exchange.status >= SERVER_ERROR:
            return self._log.error
        if exchange.seconds >= self._slow_seconds:
            return self._log.warning
        if exchange.route in self._quiet:
            return self._log.debug
        refused = exchange.status >= CLIENT_ERROR and exchange.route != UNMATCHED
        if refused or exchange.span.span_id & 0xFFFF < self._log_below:
            return self._log.info
        return None


class Exchange:
    """One request and its answer: sees the status on its way out and adds the trace's name to the headers."""

    __slots__ = ("_send", "_started", "error", "error_type", "method", "route", "scope", "seconds", "span", "status")

    def __init__(self, scope: Scope, method: str, send: Send, span: Span) -> None:
        self._send = send
        self._started = time.perf_counter()
        self.scope = scope
        self.method = method
        self.span = span
        self.status = 0
        self.route = UNMATCHED
        self.seconds = 0.0
        self.error: BaseException | None = None
        self.error_type = ""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"traceresponse", self.span.traceparent.encode())]
        await self._send(message)

    def end(self, route: str) -> None:
        """A crash is a 500 whatever was promised before; an answer that nobody waited for is no answer."""
        self.seconds = time.perf_counter() - self._started
        self.route = route
        if self.error is not None and not isinstance(self.error, asyncio.CancelledError):
            self.status = SERVER_ERROR
        self.status = self.status or CLIENT_LEFT
        if self.status >= SERVER_ERROR:
            self.error = self.error or self.scope.get(_EXCEPTION)
            self.error_type = type(self.error).__qualname__ if self.error is not None else str(self.status)
            self.span.fail(self.error if self.error is not None else f"answered {self.status}")

    def describe(self) -> None:
        """OpenTelemetry's names; no path and no query, which carry ids and tokens."""
        self.span.name = f"{self.method} {self.route}"
        self.span.attributes["http.request.method"] = self.method
        self.span.attributes["http.route"] = self.route
        self.span.attributes["http.response.status_code"] = self.status

    def fields(self) -> dict[str, object]:
        fields: dict[str, object] = {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
        }
        if self.route == UNMATCHED:
            fields["path"] = self.scope["path"][:200]
        if self.status == SERVER_ERROR and self.error is not None:
            fields["exc_info"] = self.error
        elif self.status > SERVER_ERROR and self.error is not None:  # an answer we foresaw: too busy, a gateway away
            fields["error_type"] = self.error_type
            fields["reason"] = str(self.error).partition("\n")[0][:_MOST_REASON]
        return fields


def _incoming(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value, "latin-1")
    return None
