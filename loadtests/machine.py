"""What this machine is, what its processes have of it, and how to send them a signal."""

import os
import platform
import signal
from contextlib import suppress

from loadtests.result import Machine
from service.telemetry.processes import PROC, busy_s, cores, cpu_s, families, processor

__all__ = ["busy_s", "cores", "cpu_s", "families", "fingerprint", "memory", "send"]

_PAGE_FIELDS = ("RssAnon:",)  # what it has for itself; files and shared memory come and go with the cache


def fingerprint(postgres: str) -> Machine:
    """What this machine is, with the version of the database that runs on it."""
    return Machine(
        cores(), processor(), f"{platform.system()} {platform.release()}", platform.python_version(), postgres
    )


def memory(family: list[int]) -> int:
    """Bytes these processes have for themselves."""
    return sum(_own_bytes(pid) for pid in family)


def send(family: list[int], number: signal.Signals) -> None:
    """A signal to each of them that is still there."""
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _own_bytes(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_PAGE_FIELDS))
