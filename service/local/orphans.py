"""What an earlier server left behind in its data directory: a lock file, and perhaps itself.

PostgreSQL's own check only asks whether the process id in the lock file is in use; after a kill -9 that may be a
zombie nobody reaped or an unrelated process, and the start would be refused for ever.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

_STEPS = ((signal.SIGINT, 7.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))
_POLL_S = 0.02


def lock_file(data: Path) -> list[str]:
    """The lines of postmaster.pid: pid, data directory, start time, port, …, status; empty when there is none."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def serving(data: Path) -> int | None:
    """The process that serves this data directory now, None when only its lock file is left."""
    lines = lock_file(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _works_in(pid, data) else None


def end_orphan(data: Path) -> None:
    """End a server without an owner and remove a lock file that would keep the next one from starting."""
    pid = serving(data)
    for step, wait_s in _STEPS:
        if pid is None:
            break
        _signal(pid, step)
        deadline = time.monotonic() + wait_s
        while serving(data) == pid and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        pid = serving(data)
    # PostgreSQL still refuses by itself when a backend of the old server holds the shared memory.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, data: Path) -> bool:
    if Path("/proc/self/stat").exists():
        return _linux_works_in(pid, data)
    ask = ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)]
    shown = subprocess.run(ask, capture_output=True, text=True, check=False)  # noqa: S603
    state, _, command = shown.stdout.strip().partition(" ")
    return bool(state) and not state.startswith("Z") and str(data) in command


def _linux_works_in(pid: int, data: Path) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state not in {"Z", "X"} and (process / "cwd").resolve(strict=True) == data.resolve()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or somebody else's and so not ours
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
