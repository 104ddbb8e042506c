"""Another program beside the system, for one stretch of a benchmark: watched while it works, gone when the stretch is over."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from service.bench.drive import LoadFailed
from service.bench.system import System
from service.local.health import http_ready
from service.local.ports import LOOPBACK, free_ports
from service.local.system import cubano
from service.local.tether import Lifeline

READY_S = 30
LOOK_S = 0.01
END_S = 7


@asynccontextmanager
async def beside(
    system: System, name: str, argv: Sequence[str], told: Mapping[str, str], *, ready: str
) -> AsyncIterator[System]:
    """The system with this program as its part `name`, once GET `ready` is answered with 200. Raises `LoadFailed`."""
    log = system.folder / f"{name}.log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *Lifeline().tie(argv), env=dict(told), stdin=asyncio.subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            await _until_ready(process, ready, name)
            yield replace(system, pids={**system.pids, name: process.pid})
        finally:
            await _end(process)


async def _until_ready(process: asyncio.subprocess.Process, url: str, name: str) -> None:
    deadline, probe = time.monotonic() + READY_S, http_ready(url)
    while missing := await probe():
        if process.returncode is not None or time.monotonic() > deadline:
            raise LoadFailed(f"{name} did not become ready: {missing}")
        await asyncio.sleep(LOOK_S)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def mailing(system: System) -> AsyncIterator[System]:
    """The mail sink beside it, and letters go there: a worker whose letters come back has other work than people's."""
    smtp, port = free_ports(2)
    words = [
        sys.executable,
        "-m",
        "service.local.mail",
        "--host",
        LOOPBACK,
        "--smtp-port",
        str(smtp),
        "--port",
        str(port),
    ]
    words += ["--store", str(system.folder / "mails.sqlite")]
    plain = {name: value for name, value in system.told.items() if not name.startswith("CUBANO_")}
    async with beside(system, "mail", words, plain, ready=f"http://{LOOPBACK}:{port}/health/ready") as whole:
        yield replace(whole, told={**system.told, "CUBANO_SMTP_URL": f"smtp://{LOOPBACK}:{smtp}"})


@asynccontextmanager
async def working(system: System) -> AsyncIterator[System]:
    """A `cubano work` on the system's database, ready."""
    [port] = free_ports(1)
    told = {**system.told, "CUBANO_WORK_METRICS_PORT": str(port), "CUBANO_SYNTHETIC_EVERY_S": "0"}
    async with beside(system, "work", cubano("work"), told, ready=f"http://{LOOPBACK}:{port}/health/ready") as whole:
        yield whole
