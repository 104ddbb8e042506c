"""Where Alertmanager's webhooks go in a drill: every alert that reached somebody, and when."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ALERTS = "/alerts"


@dataclass(frozen=True)
class Notice:
    """One alert as it was told; `at` and `since` are seconds of the clock on the wall."""

    at: float
    since: float
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]

    @property
    def tier(self) -> str:
        return self.labels["severity"]


@dataclass
class Receiver:
    """Collects until the block ends; anything else that is posted to it is taken and forgotten."""

    base_url: str
    notices: list[Notice] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What Alertmanager posts to."""
        return self.base_url + ALERTS

    def since(self, began: float) -> list[Notice]:
        """What began to fire after that moment and was told, each alert once, in the order of arrival."""
        first: dict[tuple[tuple[str, str], ...], Notice] = {}
        for notice in list(self.notices):
            if notice.since >= began:
                first.setdefault(tuple(sorted(notice.labels.items())), notice)
        return list(first.values())

    def take(self, body: bytes) -> None:
        told = json.loads(body)
        assert "4" == told["version"]
        for alert in told["alerts"]:
            if alert["status"] == "firing":
                since = datetime.fromisoformat(alert["startsAt"]).timestamp()
                self.notices.append(Notice(time.time(), since, alert["labels"], alert["annotations"]))


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == ALERTS:  # else somebody's traces
                receiver.take(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The tests say what arrived."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
