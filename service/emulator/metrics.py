"""What the stand-in tells Prometheus: requests, deliveries, objects. Own registry, own port, own thread."""

import threading
from collections.abc import Callable, Iterable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

OUTCOMES = ("delivered", "refused", "given_up", "dropped")


class _Objects(Collector):
    def __init__(self, counts: Callable[[], dict[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily("cubano_emulator_objects", "Objects held, by kind", labels=["kind"])
        for kind, count in self._counts().items():
            family.add_metric([kind], count)
        yield family


class Metrics:
    """The counters the rest increments."""

    def __init__(self, counts: Callable[[], dict[str, int]]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cubano_emulator_requests",
            "API requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.deliveries = Counter(
            "cubano_emulator_webhook_deliveries",
            "Tries to deliver a webhook, by outcome",
            ["outcome"],
            registry=self.registry,
        )
        self.faults = Counter("cubano_emulator_faults", "Faults that hit a request", ["effect"], registry=self.registry)
        for outcome in OUTCOMES:
            self.deliveries.labels(outcome)
        self.registry.register(_Objects(counts))

    def serve(self, host: str, port: int) -> tuple[WSGIServer, threading.Thread]:
        return start_http_server(port, addr=host, registry=self.registry)
