"""A peer of somebody else's, played on a real socket: what it was asked, and what it answers to which path."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any]


@dataclass
class Peer:
    """`answer` is asked with method, path and what was sent along."""

    url: str
    answer: Callable[[str, str, Any], Answer]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


@contextmanager
def peer(answer: Callable[[str, str, Any], Answer]) -> Iterator[Peer]:
    """It answers until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.peer = Peer(f"http://127.0.0.1:{server.server_port}", answer)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.peer  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        known: Peer = self.server.peer  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length).decode()
        is_json = "json" in self.headers.get("Content-Type", "")
        sent = json.loads(text) if is_json else {name: each[0] for name, each in parse_qs(text).items()}
        path = urlsplit(self.path).path
        known.asked.append((self.command, path, sent))
        status, body = known.answer(self.command, path, sent)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Nothing on the test's output."""


def vector(*series: tuple[dict[str, str], float | str]) -> Answer:
    """What Prometheus answers to an instant query."""
    result = [{"metric": labels, "value": [1_800_000_000, str(value)]} for labels, value in series]
    return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}
