"""What this machine is, and how much of its processors a process has used."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from service.telemetry import processes
from service.telemetry.processes import busy_s

__all__ = ["Machine", "busy_s", "cpu_s", "fingerprint"]

_FLUSHES = 40


class Machine(msgspec.Struct, frozen=True):
    """The fingerprint: without it a figure says nothing."""

    cores: int
    processor: str
    system: str
    python: str
    postgres: str
    flush_ms: float  # how long this disk takes to make one page durable, median


def fingerprint(postgres: str, folder: Path) -> Machine:
    """Describe this machine; `folder` lies on the disk the database writes to."""
    return Machine(
        cores=processes.cores(),
        processor=processes.processor(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgres=postgres,
        flush_ms=round(_flush_ms(folder), 2),
    )


def cpu_s(root: int) -> float:
    """Processor seconds of a process, of all below it, and of those below it that have ended."""
    return processes.cpu_s(processes.families([root])[root])


def _flush_ms(folder: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FLUSHES):
            started = time.perf_counter()
            file.write(b"\0" * 8192)
            file.flush()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
