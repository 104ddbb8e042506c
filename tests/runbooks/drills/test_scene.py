"""How a drill asks: it comes again when it is told to, and calm is what somebody who is heard has said."""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from runbooks.drills.scene import LATER, Scene
from runbooks.drills.stack import Stack
from runbooks.drills.watch import HEARTBEAT, Watch
from tests.runbooks.drills.conftest import served

SWITCHES = {"switches": [{"name": "limits", "value": "normal", "default": "normal"}]}


@pytest.fixture
def told(tmp_path):
    """A system that gives these answers, each a status and a body, the last one for ever; and how often it was asked."""
    answers: list[tuple[int, object]] = []
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with served(Answers) as url:
        yield Stack(tmp_path, 40, {"api": url, "alertmanager": url, "api_keys": {"on_call": "a key"}}), answers, asked


@pytest.mark.parametrize(
    ("answers", "moved", "times"),
    [
        ([(200, SWITCHES)], [], 1),
        ([(429, {}), (429, {}), (200, SWITCHES)], [], 3),
        ([(429, {})], ["unknown"], LATER),
        ([(500, {}), (200, SWITCHES)], ["unknown"], 1),
    ],
    ids=["at once", "later", "never", "broken"],
)
def test_who_is_told_to_come_later_comes_later(told, answers, moved, times):
    """The limits of the system that a drill looks at are made for buyers and hold for its own questions, too."""
    stack, said, asked = told
    said += answers

    scene = Scene(stack)
    with scene.http:
        assert moved == scene.moved_switches()

    assert times == len(asked)


def test_what_has_a_lease_goes_back_by_itself(told):
    """At the pace of production nobody waits for it; what has none would stay."""
    stack, said, _ = told
    leased = {"name": "route", "value": "paypal,stripe", "default": "stripe,paypal", "until": "2027-02-13T18:34:00Z"}
    kept = {"name": "sales", "value": "paused", "default": "open", "until": None}
    said += [(200, {"switches": [leased, kept]})]

    scene = Scene(stack)
    with scene.http:
        assert ["route", "sales"] == scene.moved_switches()
        assert ["sales"] == scene.moved_switches(for_good=True)


def alerts(*told):
    return [{"labels": {"alertname": name, "severity": tier}} for name, tier in told]


@pytest.mark.parametrize(
    ("active", "calm"),
    [
        (alerts((HEARTBEAT, "info"), ("OrdersStuck", "warning")), True),
        (alerts((HEARTBEAT, "info"), ("DbDown", "critical")), False),
        (alerts(("OrdersStuck", "warning")), False),
        ([], False),
    ],
    ids=["nothing critical", "critical", "unheard", "empty"],
)
def test_calm_is_said_by_somebody_who_is_heard(told, active, calm):
    """An Alertmanager that does not know the alert that always fires has nothing to say about the others."""
    stack, said, _ = told
    said.append((200, active))

    assert calm is Watch(stack).is_calm()
