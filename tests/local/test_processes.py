"""The supervisor: readable lines, ordered starts, crashes reported and repaired, and nobody left behind."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from service.local.console import Console
from service.local.health import http_ready, ready_when
from service.local.ports import free_port
from service.local.processes import Child, NotReady, Supervisor
from service.local.tether import Lifeline
from tests.local.programs import alive, eventually, processes_naming, python, stubborn, web_server

AT_ONCE = ready_when(lambda: True, "")
SLEEPER = python("import time; print('up'); time.sleep(600)")


class Screen:
    """The console of a supervisor under test, and what is on it."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        self._stream = os.fdopen(writing, "w")
        self.console = Console(self._stream)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with os.fdopen(self._reading) as pipe:
            for line in pipe:
                self.lines.append(line.rstrip())

    def shows(self, pattern: str, times: int = 1) -> bool:
        return sum(bool(re.search(pattern, line)) for line in self.lines) >= times

    def close(self) -> None:
        self.console.close()
        self._stream.close()
        self._reader.join()


@pytest.fixture
def screen():
    made = Screen()
    yield made
    made.close()


@pytest.fixture
async def supervisor(screen):
    made = Supervisor(screen.console, first_pause_s=0.1)
    yield made
    await made.stop()


def child(name, argv, ready=AT_ONCE, **more):
    return Child(name, argv, ready, dict(os.environ), **more)


async def eventually_shown(screen, pattern, times=1, within_s=10.0):
    return await asyncio.to_thread(eventually, lambda: screen.shows(pattern, times), within_s)


async def test_each_line_names_its_child(supervisor, screen):
    """Every line, of stdout and stderr, has the child's name in front, whatever bytes it is made of."""
    code = "import sys; print('hola'); print('adiós', file=sys.stderr); sys.stdout.buffer.write(b'\\xff no newline')"
    await supervisor.run("once", python(code), dict(os.environ))

    assert await eventually_shown(screen, "^once +│ hola$")
    assert await eventually_shown(screen, "^once +│ adiós$")
    assert await eventually_shown(screen, "^once +│ � no newline$")


async def test_start_waits_until_ready(supervisor, tmp_path):
    """start() returns when the health page answers 200, not before."""
    port, gate = free_port(), tmp_path / "gate"
    opened = threading.Timer(0.5, gate.touch)
    opened.start()
    began = time.monotonic()

    await supervisor.start(child("web", web_server(port, gate), http_ready(f"http://127.0.0.1:{port}/health/ready")))

    assert 0.5 <= time.monotonic() - began
    opened.join()


async def test_never_ready_says_what_is_missing(supervisor, tmp_path):
    """A child that stays unready is named with its time, the answer of its health page and its last lines."""
    port = free_port()
    ready = http_ready(f"http://127.0.0.1:{port}/health/ready")

    with pytest.raises(NotReady) as fault:
        await supervisor.start(child("web", web_server(port, tmp_path / "never"), ready, ready_within_s=0.5))

    assert re.search(r"web was not ready within 0.5 s \(http://\S+ answered 503 .*\"database\"", str(fault.value))
    assert str(fault.value).endswith("its last lines:\n    listening")


async def test_end_before_ready_fails_at_once(supervisor):
    """A child that ends during its first start is not tried again: its exit code and last words are the message."""
    unready = ready_when(lambda: False, "nothing yet")

    with pytest.raises(NotReady, match="web ended with exit code 3 before it was ready; its last lines:\n    no port"):
        await supervisor.start(child("web", python("print('no port'); raise SystemExit(3)"), unready))


async def test_failed_command_is_reported(supervisor):
    """run() raises with the exit code and the last lines of the command."""
    with pytest.raises(NotReady, match="db ended with exit code 1; its last lines:\n    no such table"):
        await supervisor.run("db", python("print('no such table'); raise SystemExit(1)"), dict(os.environ))


async def test_program_that_is_not_there(supervisor):
    """A program that cannot be started is a clear message, not a stack."""
    with pytest.raises(NotReady, match=r"ended with exit code 127.*\n    /no/such/program: No such file"):
        await supervisor.start(child("ghost", ["/no/such/program"], ready_when(lambda: False, "nothing yet")))


async def test_crash_is_reported_and_repaired(supervisor, screen):
    """kill -9 of a child is shown with its signal, and it is started again."""
    await supervisor.start(child("web", SLEEPER))
    first = supervisor.pids["web"]

    os.kill(first, signal.SIGKILL)

    assert await eventually_shown(screen, r"web was killed by SIGKILL; starting it again in 0\.1 s")
    assert await eventually_shown(screen, "ready again after")
    assert first != supervisor.pids["web"]


