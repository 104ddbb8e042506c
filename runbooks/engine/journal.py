"""The journal: append-only lines of JSON, each on the disk before anything follows from it, chained by SHA-256.

`append` returns once the line is synced, and raises `JournalError` when it could not be written; then nothing of it is
left. Secrets, e-mail addresses and card numbers are taken out before writing. One process has the folder (`flock`). A line
torn by a kill is cut off at the next start, and that is noted. `verify` finds edits, removals and reorders; lines cut off
at the end are found by `journal.head`, which names the last one, and by the mirror in the database.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from service.telemetry.redaction import HIDDEN, redact_item

FILE, HEAD, LOCK = "journal.jsonl", "journal.head", "lock"
GENESIS = "0" * 64
_COUNTED = re.compile(r"(?:count|failures|total|rate|sum|age|days|seconds|_s|_at)$")  # a number of secrets is no secret
_PERSONAL = re.compile(r"e_?mail|(?:^|_)phone", re.IGNORECASE)
Writing = Callable[[int, bytes], int]


class JournalError(Exception):
    """The journal could not be written: nothing may be done that has to stand in it."""


class HeldError(Exception):
    """Another process has the folder; `holder` is what it wrote about itself."""

    def __init__(self, folder: Path, holder: Mapping[str, Any]) -> None:
        super().__init__(f"{folder} belongs to process {holder.get('pid', 'unknown')}")
        self.holder = holder


@dataclass(frozen=True)
class Entry:
    """One line. `run` is empty for what belongs to no run."""

    seq: int
    at: str
    run: str
    kind: str
    data: Mapping[str, Any]
    previous: str
    hash: str

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def line(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def cleaned(value: Any, key: str = "") -> Any:
    """A plain copy without secrets: what is written, and what is compared with what was written."""
    if isinstance(value, Mapping) and not (key and redact_item(key, "x") == HIDDEN):
        return {str(name): cleaned(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and not (key and redact_item(key, "x") == HIDDEN):
        return [cleaned(each) for each in value]
    if isinstance(value, str) and value and _PERSONAL.search(key):
        return HIDDEN
    counted = isinstance(value, int | float) and _COUNTED.search(key)
    found = redact_item("" if counted else key, value)
    return _storable(found) if isinstance(found, str) else found


def _storable(text: str) -> str:
    """What PostgreSQL's JSON takes too: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def digest(value: Any) -> str:
    """SHA-256 of a value as JSON with sorted names."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """Open from `open` to `close`; `entries` reads what is on the disk."""

    def __init__(self, folder: Path, lock: int, writing: Writing) -> None:
        self.folder = folder
        self._lock = lock
        self._writing = writing
        self._file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.cut = _cut_torn(self._file)  # bytes of a line that was being written when the process ended
        self.faults = verify(folder)
        self.seq, self.hash = _last(folder)

    @classmethod
    def open(cls, folder: Path, *, url: str = "", writing: Writing = os.write) -> "Journal":
        """Takes the folder for this process; `HeldError` when another one has it. `url`: where this one can be asked."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise HeldError(folder, holder(folder)) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        return cls(folder, lock, writing)

    def append(self, kind: str, data: Mapping[str, Any], *, at: datetime, run: str = "") -> Entry:
        """Writes a line and waits for the disk; `JournalError` when that fails, and then the line is not there."""
        body = {"seq": self.seq + 1, "at": at.isoformat(), "run": run, "kind": kind, "data": cleaned(data)}
        body = json.loads(json.dumps(body, default=str)) | {"previous": self.hash}
        entry = Entry(**body, hash=digest(body))
        size = os.fstat(self._file).st_size
        try:
            self._write(entry.line().encode() + b"\n")
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise JournalError(f"the journal cannot be written: {error.strerror or error}") from error
        self.seq, self.hash = entry.seq, entry.hash
        self._remember()
        return entry

    def entries(self, *, after: int = 0, run: str = "") -> Iterator[Entry]:
        """Lines with a greater `seq`, of one run or of all."""
        for entry in read(self.folder):
            if entry.seq > after and (not run or entry.run == run):
                yield entry

    def verify(self) -> list[str]:
        """What is wrong with the chain, in words; nothing when it is whole."""
        return verify(self.folder)

    def close(self) -> None:
        """Gives the folder back."""
        os.close(self._file)
        os.close(self._lock)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._writing(self._file, data) :]

    def _remember(self) -> None:
        # Not synced: after a power cut it may name an earlier line, never one that is not there.
        with suppress(OSError):  # the line itself is safe; without its head only a cut-off end is not seen
            (self.folder / HEAD).write_text(json.dumps({"seq": self.seq, "hash": self.hash}))


def holder(folder: Path) -> dict[str, Any]:
    """Who wrote himself into the lock file: `pid`, `url`; empty when nobody, or while it is being written."""
    try:
        found = json.loads((folder / LOCK).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read(folder: Path) -> Iterator[Entry]:
    """Every line that is one, without taking the folder; broken ones are `verify`'s business."""
    path = folder / FILE
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            entry = _parsed(line)
            if entry is not None:
                yield entry


def verify(folder: Path) -> list[str]:
    """Every break of the chain: a line that was edited, taken out, put in, moved, or cut off at the end."""
    faults, seq, previous, hashes = [], 0, GENESIS, {0: GENESIS}
    path, head = (
        folder / FILE,
        _head(folder),
    )  # the head first: another process may be writing, and then it is an old one
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True) if path.exists() else (), 1):
        entry = _parsed(line)
        if entry is None:
            faults.append(f"line {number} is no entry")
            continue
        body = {name: value for name, value in asdict(entry).items() if name != "hash"}
        if entry.seq != seq + 1:
            faults.append(f"line {number} is entry {entry.seq}, expected {seq + 1}")
        if entry.previous != previous:
            faults.append(f"line {number} does not follow the line before it")
        if digest(body) != entry.hash:
            faults.append(f"line {number} was edited")
        seq, previous = entry.seq, entry.hash
        hashes[seq] = entry.hash
    return faults + _missing_end(head, hashes)


def _head(folder: Path) -> tuple[int, str]:
    try:
        head = json.loads((folder / HEAD).read_text())
        return int(head["seq"]), str(head["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, GENESIS  # none yet, or a power cut took it


def _missing_end(head: tuple[int, str], hashes: Mapping[int, str]) -> list[str]:
    seq, expected = head
    if seq not in hashes:
        return [f"entries up to {seq} were written, and the last one here is {max(hashes)}"]
    return [] if hashes[seq] == expected else [f"entry {seq} is another one than was written"]


def _cut_torn(file: int) -> int:
    """Cuts off what stands behind the last line end: it was never synced, so nothing followed from it."""
    size = os.fstat(file).st_size
    tail, start = b"", size
    while start > 0 and b"\n" not in tail:
        step = min(65_536, start)
        start -= step
        tail = os.pread(file, step, start) + tail
    torn = len(tail) - (tail.rfind(b"\n") + 1)
    if torn:
        os.ftruncate(file, size - torn)
        os.fsync(file)
    return torn


def _last(folder: Path) -> tuple[int, str]:
    seq, last = 0, GENESIS
    for entry in read(folder):
        seq, last = entry.seq, entry.hash
    return seq, last


def _parsed(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
        entry = Entry(**found)
    except (ValueError, TypeError):
        return None
    typed = isinstance(entry.seq, int) and isinstance(entry.data, dict) and isinstance(entry.hash, str)
    return entry if typed and isinstance(entry.kind, str) else None
