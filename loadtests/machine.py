"""What this machine is, and who uses how much of it. Figures come from /proc; where there is none they are 0."""

import os
import platform
import signal
import time
from contextlib import suppress
from pathlib import Path

from loadtests.result import Machine

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_PARENT, _USER, _ENDED = 1, 11, 13  # fields of `stat` behind a process's name
_IDLE, _WAITING = 3, 4  # fields behind "cpu"
_PAGE_FIELDS = ("RssAnon:",)  # what it has for itself; files and shared memory come and go with the cache


def cores() -> int:
    """Processors that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fingerprint(postgres: str) -> Machine:
    """What this machine is, with the version of the database that runs on it."""
    return Machine(
        cores(), _processor(), f"{platform.system()} {platform.release()}", platform.python_version(), postgres
    )


def families(roots: list[int]) -> dict[int, list[int]]:
    """Each of these processes with all below it, from one look at the machine."""
    parents = {pid: int(fields[_PARENT]) for pid, fields in _all().items()}
    found = {}
    for root in roots:
        family = {root} & parents.keys()
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        found[root] = sorted(family)
    return found


def cpu_s(family: list[int]) -> float:
    """Processor seconds of these processes and of their children that have ended."""
    return sum(_used_s(pid) for pid in family)


def memory(family: list[int]) -> int:
    """Bytes these processes have for themselves."""
    return sum(_own_bytes(pid) for pid in family)


def busy_s() -> float:
    """Processor seconds that all of the machine has spent on anything, and that its host kept for others."""
    try:
        fields = [int(each) for each in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0
    return (sum(fields) - fields[_IDLE] - fields[_WAITING]) / _TICKS


def send(family: list[int], number: signal.Signals) -> None:
    """A signal to each of them that is still there."""
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _used_s(pid: int) -> float:
    """Its own to the nanosecond where the kernel tells, and that of its ended children."""
    if not (fields := _fields(pid)):
        return 0
    try:
        own = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3), which Python does not offer for a process
    except OSError:
        own = sum(map(int, fields[_USER:_ENDED])) / _TICKS
    return own + sum(map(int, fields[_ENDED : _ENDED + 2])) / _TICKS


def _own_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_PAGE_FIELDS))


def _all() -> dict[int, list[str]]:
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
