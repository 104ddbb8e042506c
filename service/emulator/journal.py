"""The state file: one JSON line per put, replayed at the next start.

A line reaches the operating system before the answer that depends on it leaves, so `kill -9` loses nothing that was
answered; only a power cut may. A torn last line is dropped. Each start rewrites the file to its newest lines, through
a temporary file and a rename, and holds a lock so that two processes cannot share one state.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec


class StateInUse(Exception):
    """Another process holds this state file."""


class _Line(msgspec.Struct):
    k: str
    o: msgspec.Raw


class Journal:
    """An append-only file of what was put."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[bytes] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StateInUse(str(path)) from None
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def load(self) -> Iterator[tuple[str, bytes]]:
        read = msgspec.json.Decoder(_Line).decode
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    entry = read(line)
                except msgspec.DecodeError:
                    continue  # torn by a crash in the middle of a write
                yield entry.k, bytes(entry.o)

    def begin(self, lines: Iterable[tuple[str, bytes]]) -> None:
        """Replace the file by these lines in one step."""
        self._pending.clear()
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(_line(kind, raw) for kind, raw in lines)
        fresh.replace(self._path)
        os.close(self._file)
        self._file = os.open(self._path, os.O_APPEND | os.O_WRONLY)

    def append(self, kind: str, raw: bytes) -> None:
        self._pending.append(_line(kind, raw))

    def flush(self) -> None:
        if self._pending:
            data = b"".join(self._pending)
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            finally:
                self._pending = [data] if data else []  # a full disk loses nothing that is still in memory

    def close(self) -> None:
        self.flush()
        os.close(self._file)
        os.close(self._lock)


def _line(kind: str, raw: bytes) -> bytes:
    return b'{"k":"%s","o":%s}\n' % (kind.encode(), raw)
