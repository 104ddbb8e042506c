"""A span of ours, the current one, and the W3C traceparent it is handed on as.

Cheap enough for every request: a few attributes and a clock; what becomes of it when it ends is `tracing`'s decision.
"""

import re
import time
from contextvars import ContextVar, Token
from enum import StrEnum
from types import TracebackType
from typing import Literal, Protocol, Self

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01

Attribute = str | bool | int | float


class Kind(StrEnum):
    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


KindName = Literal["internal", "server", "client", "producer", "consumer"]


class Owner(Protocol):
    """Who made a span and is told when it ends."""

    recording: bool

    def is_fault(self, error: BaseException, /) -> bool: ...

    def ended(self, span: "Span", local: "LocalTrace") -> None: ...


class LocalTrace:
    """The part of a trace that this process has under one local root: kept or thrown away as a whole."""

    __slots__ = ("done", "ended", "keep", "lost", "root")

    def __init__(self) -> None:
        self.root: Span | None = None
        self.ended: list[Span] = []
        self.keep = False
        self.done = False
        self.lost = 0


class Span:
    """One timed boundary; a context manager that makes itself the current span."""

    __slots__ = (
        "_local", "_token", "_tracing", "attributes", "end_ns", "error", "kind", "name",
        "parent_id", "remote", "sampled", "span_id", "start_ns", "trace_id",
    )  # fmt: skip

    def __init__(
        self,
        tracing: Owner,
        name: str,
        kind: Kind | KindName,
        local: "LocalTrace",
        *,
        trace_id: int,
        span_id: int,
        sampled: bool,
        parent_id: int | None = None,
    ) -> None:
        self._tracing = tracing
        self._token: Token[Span | None] | None = None
        self._local = local
        self.name = name
        self.kind = (
            kind if kind.__class__ is Kind else Kind(kind)
        )  # the enum's own look-up costs as much as all else here
        self.trace_id = trace_id
        self.span_id = span_id
        self.sampled = sampled
        self.parent_id = parent_id
        self.remote = False
        self.attributes: dict[str, Attribute] = {}
        self.error: str | None = None
        self.start_ns = time.time_ns()
        self.end_ns = 0

    @property
    def traceparent(self) -> str:
        """https://www.w3.org/TR/trace-context/, version 00."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{'01' if self.sampled else '00'}"

    @property
    def hex_trace_id(self) -> str:
        return f"{self.trace_id:032x}"

    @property
    def hex_span_id(self) -> str:
        return f"{self.span_id:016x}"

    @property
    def exported(self) -> bool:
        """Sampled at the head with somewhere to go: the spans an exemplar may point at."""
        return self.sampled and self._tracing.recording

    def set(self, key: str, value: Attribute) -> None:
        self.attributes[key] = value

    def fail(self, error: BaseException | str) -> None:
        """Marks the span as failed, so that its trace is kept."""
        if isinstance(error, BaseException):
            self.attributes["error.type"] = type(error).__qualname__
            self.error = f"{type(error).__qualname__}: {error}"
        else:
            self.error = error

    def end(self) -> None:
        self.end_ns = time.time_ns()
        self._tracing.ended(self, self._local)

    @property
    def local(self) -> LocalTrace:
        return self._local

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        # A cancelled task or a closed generator is no fault; an expected answer ("sold out") is the caller's to name.
        if isinstance(error, Exception) and self.error is None and self._tracing.is_fault(error):
            self.fail(error)
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        self.end()


_current: ContextVar[Span | None] = ContextVar("cubano_span", default=None)


def current_span() -> Span | None:
    return _current.get()


def current_traceparent() -> str | None:
    """What to write into a row or a gateway's metadata so that whoever continues the work continues the trace."""
    span = _current.get()
    return span.traceparent if span else None


def current_trace_id() -> str | None:
    """32 hex digits; present in every request, sampled or not."""
    span = _current.get()
    return span.hex_trace_id if span else None


def parse_traceparent(text: str | None) -> tuple[int, int, bool] | None:
    """Trace id, parent span id, sampled flag; None for everything the W3C recommendation calls invalid."""
    match = _TRACEPARENT.fullmatch(text) if text else None
    if match is None:
        return None
    version, trace, parent, flags, rest = match.groups()
    trace_id, parent_id = int(trace, 16), int(parent, 16)
    if version == "ff" or (version == "00" and rest) or not trace_id or not parent_id:
        return None
    return trace_id, parent_id, bool(int(flags, 16) & _SAMPLED)
