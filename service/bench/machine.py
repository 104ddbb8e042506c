"""What this machine is, and how much of its processors a process has used. Figures come from /proc; elsewhere they are 0."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_USER, _IDLE, _WAITING = 11, 3, 4  # fields, counted from the one behind a process's name, or behind "cpu"
_ENDED = _USER + 2  # those of its children
_PARENT = 1
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
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgres=postgres,
        flush_ms=round(_flush_ms(folder), 2),
    )


def cpu_s(root: int) -> float:
    """Processor seconds of a process, of all below it, and of those below it that have ended."""
    parents = {pid: int(fields[_PARENT]) for pid, fields in _processes().items()}
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(_used_s(pid) for pid in family)


def busy_s() -> float:
    """Processor seconds that all of the machine has spent on anything."""
    try:
        fields = [int(each) for each in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0
    return (sum(fields) - fields[_IDLE] - fields[_WAITING]) / _TICKS


def _used_s(pid: int) -> float:
    """Its own, to the nanosecond where the kernel tells (`stat` counts in hundredths), and that of its ended children."""
    if not (fields := _fields(pid)):
        return 0
    try:
        own = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3), which Python does not offer for a process
    except OSError:
        own = sum(map(int, fields[_USER:_ENDED])) / _TICKS
    return own + sum(map(int, fields[_ENDED : _ENDED + 2])) / _TICKS


def _processes() -> dict[int, list[str]]:
    pids = [int(each.name) for each in _PROC.glob("[0-9]*")] if _PROC.is_dir() else []
    return {pid: fields for pid in pids if (fields := _fields(pid))}


def _fields(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it has ended, or this is no Linux


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


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
