"""Put one load on the system for one stretch of time, and watch who works meanwhile."""

import asyncio
import math
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from service.bench.load import GOOD, Load, Plan
from service.bench.machine import busy_s, cpu_s
from service.bench.requests import event_bodies, gateway_request
from service.bench.system import System
from service.local.tether import Lifeline

SCRIPTS = Path(__file__).parent / "scripts"
MOST_A_SECOND = 12_000  # requests prepared for each second; no server in Python answers more
_RATE = re.compile(rb"^tps = ([\d.]+) \(without initial connection time\)", re.MULTILINE)
_FAILED = re.compile(rb"number of failed transactions: (\d+)")
_CONNECTING_S = (1, 4, 16)
_PATIENCE_S = 30


class LoadFailed(RuntimeError):  # the fact itself
    """A generator ended without a result; the message carries what it said last."""


@dataclass(frozen=True)
class Stretch:
    """One load for some seconds. `cpu_s` by part: serve, postgres, emulate, generator; and `machine`, everybody."""

    seconds: float
    completed: int
    failed: int
    milliseconds: Sequence[float]
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)  # by status, where somebody answers
    gone_at: float = 0  # seconds of the epoch, of the first that was told "sold out"

    @property
    def rate(self) -> float:
        return self.completed / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the requests was answered."""
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


async def generate(system: System, plan: Plan) -> Stretch:
    """Run our own generator."""
    async with _child([sys.executable, "-m", "service.bench.load"]) as process:
        if await _tell(process, msgspec.json.encode(plan)) != b"ready\n":
            raise LoadFailed(await _last_words(process))
        before = watch(system)
        done = await _tell(process, b"go")
        after = watch(system)
        if done != b"done\n":
            raise LoadFailed(await _last_words(process))
    return _stretch(plan, {part: after[part] - before[part] for part in before})


def _stretch(plan: Plan, used: dict[str, float]) -> Stretch:
    load = msgspec.json.decode(Path(plan.result).read_bytes(), type=Load)
    good = sum(load.answers.get(status, 0) for status in GOOD)
    used["generator"] = load.cpu_s
    bad = sum(load.answers.values()) - good
    return Stretch(load.seconds, good, bad, load.milliseconds, used, load.answers, load.gone_at)


async def pgbench(system: System, script: str, *, connections: int, seconds: int, each: int = 0) -> Stretch:
    """Run the wheel's pgbench with one of our scripts: statements prepared, over the same loopback.

    For so many seconds, or until `each` connection has done so many transactions.
    """
    log = system.folder / f"pgbench-{script}-{connections}"
    values = {"payload": next(event_bodies(0)).decode(), "request": gateway_request()}
    words = ["-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-l", f"--log-prefix={log}"]
    words += [f"-D{name}={value}" for name, value in values.items()]
    words += ["-f", str(SCRIPTS / f"{script}.sql"), system.dsn]
    out = b""
    for connecting_s in _CONNECTING_S:  # pgbench counts the time it takes to connect, and may have none left
        lasting_s = seconds + connecting_s
        until = ("-t", str(each)) if each else ("-T", str(lasting_s))
        async with _child([system.pgbench, *until, *words]) as process:
            async with asyncio.timeout(lasting_s + _PATIENCE_S):
                out, err = await process.communicate()
        if process.returncode:
            raise LoadFailed(f"pgbench: {err.decode().strip()}")
        if rate := _RATE.search(out):
            times, failed = _pgbench_times(log), _FAILED.search(out)
            return Stretch(len(times) / float(rate[1]), len(times), int(failed[1]) if failed else 0, times)
    raise LoadFailed(f"pgbench did nothing in its time: {out.decode().strip()}")


@asynccontextmanager
async def _child(argv: Sequence[str | Path]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is over when the block is."""
    process = await asyncio.create_subprocess_exec(
        *Lifeline().tie(argv),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _tell(process: asyncio.subprocess.Process, line: bytes) -> bytes:
    if not process.stdin or not process.stdout:
        raise RuntimeError("started without pipes")
    process.stdin.write(line + b"\n")
    return await process.stdout.readline()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    said = await process.stderr.read() if process.stderr else b""
    last = (said.decode(errors="replace").strip() or "it said nothing").splitlines()[-1]
    return f"the generator ended with exit code {await process.wait()}: {last}"


def watch(system: System) -> dict[str, float]:
    """Processor seconds so far, by part."""
    return {part: cpu_s(pid) for part, pid in system.pids.items()} | {"machine": busy_s()}


def _pgbench_times(log: Path) -> list[float]:
    """Milliseconds of each transaction: the third column of pgbench's logs, one log a thread."""
    times = []
    for path in log.parent.glob(f"{log.name}.*"):
        times += [int(line.split()[2]) / 1000 for line in path.read_text().splitlines()]
        path.unlink()
    return times
