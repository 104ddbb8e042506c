"""The lines a supervisor prints: one prefixed line for each line of a child, coloured only on a terminal.

Printing never blocks the supervisor: a thread of its own writes, and when the reader stalls, lines are dropped and
counted rather than waited for, so that a signal is still obeyed.
"""

import os
import queue
import threading
from typing import IO

_CAPACITY = 10_000  # lines waiting for a slow reader
_FLUSH_S = 1.0
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)  # ANSI foreground, one a child, in order of appearance
_DIM, _RED = 2, 31


class Console:
    """Writes to the file descriptor behind `stream`; `name` is padded to `width`."""

    def __init__(self, stream: IO[str], *, width: int = 12) -> None:
        self._descriptor = stream.fileno()
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ
        self._width = width
        self._names: dict[str, int] = {}
        self._lines: queue.Queue[bytes | None] = queue.Queue(_CAPACITY)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, name="console", daemon=True)
        self._writer.start()

    def line(self, name: str, text: str) -> None:
        """One line that a child said."""
        self._put(self._prefix(name) + text)

    def notice(self, name: str, text: str) -> None:
        """One line about a child, by the supervisor."""
        self._put(self._prefix(name) + self._paint(_DIM, text))

    def alarm(self, name: str, text: str) -> None:
        """One line about a child that somebody should see."""
        self._put(self._prefix(name) + self._paint(_RED, text))

    def block(self, text: str) -> None:
        """Text as it is, without a prefix."""
        self._put(text)

    def close(self) -> None:
        """Write out what waits, unless the reader has stalled."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._writer.join(_FLUSH_S)

    def _prefix(self, name: str) -> str:
        colour = self._names.setdefault(name, _COLOURS[len(self._names) % len(_COLOURS)])
        return self._paint(colour, f"{name:<{self._width}} │") + " "

    def _paint(self, colour: int, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def _put(self, text: str) -> None:
        try:
            if self._dropped:
                self._lines.put_nowait(f"… {self._dropped} lines dropped: the reader was too slow\n".encode())
                self._dropped = 0
            self._lines.put_nowait((text + "\n").encode(errors="replace"))
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write_all(line)
            except OSError:  # the reader is gone; the system goes on without it
                return

    def _write_all(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._descriptor, line) :]
