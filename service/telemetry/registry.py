"""The one object that counts: built in a process's root with its own collector registry, handed to everybody.

Every series that can be known exists at zero from the start, so that a first occurrence is an increase. A wrong use
(undeclared metric, missing label, value outside its set) raises in development and tests; elsewhere it folds into
"other" or is dropped, is counted in `cubano_telemetry_dropped_total`, and breaks nothing.
"""

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

import prometheus_client as prometheus
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.process_collector import ProcessCollector

from service.telemetry.catalogue import ALL, BUILD_INFO, TELEMETRY_DROPPED
from service.telemetry.labels import Signal
from service.telemetry.metric import OTHER, Bounded, Counter, Gauge, Histogram, Metric, known_values
from service.telemetry.spans import Attribute, Kind, KindName, Span, current_span
from service.telemetry.tracing import Tracing

SERIES_AT_START = 256  # a product of label sets above this is created as it is used
LABEL_LENGTH = 120  # characters; a longer value is not a name

Key = tuple[tuple[str, object], ...]
Series = Any  # the client's counter, gauge or histogram: which one follows from the declaration's type


class MisuseError(ValueError):
    """A metric or label that the catalogue does not declare; raised in development and tests only."""


class Telemetry:
    def __init__(
        self,
        process: str,
        *,
        version: str,
        environment: str,
        tracer: Tracing | None = None,
        catalogue: Iterable[Metric] = ALL,
        strict: bool | None = None,
    ) -> None:
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # a third of all lines, and read by nobody
        self.process = process
        self.tracing = tracer or Tracing()
        self.registry = prometheus.CollectorRegistry(auto_describe=False)
        self._strict = environment in {"development", "test"} if strict is None else strict
        self._lock = threading.Lock()
        self._families: dict[Metric, MetricWrapperBase] = {}
        self._children: dict[Metric, dict[Key, Series]] = {}
        self._seen: dict[tuple[Metric, str], set[str]] = {}
        self._taken: dict[Metric, set[tuple[str, ...]]] = {}
        self._unset: set[Metric] = set()
        self._at_scrape: list[Callable[[], None]] = []
        ProcessCollector(registry=self.registry)
        for metric in catalogue:
            self._declare(metric)
        self.tracing.on_drop(lambda spans: self.count(TELEMETRY_DROPPED, spans, signal=Signal.SPANS))
        self.set(BUILD_INFO, 1, version=version, environment=environment, process=process)

    # --- writing

    def count(self, metric: Counter, by: float = 1, **labels: object) -> None:
        child = self._child(metric, labels)
        if child is None:
            return
        if by < 0:
            self._refuse(Signal.METRICS, f"{metric.name} is a counter and cannot go down by {-by}")
            return
        child.inc(by, _exemplar())

    def observe(self, metric: Histogram, value: float, **labels: object) -> None:
        child = self._child(metric, labels)
        if child is not None:
            child.observe(value, _exemplar())

    def observing(self, metric: Histogram, **labels: object) -> Callable[[float], None]:
        """`observe` of one series for whoever does it many times in each request: the series is looked up once."""
        child = self._child(metric, labels)
        if child is None:
            return lambda _value: None
        observe = child.observe
        return lambda value: observe(value, _exemplar())

    def set(self, metric: Gauge, value: float, **labels: object) -> None:
        child = self._child(metric, labels)
        if child is not None:
            child.set(value)

    def add(self, metric: Gauge, by: float, **labels: object) -> None:
        child = self._child(metric, labels)
        if child is not None:
            child.inc(by)

    def adding(self, metric: Gauge, **labels: object) -> Callable[[float], None]:
        """`add` for whoever does it in each request."""
        child = self._child(metric, labels)
        return (lambda _by: None) if child is None else child.inc

    def forget(self, metric: Gauge, **labels: object) -> None:
        """Takes a gauge's series away when the thing it measured is gone, or cannot be measured any more."""
        if metric in self._unset or (child := self._child(metric, labels)) is None:
            return
        with self._lock:
            if not metric.labels:
                self.registry.unregister(self._families[metric])
                self._unset.add(metric)
                self._children[metric] = {}
                return
            self._families[metric].remove(*child._labelvalues)  # noqa: SLF001 - the client offers no public way back
            self._children[metric] = {key: kept for key, kept in self._children[metric].items() if kept is not child}

    def expect(self, metric: Metric, **labels: str) -> None:
        """Creates series at zero once the root knows the values of an open set: ticket types, routes."""
        rest = [name for name in metric.labels if name not in labels]
        for values in product(*(known_values(metric.labels[name]) for name in rest)):
            self._child(metric, {**labels, **dict(zip(rest, values, strict=True))})

    def span(
        self,
        name: str,
        *,
        traceparent: str | None = None,
        kind: Kind | KindName = Kind.INTERNAL,
        **attributes: Attribute,
    ) -> Span:
        return self.tracing.span(name, traceparent=traceparent, kind=kind, **attributes)

    # --- reading

    def at_scrape(self, measure: Callable[[], None]) -> None:
        """Registers a quick, non-blocking measurement (pool sizes, ages), made in the reader's thread at each reading."""
        self._at_scrape.append(measure)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type; OpenMetrics, with exemplars, for those who accept it."""
        for measure in self._at_scrape:
            try:
                measure()
            except (LookupError, OSError, RuntimeError, ValueError):  # one stale figure must not hide all others
                self.drop(Signal.SCRAPES)
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def drop(self, signal: Signal, items: int = 1) -> None:
        self.count(TELEMETRY_DROPPED, items, signal=signal)

    # --- inside

    def _declare(self, metric: Metric) -> None:
        late = isinstance(metric, Gauge) and metric.snapshot
        family = _family(metric, None if late else self.registry)
        self._families[metric] = family
        self._children[metric] = {}
        for name, allowed in metric.labels.items():
            self._seen[metric, name] = set(known_values(allowed))
        if late:
            self._unset.add(metric)
        elif math.prod(len(known_values(allowed)) for allowed in metric.labels.values()) <= SERIES_AT_START:
            self.expect(metric)

    def _child(self, metric: Metric, labels: Mapping[str, object]) -> Series | None:
        """The series to write to: one dictionary look-up once it was used."""
        try:
            return self._children[metric][tuple(labels.items())]
        except (KeyError, TypeError):  # first use, or a value that cannot be a key
            return self._find(metric, labels)

    def _find(self, metric: Metric, labels: Mapping[str, object]) -> Series | None:
        family = self._families.get(metric)
        if family is None:
            self._refuse(Signal.METRICS, f"{metric.name} is not declared in the catalogue")
            return None
        if labels.keys() != metric.labels.keys():
            self._refuse(Signal.METRICS, f"{metric.name} has the labels {sorted(metric.labels)}, not {sorted(labels)}")
            return None
        with self._lock:
            wanted = [(name, _text(labels[name])) for name in metric.labels]
            values = self._fit(metric, [self._fold(metric, name, value) for name, value in wanted])
            child = family.labels(*values) if values else family
            if metric in self._unset:
                self._unset.discard(metric)
                self.registry.register(family)
            if values == [value for _, value in wanted]:  # a folded value must not grow the cache
                self._children[metric][tuple(labels.items())] = child
        return child

    def _fit(self, metric: Metric, values: list[str]) -> list[str]:
        """The combination itself while there is room for another, else the one all others share."""
        if not metric.most or tuple(values) in (taken := self._taken.setdefault(metric, set())):
            return values
        if len(taken) < metric.most:
            taken.add(tuple(values))
            return values
        allowed = metric.labels.values()
        return [
            value if not isinstance(each, Bounded) or value in each.known else OTHER
            for each, value in zip(allowed, values, strict=True)
        ]

    def _fold(self, metric: Metric, name: str, value: str) -> str:
        """The value itself when its set has or can take it, else "other"."""
        allowed, seen = metric.labels[name], self._seen[metric, name]
        if value in seen:
            return value
        if not isinstance(allowed, Bounded):
            self._refuse(Signal.LABELS, f"{metric.name}: {value!r} is no {name} ({allowed.__name__})")
            return OTHER
        if len(seen) < allowed.limit + len(allowed.known) and len(value) <= LABEL_LENGTH:
            seen.add(value)
            return value
        return OTHER

    def _refuse(self, signal: Signal, message: str) -> None:
        if self._strict:
            raise MisuseError(message)
        self._children[TELEMETRY_DROPPED][("signal", signal),].inc()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _exemplar() -> dict[str, str] | None:
    span = current_span()
    if span is None or not span.exported:
        return None
    span.attributes["exemplar"] = True  # a collector that samples tails keeps what a graph points at
    return {"trace_id": span.hex_trace_id}


def _family(metric: Metric, registry: prometheus.CollectorRegistry | None) -> MetricWrapperBase:
    labels = tuple(metric.labels)
    match metric:
        case Counter():
            return prometheus.Counter(metric.name, metric.help, labels, registry=registry)
        case Histogram():
            return prometheus.Histogram(metric.name, metric.help, labels, registry=registry, buckets=metric.buckets)
        case _:
            return prometheus.Gauge(metric.name, metric.help, labels, registry=registry)
