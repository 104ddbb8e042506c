"""The real Prometheus and Alertmanager over a running system, with the project's rules at a speed of the test's choosing."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from service.local.binaries import Tool
from service.local.monitoring import configuration, watchers
from service.local.ports import free_ports
from service.local.tether import Lifeline
from tests.local.programs import eventually
from tests.local.running import CUBANO
from tests.monitoring.binaries import needed

BOTH = frozenset({"prometheus", "alertmanager"})
READY_S = 20


@dataclass(frozen=True)
class Prometheus:
    """One that runs; `scale` is how many times faster its rules are than production's."""

    client: httpx.Client
    scale: int

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What an expression gives now."""
        return self.ask("query", query=expr)["result"]

    def range(self, expr: str, *, minutes: float = 10, step_s: int = 5) -> list[dict[str, Any]]:
        """What an expression gave in the last minutes."""
        now = time.time()
        return self.ask("query_range", query=expr, start=now - 60 * minutes, end=now, step=step_s)["result"]

    def alerts(self, *states: str) -> set[tuple[str, str]]:
        """Name and tier of what is pending or firing now, but for the heartbeat."""
        found = [each for each in self.ask("alerts")["alerts"] if each["state"] in (states or ("pending", "firing"))]
        named = {(each["labels"]["alertname"], each["labels"]["severity"]) for each in found}
        return {each for each in named if each[0] != "Watchdog"}

    def ask(self, question: str, **more: Any) -> dict[str, Any]:
        path = f"/api/v1/{question}"
        answer = self.client.post(path, data=more) if more else self.client.get(path)
        assert answer.is_success, f"{question} {more}: {answer.text}"
        found = answer.json()
        assert not found.get("warnings"), f"{more}: {found['warnings']}"
        return found["data"]


@contextmanager
def watching(found: Mapping[str, Any], folder: Path, *, scale: int, webhook: str = "") -> Iterator[Prometheus]:
    """Both programs over the system that `found` describes, until the block ends."""
    needed(Tool.PROMETHEUS), needed(Tool.ALERTMANAGER)
    ports = dict(zip(sorted(BOTH), free_ports(2), strict=True))
    _build(found, folder, ports, scale=scale, webhook=webhook)
    lifeline, running = Lifeline(), []
    try:
        with (folder / "watchers.log").open("w") as log:
            for child in watchers(folder, ports, BOTH):
                argv = lifeline.tie(child.argv)
                running.append(subprocess.Popen(argv, env=child.environment, stdout=log, stderr=log))
        url = f"http://127.0.0.1:{ports['prometheus']}"
        assert eventually(lambda: _answers(f"{url}/-/ready"), READY_S), (folder / "watchers.log").read_text()
        with httpx.Client(base_url=url, timeout=20) as client:
            yield Prometheus(client, scale)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(10)
        lifeline.close()


def _build(found: Mapping[str, Any], folder: Path, ports: Mapping[str, int], *, scale: int, webhook: str) -> None:
    out = configuration(folder)
    shutil.rmtree(out, ignore_errors=True)
    words = [str(CUBANO), "monitor", "build", "--out", str(out), "--scale", str(scale), "--webhook", webhook]
    targets = {part: urlsplit(url).netloc for part, url in found["metrics"].items()}
    targets |= {part: f"127.0.0.1:{port}" for part, port in ports.items()}
    words += [word for part, address in targets.items() for word in ("--target", f"{part}={address}")]
    words += ["--alertmanager", targets["alertmanager"], "--smtp", found["smtp"]]
    subprocess.run(words, check=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def rules(prometheus: Prometheus) -> list[dict[str, Any]]:
    """Every rule it has loaded."""
    return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
