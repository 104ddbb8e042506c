"""Where the files of a test run's server lie: in memory, where the machine has such a place with room in it.

A database of a test is three hundred small files that live for a second. A disk's file system takes 0.4 s for them as soon as
thousands were made and removed, memory a hundredth of that. A place in memory names the run it belongs to; what belongs to no
run any more, because somebody killed the run and its keeper too, is removed by the next run.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from service.local.cluster import forget
from service.local.lock import Lock, Locked

MEMORY = Path("/dev/shm")
ROOM = 1 << 30  # a server with a few databases and its log is a fifth of that
KEPT = "kept"  # whose lock says that somebody keeps this run
_PREFIX = "cubano-tests-"
_RUN = "run"
_YOUNG_S = 600  # a run that has only begun may have no lock yet


@contextmanager
def place(folder: Path, *, memory: Path = MEMORY, room: int = ROOM) -> Iterator[Path]:
    """A directory for the server of the run that owns `folder`; it is gone afterwards."""
    lock = Lock(folder / KEPT)
    lock.take()
    try:
        _sweep(folder, memory)
        if not _has_room(memory, room):
            yield folder / "postgres"
            return
        home = memory / f"{_PREFIX}{os.geteuid()}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        try:
            home.mkdir(mode=0o755)
            (home / _RUN).write_text(str(folder))
            yield home / "postgres"
        finally:
            shutil.rmtree(home, ignore_errors=True)
    finally:
        lock.release()


def _has_room(memory: Path, room: int) -> bool:
    return memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > room


def _sweep(folder: Path, memory: Path) -> None:
    """What killed runs have left behind."""
    for other in folder.parent.glob("run-*"):
        with suppress(OSError):
            if other != folder and _is_left(other) and not _is_kept(other):
                _remove(other)
    for home in memory.glob(f"{_PREFIX}{os.geteuid()}-*"):
        with suppress(OSError):
            if _is_left(home) and not _is_kept(Path((home / _RUN).read_text())):
                _remove(home)


def _is_left(home: Path) -> bool:
    return time.time() - home.stat().st_mtime > _YOUNG_S


def _remove(home: Path) -> None:
    forget(home / "postgres")
    shutil.rmtree(home, ignore_errors=True)


def _is_kept(folder: Path) -> bool:
    lock = Lock(folder / KEPT)
    try:
        lock.take()
    except FileNotFoundError:
        return False
    except Locked:
        return True
    lock.release()
    return False
