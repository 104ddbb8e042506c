"""One line per event on stderr: JSON for machines, colours for people, the same fields for our loggers and everybody else's.

Fields: time (RFC 3339, UTC), level, process, area, event, trace_id and span_id inside a span, whatever was bound
(`bind(order_id=…)`), and `exception` with its stack the first time an exception is seen. Everything passes `redaction`.
A line that cannot be written (disk full, pipe closed) is counted, never raised.
"""

import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from service.telemetry.redaction import redact_item
from service.telemetry.tracing import Attribute, current_span

Event = MutableMapping[str, Any]
Format = Literal["json", "console"]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_FIRST = ("time", "level", "process", "area", "event", "trace_id", "span_id", "order_id")
# Loggers that bring their own handlers or say the same thing at every failed batch; our counter says it better.
_QUIET = {
    "opentelemetry": logging.CRITICAL,
    **dict.fromkeys(("httpx", "httpcore", "urllib3", "stripe", "asyncio"), logging.WARNING),
}
_REROUTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "sqlalchemy", "sqlalchemy.engine")

_LOGGED = "cubano_logged"

_bound: ContextVar[Mapping[str, Attribute] | None] = ContextVar("cubano_log_fields", default=None)


def bind(**fields: Attribute) -> Token[Mapping[str, Attribute] | None]:
    """Adds fields to every later line of this request or job, and to its current span."""
    span = current_span()
    if span is not None:
        span.attributes.update(fields)
    return _bound.set({**(_bound.get() or {}), **fields})


@contextmanager
def bound(**fields: Attribute) -> Iterator[None]:
    """The same for the length of a block."""
    token = bind(**fields)
    try:
        yield
    finally:
        _bound.reset(token)


def unbind_all() -> Token[Mapping[str, Attribute] | None]:
    return _bound.set(None)


def reset(token: Token[Mapping[str, Attribute] | None]) -> None:
    _bound.reset(token)


def get_logger(area: str) -> FilteringBoundLogger:
    """A structlog logger whose lines say which part of the system speaks."""
    logger: FilteringBoundLogger = structlog.get_logger(area=area)
    return logger


def configure_logs(
    process: str,
    format: Format = "json",  # noqa: A002 - the setting's own word
    level: str = "info",
    *,
    levels: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    on_drop: Callable[[int], None] = lambda _: None,
) -> None:
    """Routes structlog and the standard library's logging to `stream` (stderr). Call it once, in the root.

    `levels` are others than `level` by area: of our loggers, or by the name of a library's.
    """
    out = Lines(stream or sys.stderr, on_drop)
    threshold = _number(level)
    chosen = {area: _number(each) for area, each in (levels or {}).items()}
    chain = [_bound_too, _exception, _redact, _stamp(process), _console(out) if format == "console" else _json()]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *([_by_area(threshold, chosen)] if chosen else []), *chain],
        wrapper_class=structlog.make_filtering_bound_logger(min([threshold, *chosen.values()])),
        logger_factory=out.logger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [Bridge(chain, out)]
    root.setLevel(threshold)
    for name in _REROUTED:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"  # the middleware's line says more, by template
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, threshold))
    for name, number in chosen.items():
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(capture=True)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _by_area(threshold: int, chosen: Mapping[str, int]) -> Callable[[Any, str, Event], Event]:
    """Drops what is below its area's level; only there when somebody has chosen one, because it costs every line."""

    def weigh(_logger: Any, _method: str, event: Event) -> Event:
        if _number(event["level"]) < chosen.get(event.get("area", ""), threshold):
            raise structlog.DropEvent
        return event

    return weigh


