"""The system that is measured: one of our own, started for it from this tree or another, or one that runs already.

It is started and asked as anybody would, by its command and its addresses; nothing of the service is imported. What does
not answer before the load begins is not measured: `UnhealthyError`.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from loadtests.stages import Scenario
from loadtests.traces import Collector, collecting

HERE = Path(__file__).parents[1]
START_S = 120
END_S = 15
_ASK_S = 5
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
_ALERTING = ("prometheus", "alertmanager")
# How many times faster the rules of alerts are. What stands still for a moment does so in real time: a look at the metrics that
# fails for three seconds is a minute at twenty, so it is less here than in drills, which put no load on the machine.
SCALE = 15
# One address plays everybody, the stand-in has no limit of its own, and nobody else buys meanwhile.
SETTINGS = {
    "CUBANO_RATE_LIMITS": "1000",
    "CUBANO_GATEWAY_RATE": "1000",
    "CUBANO_GATEWAY_HEALTHY_S": "3",
    "CUBANO_SYNTHETIC_EVERY_S": "0",
    "CUBANO_LOG_FORMAT": "json",  # as in production; drawing stacks for people is work for the system, too
}


class UnhealthyError(RuntimeError):
    """The system did not come up, or does not answer as it should; the message says what is wrong."""


@dataclass
class Target:
    """A running system; `found` is what `cubano up --json` said of itself."""

    found: dict[str, Any]
    settings: dict[str, str] = field(default_factory=dict)  # that differ from the usual ones
    tree: Path = HERE
    folder: Path | None = None  # ours to end and remove; None when somebody else runs it
    traces: Collector | None = None  # where its traces go, when they come to us

    @property
    def api(self) -> str:
        return str(self.found["api"])

    @property
    def emulator(self) -> str:
        return f"{self.found['emulator']}/_emulator"

    @property
    def alerting(self) -> bool:
        return bool(self.found.get("prometheus") and self.found.get("alertmanager"))

    @property
    def environment(self) -> dict[str, str]:
        """Settings of its processes, for commands that have to look at the same data."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("CUBANO_")}
        if self.folder is None:
            shared = {"CUBANO_DATABASE_URL": self.found["database_url"]}
            return {**os.environ, **shared, "PYTHONPATH": str(self.tree)}
        words = shlex.split((self.folder / "state" / "settings.env").read_text())
        shared = {name: value for name, _, value in (word.partition("=") for word in words)}
        return own | shared | {"PYTHONPATH": str(self.tree)}

    def check(self) -> None:
        """Raise `UnhealthyError` unless everything says that it is ready."""
        ready = {"serve": f"{self.api}/health/ready", "emulate": f"{self.found['emulator']}/health/ready"}
        ready["work"] = self.found["metrics"]["work"].replace("/metrics", "/health/ready")
        for name, url in ready.items():
            try:
                answer = httpx.get(url, timeout=_ASK_S)
            except httpx.TransportError as error:
                raise UnhealthyError(f"{name} does not answer at {url}: {type(error).__name__}") from error
            if not answer.is_success:
                raise UnhealthyError(f"{name} is not ready: {answer.text[:300]}")

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers; each question is committed."""
        with psycopg.connect(self.found["database_url"], autocommit=True, connect_timeout=_ASK_S) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def stock(self, scenario: Scenario) -> None:
        """So many seats of what the scenario's buyers want are left, beside those that are gone."""
        self.ask(
            "UPDATE stock SET capacity = held + sold + %s WHERE ticket_type = ANY(%s)",
            scenario.seats,
            list(scenario.wants),
        )


def running(path: Path) -> Target:
    """One that runs already, by its line of JSON. Raises `UnhealthyError` when the file is not one."""
    try:
        found = json.loads(path.read_text())
        target = Target(found, tree=HERE)
        _ = (target.api, target.emulator, found["metrics"], found["database_url"], found["pids"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnhealthyError(f"{path} is not what `cubano up --json` prints: {error}") from error
    return target


@contextmanager
def started(
    folder: Path, *, tree: Path = HERE, settings: Mapping[str, str] | None = None, watched: bool = False
) -> Iterator[Target]:
    """A new system for the length of the block. One that is `watched` has its rules evaluated by Prometheus, `SCALE` times as
    fast, where this machine has it, and sends its traces to us.

    Raises `UnhealthyError` when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        collector = stack.enter_context(collecting()) if watched else None
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} if collector else {}
        process = _start(folder, tree, {**SETTINGS, **(settings or {}), **traced}, watched=watched)
        stack.callback(_end, process)
        target = Target(_said(process, folder), dict(settings or {}), tree, folder, collector)
        target.check()
        yield target


def _start(folder: Path, tree: Path, given: Mapping[str, str], *, watched: bool) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "service.cli", "up", "--json", "--ports", "auto", "--fresh"]
    words += ["--state", str(folder / "state"), *_parts(watched=watched)]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with (folder / "up.log").open("a") as log:
        return subprocess.Popen(
            words,
            cwd=tree,  # where `service` is looked for first
            env={**kept, "PYTHONPATH": str(tree), **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def _parts(*, watched: bool) -> list[str]:
    return ["--scale", str(SCALE)] if watched else ["--without", f"responder,{','.join(_ALERTING)}"]


def _said(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    late = threading.Timer(START_S, process.kill)
    late.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        late.cancel()
    if not line:
        last = "\n".join((folder / "up.log").read_text().splitlines()[-20:])
        raise UnhealthyError(f"the system did not come up:\n{last}")
    found: dict[str, Any] = json.loads(line)
    return found


def _end(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C would."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_S)
    if process.stdout is not None:
        process.stdout.close()
