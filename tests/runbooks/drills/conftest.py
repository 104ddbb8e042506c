"""A responder that answers what a test tells it to, over a socket as the real one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@contextmanager
def served(answers: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address at which it answers, for the length of the block."""
    server = HTTPServer(("127.0.0.1", 0), answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def responder():
    """Says `runs`, one state after the other about any of them, the last one for ever, and `status` to an approval."""

    class Answers(BaseHTTPRequestHandler):
        states: list[str] = []  # noqa: RUF012 - set by each test
        status = 409
        url = ""
        runs: list[dict[str, object]] = []  # noqa: RUF012 - as above

        def do_GET(self):
            if self.path == "/api/runs":
                return self._say(200, {"runs": self.runs})
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return self._say(
                200, {"id": "r1", "state": state, "plan": {"hash": "abc"}, "acts": [], "steps": [], "waitsFor": "mend"}
            )

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(self.status, {})

        def _say(self, status, body):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with served(Answers) as url:
        Answers.url = url
        yield Answers