class Lines:
    """Where lines end. Writing is the one thing here that can fail, and it must not."""

    def __init__(self, stream: TextIO, on_drop: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._sink = Sink(self)
        self.colours = stream.isatty()

    def write(self, line: str) -> None:
        try:
            self._put(line)
        except UnicodeEncodeError:  # half a surrogate pair, or a terminal that knows only ASCII
            self._put(line.encode("ascii", "backslashreplace").decode())

    def _put(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except UnicodeEncodeError:
            raise
        except (OSError, ValueError):  # disk full, pipe closed, stream closed
            self._on_drop(1)

    def logger(self, *_: object) -> "Sink":
        return self._sink


class Sink:
    """What structlog calls at the end of its chain, whatever the level."""

    __slots__ = ("critical", "debug", "error", "exception", "fatal", "info", "log", "msg", "warn", "warning")

    def __init__(self, lines: Lines) -> None:
        for name in self.__slots__:
            setattr(self, name, lines.write)


class Bridge(logging.Handler):
    """Standard-library records through the same chain."""

    def __init__(self, chain: list[Callable[[Any, str, Event], Any]], out: Lines) -> None:
        super().__init__()
        self._chain = chain
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {"level": record.levelname.lower(), "area": record.name, "event": _message(record)}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in self._chain:
            event = processor(None, record.levelname.lower(), event)
        self._out.write(event)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # somebody else's placeholders do not fit; their request goes on
        return f"{record.msg} {record.args}"


def _bound_too(_logger: Any, _method: str, event: Event) -> Event:
    for key, value in (_bound.get() or {}).items():
        event.setdefault(key, value)
    return event


def _stamp(process: str) -> Callable[[Any, str, Event], Event]:
    """What we say ourselves about a line; it needs no redaction, so it comes after that."""
    now = _clock()

    def stamp(_logger: Any, _method: str, event: Event) -> Event:
        event["time"] = now()
        event["process"] = process
        span = current_span()
        if span is not None:
            event.setdefault("trace_id", span.hex_trace_id)
            event.setdefault("span_id", span.hex_span_id)
        return event

    return stamp


def _clock() -> Callable[[], str]:
    """The time as lines have it; date and time are written anew once a second."""
    last = (0, "")

    def now() -> str:
        nonlocal last
        ns = time.time_ns()
        second, written = last  # both at once: another thread may be here, too
        if second != ns // 1_000_000_000:
            second = ns // 1_000_000_000
            written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            last = (second, written)
        return f"{written}.{ns // 1_000_000 % 1000:03d}Z"

    return now


def _exception(_logger: Any, _method: str, event: Event) -> Event:
    """The stack once per exception object: whoever logs it again on its way up adds a line, not a second stack."""
    error = _error_of(event.pop("exc_info", None))
    if error is None:
        return event
    event.setdefault("error_type", type(error).__qualname__)
    if _LOGGED in error.__dict__:
        event["exception"] = f"{type(error).__qualname__}: {error}"
    else:
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
        error.__dict__[_LOGGED] = True  # a mark on the very object: nothing else identifies it without keeping it alive
    return event


def _error_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _redact(_logger: Any, _method: str, event: Event) -> Event:
    return {str(key): redact_item(str(key), value) for key, value in event.items()}


def _json() -> Callable[[Any, str, Event], str]:
    encode = msgspec.json.Encoder().encode  # a third of the time json takes, and NaN is null

    def render(_logger: Any, _method: str, event: Event) -> str:
        ordered = {key: event.pop(key) for key in _FIRST if key in event}
        ordered.update(event)
        try:
            return encode(ordered).decode()
        except (TypeError, OverflowError, UnicodeEncodeError):  # a number of 80 bits, half a surrogate pair
            return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), default=str)

    return render


def _console(out: Lines) -> Callable[[Any, str, Event], Any]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=out.colours,
        pad_event_to=40,
        timestamp_key="time",
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(logger: Any, method: str, event: Event) -> Any:
        event["logger"] = event.pop("area", event["process"])
        event["time"] = event["time"][11:-1]  # whoever watches knows the day
        for hidden in ("process", "span_id"):
            event.pop(hidden, None)
        return renderer(logger, method, event)

    return render
