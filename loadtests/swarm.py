"""The generators: Locust with `locustfile.py`, in processes of their own, one or a master with its workers."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loadtests.result import Generated
from loadtests.stages import Scenario
from loadtests.target import Target

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_GENERATED, _BEGINNING = "generated.msgpack", "beginning"
_START_S = 60
_LOOK_S = 0.05
_LONGER_S = 90  # than the scenario: to start, for those who are on their way, and to end


class GeneratorError(RuntimeError):
    """A generator ended without a result; the message has its last lines."""


class Swarm:
    """Generators that have been started."""

    def __init__(self, scenario: Scenario, processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
        self._scenario, self._processes, self._folder = scenario, processes, folder

    def begin(self) -> float:
        """Wait for the moment the scenario begins; that moment by the monotonic clock. Raises `GeneratorError`."""
        file, deadline = self._folder / _BEGINNING, time.monotonic() + _START_S
        while not (file.exists() and file.read_text().endswith("\n")):
            if time.monotonic() > deadline or any(each.poll() is not None for each in self._processes):
                raise GeneratorError(f"the generators do not begin:\n{_last(self._folder)}")
            time.sleep(_LOOK_S)
        rest_s = float(file.read_text()) - time.time()
        time.sleep(max(0.0, rest_s))
        return time.monotonic() + min(0.0, rest_s)

    def generated(self) -> Generated:
        """Wait for the end, and what came of it. Raises `GeneratorError`."""
        try:
            self._processes[0].wait(self._scenario.seconds + _LONGER_S)
        except subprocess.TimeoutExpired:
            raise GeneratorError(f"the generators do not end:\n{_last(self._folder)}") from None
        result = self._folder / _GENERATED
        if not result.exists():
            raise GeneratorError(f"the generators left nothing behind:\n{_last(self._folder)}")
        return msgspec.msgpack.decode(result.read_bytes(), type=Generated)


@contextmanager
def swarming(scenario: Scenario, target: Target, seed: int, *, generators: int, folder: Path) -> Iterator[Swarm]:
    """The generators for the length of the block; whatever ends it ends them, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_GENERATED, _BEGINNING):
        (folder / name).unlink(missing_ok=True)
    processes = [_start(words, folder) for words in _commands(scenario, target, seed, generators, folder)]
    try:
        yield Swarm(scenario, processes, folder)
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        _end(processes)


def _commands(scenario: Scenario, target: Target, seed: int, generators: int, folder: Path) -> list[list[str]]:
    """The first one is the one that ends by itself and writes the result."""
    told, found = folder / "scenario.json", folder / "target.json"
    told.write_bytes(msgspec.json.encode(scenario))
    found.write_text(json.dumps(target.found))
    options = ["--scenario", str(told), "--seed", str(seed), "--target", str(found)]
    options += ["--generated", str(folder / _GENERATED), "--beginning", str(folder / _BEGINNING)]
    if generators == 1:
        return [_locust(*options)]
    port = str(_free_port())
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    master += ["--expect-workers", str(generators)]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    return [_locust(*options, *master), *(_locust(*worker) for _ in range(generators))]


def _locust(*options: str) -> list[str]:
    quiet = ["--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *quiet, *options]


def _start(words: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    root = str(LOCUSTFILE.parents[1])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST", "CUBANO_"))}
    with (folder / "generators.log").open("ab") as log:
        return subprocess.Popen(
            words, cwd=root, env={**kept, "PYTHONPATH": root}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Workers end with their master; who has not is ended."""
    for process in processes:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _last(folder: Path) -> str:
    return "\n".join((folder / "generators.log").read_text(errors="replace").splitlines()[-15:])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
