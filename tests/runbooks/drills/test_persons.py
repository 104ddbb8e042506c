"""What the people of a drill do, asked of a responder that answers what it is told to: over a socket, as the real one."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from runbooks.drills.course import Play
from runbooks.drills.drill import Drill
from runbooks.drills.persons import decide
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene
from runbooks.drills.stack import Stack


@pytest.fixture
def responder():
    """Says one state after the other about its run, the last one for ever; `status` is what an approval is answered with."""

    class Answers(BaseHTTPRequestHandler):
        states: list[str] = []  # noqa: RUF012 - set by each test
        status = 409

        def do_GET(self):
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            self._say(200, {"id": "r1", "state": state, "plan": {"hash": "abc"}})

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(self.status, {})

        def _say(self, status, body):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    Answers.url = f"http://127.0.0.1:{server.server_port}"
    yield Answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("states", "status", "why"),
    [
        (["planned", "awaiting_approval", "expired"], 409, []),
        (["planned", "awaiting_approval", "expired"], 200, ["answered with 200, not with 409"]),
        (["planned", "awaiting_approval", "expired"], 500, ["answered with 500, not with 409"]),
        (["awaiting_approval"], 409, ["a plan that nobody approved was not let go"]),
        (["planned", "running", "recovered"], 409, ["nobody was asked to approve it"]),
    ],
    ids=["as it has to be", "taken", "broken", "kept", "nobody asked"],
)
def test_an_approval_that_comes_too_late_is_refused(responder, tmp_path, monkeypatch, states, status, why):
    """It was asked for, it was let go, and then it is 409: anything else shows nothing."""
    responder.states, responder.status = list(states), status
    monkeypatch.setattr("runbooks.drills.persons.ASKED_S", 1)
    monkeypatch.setattr("runbooks.drills.persons.LATE_S", 1)
    stack = Stack(tmp_path, 6000, {"responder": responder.url, "operators": {"ana": "a token"}})
    report = Report(drill="x", playbook="GatewayOutage", scale=40, at=datetime.now(UTC).isoformat())
    scene = Scene(stack)

    with scene.http:
        drill = Drill(drill="some-fault", playbook="GatewayOutage", person="late")
        decide(Play(stack, drill, print, report, scene), {"id": "r1", "state": "planned"})

    assert len(why) == len(report.faults)
    assert all(words in fault for words, fault in zip(why, report.faults, strict=True))
