"""Who uses how much of this machine's processors, as /proc tells it; where there is none the figures are 0.

For those who measure from outside, a load test or a benchmark: a process tells its own figures at /metrics.
"""

import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_PARENT, _USER, _ENDED = 1, 11, 13  # fields of `stat` behind a process's name
_IDLE, _WAITING = 3, 4  # fields behind "cpu"


def cores() -> int:
    """Processors that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """What its maker calls it."""
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def families(roots: Iterable[int]) -> dict[int, list[int]]:
    """Each of these processes with all below it, from one look at the machine."""
    parents = {pid: int(fields[_PARENT]) for pid, fields in _all().items()}
    found = {}
    for root in roots:
        family = {root} & parents.keys()
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        found[root] = sorted(family)
    return found


def cpu_s(family: Iterable[int]) -> float:
    """Processor seconds of these processes and of their children that have ended."""
    return sum(_used_s(pid) for pid in family)


def busy_s() -> float:
    """Processor seconds that all of the machine has spent on anything, and that its host kept for others."""
    try:
        fields = [int(each) for each in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
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


def _all() -> dict[int, list[str]]:
    pids = [int(each.name) for each in PROC.glob("[0-9]*")] if PROC.is_dir() else []
    return {pid: fields for pid in pids if (fields := _fields(pid))}


def _fields(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it has ended, or this is no Linux