async def test_pauses_grow(supervisor, screen):
    """A child that keeps crashing is started after longer and longer pauses."""
    await supervisor.start(child("web", python("import time; time.sleep(0.3); raise SystemExit(7)")))

    for pause in ("0.1", "0.2", "0.4", "0.8"):
        assert await eventually_shown(screen, f"web ended with exit code 7; starting it again in {pause} s")


async def test_stop_ends_the_stubborn_and_their_children(supervisor, screen, tmp_path):
    """A child that ignores signals is killed after its time, with everything in its process group."""
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'])"
    await supervisor.start(child("deaf", stubborn(), stop_within_s=0.3))
    await supervisor.start(child("family", python(f"{parent}; print('up'); time.sleep(600)"), stop_within_s=0.3))
    assert await eventually_shown(screen, "up$", times=2)
    pids = supervisor.pids

    await supervisor.stop()

    assert not any(alive(pid) for pid in pids.values())
    assert [] == processes_naming(mark)
    assert await eventually_shown(screen, r"deaf did not end within 0\.3 s: killed")


async def test_foundations_end_last(supervisor, screen):
    """The database is still there while the others hand back what they hold."""
    polite = "import signal, sys, time\ndef end(*_): print('bye'); sys.exit()\nsignal.signal(15, end); print('up'); time.sleep(600)"
    slow = polite.replace("print('bye')", "time.sleep(0.4); print('bye')")
    await supervisor.start(child("base", python(polite), foundation=True))
    await supervisor.start(child("web", python(slow)))
    assert await eventually_shown(screen, "up$", times=2)

    await supervisor.stop()

    assert await eventually_shown(screen, "bye", times=2)
    assert ["web", "base"] == [line.split()[0] for line in screen.lines if line.endswith("bye")]


async def test_endless_line_is_cut(supervisor, screen):
    """A child that writes without line ends cannot fill the memory."""
    await supervisor.run("loud", python("print('x' * 300_000)"), dict(os.environ))

    assert await eventually_shown(screen, "^loud +│ xxx", times=2)


def test_stalled_reader_does_not_stall_the_supervisor():
    """When nobody reads the output, lines are dropped and counted, and nothing waits."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        console = Console(stream)
        began = time.monotonic()
        for _ in range(30_000):
            console.line("loud", "x" * 100)
        took = time.monotonic() - began
        with os.fdopen(reading, "rb") as pipe:
            said = threading.Thread(target=pipe.read)
            said.start()
            console.close()
            stream.close()
            said.join()

    assert took < 5


# ---- whole supervisors, ended in every way ---------------------------------------------------------------------------


def _supervised(**commands: list[str]) -> tuple[subprocess.Popen, dict[str, int]]:
    argv = [sys.executable, "-m", "tests.local.supervised", json.dumps(commands)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    for line in process.stdout or ():
        if line.startswith("all ready"):
            return process, json.loads(line.removeprefix("all ready "))
    raise AssertionError(f"the supervisor ended with {process.wait()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_leaves_nothing(number):
    """Ctrl-C, which a terminal sends to the whole group, and SIGTERM end all children, the deaf ones too."""
    process, pids = _supervised(one=SLEEPER, two=stubborn())

    os.killpg(process.pid, number)
    process.communicate(timeout=10)

    assert 0 == process.returncode
    assert [] == [pid for pid in pids.values() if alive(pid)]


def test_children_are_out_of_reach_of_ctrl_c():
    """Each child is in a group of its own, so that only the supervisor hears Ctrl-C."""
    process, pids = _supervised(one=SLEEPER)

    groups = {os.getpgid(pid) for pid in pids.values()}
    process.terminate()
    process.communicate(timeout=10)

    assert set(pids.values()) == groups


def test_kill_9_of_the_supervisor_leaves_nothing():
    """When the supervisor itself is killed, the kernel ends its children, the deaf ones too."""
    process, pids = _supervised(one=SLEEPER, two=stubborn())

    process.kill()
    process.communicate(timeout=10)

    assert eventually(lambda: not any(alive(pid) for pid in pids.values()))


def test_pipe_ties_where_the_kernel_does_not():
    """On systems that do not tell a child of its parent's death, a closing pipe does: politely, then by force."""
    lifeline = Lifeline(by_pipe=True)
    argv = lifeline.tie(SLEEPER, death_signal=signal.SIGTERM)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, pass_fds=lifeline.inherited)
    assert process.stdout
    assert "up\n" == process.stdout.readline()

    lifeline.close()

    assert -signal.SIGTERM == process.wait(timeout=10)
    assert "" == process.stdout.read()
    process.stdout.close()
