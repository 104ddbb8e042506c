"""The generators against a server that knows one page: who waited for whom can be told, and who is late by his own fault.

Nothing here depends on how quick the machine is: one side stands still for a second, and the others say so.
"""

import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadtests.arrivals import slots
from loadtests.result import Outcome, Sent
from loadtests.stages import Scenario, steady
from loadtests.swarm import GeneratorError, swarming
from loadtests.target import Target

SCENARIO = Scenario(name="looking", what="made for a test", stages=(steady(6, 12, {"visitor": 1}),))
SERVER_STILL = (1.0, 2.0)  # from when to when
GENERATOR_STILL = (3.5, 4.5)
EDGE_S = 0.2


class Page(BaseHTTPRequestHandler):
    """Answers while the server's `goes` is set."""

    protocol_version = "HTTP/1.1"
    server: "Stub"

    def do_GET(self) -> None:
        self.server.goes.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_) -> None:
        """Nothing."""


class Stub(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 100

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.goes = threading.Event()
        self.goes.set()
        self.target = Target({"api": f"http://127.0.0.1:{self.server_port}", "emulator": ""})
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def stub():
    with Stub() as server:
        yield server
        server.shutdown()


def due_in(sent: list[Sent], moments: tuple[float, float]) -> list[Sent]:
    """Those who were due well within."""
    return [each for each in sent if moments[0] + EDGE_S <= each.at_s <= moments[1] - EDGE_S]


def until(began: float, at_s: float) -> None:
    time.sleep(max(0.0, began + at_s - time.monotonic()))


def test_standing_still_is_told_whoever_does_it(stub, tmp_path):
    """The server's second is waited by all who were due in it and was the server's; the generator's was waited, but not served,
    and the generator says that it was starved."""
    with swarming(SCENARIO, stub.target, 5, generators=1, folder=tmp_path) as swarm:
        began = swarm.begin()
        for moment, act in (
            (SERVER_STILL[0], stub.goes.clear),
            (SERVER_STILL[1], stub.goes.set),
            (GENERATOR_STILL[0], lambda: swarm._processes[0].send_signal(signal.SIGSTOP)),
            (GENERATOR_STILL[1], lambda: swarm._processes[0].send_signal(signal.SIGCONT)),
        ):
            until(began, moment)
            act()
        generated = swarm.generated()

    servers, own = due_in(generated.sent, SERVER_STILL), due_in(generated.sent, GENERATOR_STILL)
    assert len(slots(SCENARIO, 5)) == generated.planned == generated.begun == len(generated.sent)
    assert {Outcome.OK} == {each.outcome for each in generated.sent}
    assert servers
    assert own
    assert [] == [each for each in servers if each.at_s + each.waited_ms / 1000 < SERVER_STILL[1] - 0.05]
    assert [] == [each for each in servers if each.served_ms < each.waited_ms / 2]
    assert [] == [each for each in own if each.at_s + each.waited_ms / 1000 < GENERATOR_STILL[1] - 0.05]
    assert [] == [each for each in own if each.served_ms > each.waited_ms / 2]
    assert generated.starved


def test_a_generator_that_cannot_begin_says_why(tmp_path):
    """A system without an address is no reason to wait for a minute."""
    broken = Target({"emulator": ""})  # it has no address

    with (
        pytest.raises(GeneratorError, match="do not begin"),
        swarming(SCENARIO, broken, 5, generators=1, folder=tmp_path) as swarm,
    ):
        swarm.begin()


def test_nothing_is_left_of_a_run_that_was_broken_off(stub, tmp_path):
    """Ctrl-C in the middle ends the generators."""
    with pytest.raises(KeyboardInterrupt), swarming(SCENARIO, stub.target, 5, generators=2, folder=tmp_path) as swarm:
        raise KeyboardInterrupt

    assert all(process.poll() is not None for process in swarm._processes)
