"""Who looks at a system sees what its processes use, what they tell, and which alerts fire; who does not answer hides nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from loadtests.alerts import Ears
from loadtests.target import Target
from loadtests.watch import Watch
from tests.local.programs import eventually

BUSY = "while True: pass"
FIRING = [
    {"labels": {"alertname": "Watchdog"}, "state": "firing"},
    {"labels": {"alertname": "GatewayOutage"}, "state": "firing"},
    {"labels": {"alertname": "QueueBacklog"}, "state": "pending"},
]
ACTIVE = [
    {"labels": {"alertname": "Watchdog", "severity": "critical"}},
    {"labels": {"alertname": "GatewayOutage", "severity": "critical"}},
    {"labels": {"alertname": "FailoverActiveTooLong", "severity": "warning"}},
]
PAGES = {
    "/metrics": 'cubano_db_pool_connections{state="in_use"} 4.0\n',
    "/api/v1/alerts": json.dumps({"data": {"alerts": FIRING}}),
    "/api/v2/alerts": json.dumps(ACTIVE),
    "/calm/api/v2/alerts": json.dumps([ACTIVE[0], ACTIVE[2]]),
}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES[self.path.partition("?")[0]].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Nothing."""


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def busy():
    """A process that uses all it gets."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        yield process
        process.kill()


def target(url: str, pid: int, **changes) -> Target:
    found = {"metrics": {"serve": f"{url}/metrics"}, "prometheus": url, "alertmanager": url}
    return Target(found | {"pids": {"up": os.getpid(), "serve": pid}} | changes)


def test_what_a_process_uses_and_tells(url, busy):
    """Processor time grows, memory is there, the pool is what the metrics say."""
    with Watch(target(url, busy.pid), time.monotonic()) as watch:
        assert eventually(lambda: len(watch.samples) >= 3, 20)
        watched = watch.watched()

    first, last = watched.samples[0], watched.samples[-1]
    assert 0 < last.cpu_s["serve"] - first.cpu_s["serve"] <= last.at_s - first.at_s + 0.1
    assert last.rss["serve"] > 0
    assert 4 == last.pool_in_use
    assert 0 <= watched.host_busy <= 1


def test_which_alerts_fire_and_who_is_woken(url, busy):
    """Those that fire, the heartbeat not among them; of those that reached somebody only the critical ones."""
    with Watch(target(url, busy.pid), time.monotonic()) as watch:
        assert eventually(lambda: bool(watch.ears.pages), 20)

    ears = watch.ears
    assert ({"GatewayOutage"}, {"GatewayOutage"}, 1.0) == (ears.firing, ears.pages, ears.heard)


def test_before_anybody_comes_alerts_are_calm(url):
    """While somebody has to get up for something it is not calm, nor where nobody hears the alert that always fires."""
    with httpx.Client() as client:
        found = [Ears(url, each).calm(client, 0, 0) for each in (url, f"{url}/calm", "http://127.0.0.1:9")]

    assert [False, True, False] == found


def test_who_does_not_answer_leaves_a_gap_and_no_error(url, busy):
    """A server that is gone in the middle of a run is still looked at by its processes."""
    nobody = "http://127.0.0.1:9"
    gone = target(url, busy.pid, metrics={"serve": f"{nobody}/metrics"}, prometheus=nobody, alertmanager=nobody)

    with Watch(gone, time.monotonic()) as watch:
        assert eventually(lambda: len(watch.samples) >= 2, 20)

    assert (set(), set(), 0.0) == (watch.ears.firing, watch.ears.pages, watch.ears.heard)
    assert 0 == watch.samples[-1].pool_in_use
