"""One system for all of tests/monitoring/live: `cubano up` whose mail server can be ended, a crowd, and who watches them."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.local.binaries import Tool
from service.local.cluster import forget
from service.local.ports import free_port
from tests.e2e.local import Local
from tests.local.running import Running
from tests.monitoring.binaries import needed
from tests.monitoring.live.crowd import Crowd, coming
from tests.monitoring.live.prometheus import Prometheus, watching
from tests.monitoring.live.receiver import Receiver, listening

CALM_SCALE = 3  # a restart of six seconds is twenty: what a deploy takes
DRILL_SCALE = 40  # the rules of an hour in a minute and a half


@dataclass
class System:
    """A running system; `found` is what it said of itself, and where alerts are mailed to. `mail` is the customers' server."""

    local: Local
    found: dict[str, Any]
    mail: subprocess.Popen[bytes]

    def end_mail(self) -> None:
        """Letters to customers are refused from now on; those about alerts have a server of their own."""
        self.mail.kill()
        self.mail.wait()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    needed(Tool.PROMETHEUS), needed(Tool.ALERTMANAGER)
    folder: Path = tmp_path_factory.mktemp("watched")
    customers, alerts = free_port(), free_port()
    settings = {
        "CUBANO_SMTP_URL": f"smtp://127.0.0.1:{customers}",
        "CUBANO_RATE_LIMITS": "1000",  # one address plays everybody
        "CUBANO_GATEWAY_HEALTHY_S": "3",
    }
    with listening() as traces, _sink(folder, customers) as mail, _sink(folder, alerts):
        settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.base_url, "OTEL_TRACES_SAMPLER_ARG": "0.5"}
        running = Running(folder / "state", "--without", "mail,prometheus,alertmanager", **settings)
        yield System(Local(running), {**running.found, "smtp": f"127.0.0.1:{alerts}"}, mail)
        running.stop()
    forget(running.state / "postgres")


@contextmanager
def _sink(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = ["--smtp-port", str(port), "--port", str(free_port()), "--store", str(folder / f"mails-{port}")]
    with subprocess.Popen([sys.executable, "-m", "service.local.mail", *words], stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def crowd(system: System) -> Iterator[Crowd]:
    with coming(Crowd(system.found)) as crowd:
        yield crowd


@pytest.fixture
def alone(system: System) -> Callable[..., dict[str, Any] | None]:
    """One checkout while nobody else is there; the answer, None when there is none."""

    async def check_out(**more: Any) -> dict[str, Any] | None:
        async with httpx.AsyncClient(timeout=20) as client:
            return await Crowd(system.found).check_out(client, more.pop("provider", ""), **more)

    return lambda **more: asyncio.run(check_out(**more))


@pytest.fixture(scope="session")
def calm(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Rules that are hardly faster than production's."""
    with watching(system.found, tmp_path_factory.mktemp("calm"), scale=CALM_SCALE) as prometheus:
        yield prometheus


@dataclass(frozen=True)
class Drill:
    """Who watches quickly, and who hears of it."""

    prometheus: Prometheus
    receiver: Receiver


@pytest.fixture(scope="module")
def drill(system: System, crowd: Crowd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    with (
        listening() as receiver,
        watching(system.found, folder, scale=DRILL_SCALE, webhook=receiver.url) as prometheus,
    ):
        yield Drill(prometheus, receiver)
