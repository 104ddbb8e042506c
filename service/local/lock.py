"""An exclusive lock on a directory that ends with its holder, however that ends, and leaves no file behind.

The file names its holder for whoever is refused; the lock itself is the kernel's, so a left-over file means nothing.
"""

import fcntl
import os
from pathlib import Path
from typing import IO


class Locked(RuntimeError):
    """Somebody else holds it; `holder` is their process id, or empty while it is being written."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by process {holder or 'unknown'}")
        self.holder = holder


class Lock:
    """Held from `take` to `release`; both may be called again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> None:
        while self._file is None:
            file = self._path.open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip()
                file.close()
                raise Locked(self._path, holder) from None
            if self._still_there(file):
                self._file = file
            else:
                file.close()
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        if self._file:
            self._path.unlink(missing_ok=True)  # while it is held: the next one to open it makes a new file
            self._file.close()
            self._file = None

    def _still_there(self, file: IO[str]) -> bool:
        """Whether the locked file is the one at the path; the former holder may have removed it in between."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False
