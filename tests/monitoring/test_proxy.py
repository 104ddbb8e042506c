"""The containers' proxy, run by the real haproxy: who asks is known, nobody is sent to a server that is not ready, nothing is
sent twice. Behind it stand two small servers that note what reaches them."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from service.access.rules import client_ip
from service.local.binaries import FOLDER, Tool
from service.local.compose_env import fresh
from service.local.ports import free_port
from service.settings import load_settings
from tests.monitoring.binaries import needed
from tests.monitoring.compose import ROOT, SERVICES, environment

CONFIG = ROOT / "monitoring" / "compose" / "proxy.cfg"
WITHIN_S = 10


class Server(ThreadingHTTPServer):
    """A `serve` that can be ready or not, and can break off in the middle of a request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ready, self.breaks_off = True, False
        self.seen: list[tuple[str, str, dict[str, list[str]]]] = []
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.0"  # a connection a request: nothing is left open at the end

    def do_GET(self) -> None:
        if self.path == "/health/ready":
            self._answer(200 if self.server.ready else 503)
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        values = {name.lower(): self.headers.get_all(name, []) for name in self.headers}
        self.server.seen.append((self.command, self.path, values))
        if not self.server.breaks_off:
            self._answer(200)

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Front:
    """The proxy, its two servers, and a client."""

    servers: tuple[Server, Server]
    client: httpx.Client
    watch: str

    def up(self) -> set[int]:
        """Which of the servers the proxy would send somebody to."""
        metrics = httpx.get(f"{self.watch}/metrics").text
        return {number for number in (1, 2) if _is_up(metrics, f"serve-{number}")}

    def wait_until(self, up: set[int]) -> None:
        until = time.monotonic() + WITHIN_S
        while self.up() != up:
            assert time.monotonic() < until, f"{self.up()} are up, not {up}"
            time.sleep(0.02)


def _is_up(metrics: str, server: str) -> bool:
    return f'haproxy_server_status{{proxy="serve",server="{server}",state="UP"}} 1' in metrics


def _libraries() -> dict[str, str]:
    """Where Debian's package was unpacked, its libraries were too."""
    folders = [str(path) for path in (FOLDER / "usr" / "lib").glob("*-linux-gnu*")]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders)}


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    haproxy = needed(Tool.HAPROXY)
    servers, port, watch = (Server(), Server()), free_port(), free_port()
    places = {"serve-1:8000": servers[0], "serve-2:8000": servers[1]}
    text = (
        CONFIG.read_text()
        .replace("bind :8000", f"bind 127.0.0.1:{port}")
        .replace("bind :8404", f"bind 127.0.0.1:{watch}")
    )
    for name, server in places.items():
        text = text.replace(name, f"127.0.0.1:{server.server_port}")
    config = tmp_path / "proxy.cfg"
    config.write_text(text.replace("inter 2s", "inter 50ms"))
    proxy = subprocess.Popen(
        [haproxy, "-db", "-f", config], env=_libraries(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            found = Front(servers, client, f"http://127.0.0.1:{watch}")
            _wait_for(f"{found.watch}/health")
            found.wait_until({1, 2})
            yield found
    finally:
        proxy.terminate()
        proxy.wait(WITHIN_S)
        for server in servers:
            server.stop()


def _wait_for(url: str) -> None:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    pytest.fail(f"nobody answers at {url}")


def test_configuration_is_accepted():
    """The only complaint is that the containers' names mean nothing here."""
    done = subprocess.run(
        [needed(Tool.HAPROXY), "-c", "-f", CONFIG], env=_libraries(), capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "WARNING" in line or "ALERT" in line]

    assert 0 == done.returncode, done.stderr
    assert [] == [line for line in complaints if "could not resolve address 'serve-" not in line]


def test_caller_is_known_whatever_he_writes(front):
    """The service believes as many proxies as there are: the last address is the peer's, what the caller wrote is not taken."""
    hops = int(environment("serve-1")["CUBANO_TRUSTED_HOPS"])

    front.client.get("/", headers=[("X-Forwarded-For", "203.0.113.9, 203.0.113.10"), ("Forwarded", "for=203.0.113.9")])

    (_, _, headers) = next(each for server in front.servers for each in server.seen)
    assert "127.0.0.1" == client_ip("192.0.2.1", headers["x-forwarded-for"], hops=hops)
    assert "forwarded" not in headers


def test_buyers_go_where_somebody_is_ready(front):
    """Both share the work; one that is not ready gets none; when nobody is, the proxy says so itself."""
    first, second = front.servers

    for _ in range(6):
        front.client.get("/both")
    first.ready = False
    front.wait_until({2})
    before = len(first.seen)
    alone = [front.client.get("/one").status_code for _ in range(4)]
    second.ready = False
    front.wait_until(set())

    assert {"/both"} == {path for server in front.servers for _, path, _ in server.seen if path != "/one"}
    assert all(any(path == "/both" for _, path, _ in server.seen) for server in front.servers)
    assert before == len(first.seen)
    assert [200] * 4 == alone
    assert 503 == front.client.get("/nobody").status_code


def test_payment_is_never_sent_twice(front):
    """A server that dies with a request in its hands may have done it; the buyer's key, not the proxy, tries again."""
    for server in front.servers:
        server.breaks_off = True

    answer = front.client.post("/api/payment/checkout", json={"once": True})

    assert 502 == answer.status_code
    assert 1 == sum(len(server.seen) for server in front.servers)


def test_server_that_is_gone_costs_nobody_his_request(front):
    """Nothing was sent to it, so the other one gets it, before any health check has noticed."""
    gone, stays = front.servers
    gone.stop()

    answers = {front.client.post("/api/payment/checkout", json={}).status_code for _ in range(4)}

    assert {200} == answers
    assert 4 == len(stays.seen)


def test_its_own_metrics_are_not_the_shops(front):
    """What Prometheus reads is on the port that is not published; the shop's port knows nothing of it."""
    front.client.get("/metrics")

    assert "haproxy_" in httpx.get(f"{front.watch}/metrics").text
    assert 404 == httpx.get(f"{front.watch}/anything").status_code
    assert ["/metrics"] == [path for server in front.servers for _, path, _ in server.seen]


def test_the_synthetic_buyer_reaches_the_store() -> None:
    """By an address that is one among the containers, and not by the customers', which is this machine's own."""
    settings = load_settings(environment("work", fresh()))
    host, port = settings.synthetic_url.removeprefix("http://").split(":")

    assert 60 == settings.synthetic_every_s
    assert set(SERVICES[host]["networks"]) & set(SERVICES["work"]["networks"])
    assert any(each.endswith(f":{port}") for each in SERVICES[host]["ports"])
    assert host not in settings.public_url
