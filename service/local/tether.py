"""A child process that cannot outlive the one that started it, not even when that is ended by kill -9.

`Lifeline().tie(argv)` is `argv` with this file in front, run as a script: it drops to another user when told, ties
the knot, then becomes the command by exec (same pid, so signals and exit codes are the command's own). On Linux the
kernel tells the child of its parent's death; elsewhere a forked watcher reads a pipe that closes with the parent.

The kernel counts the *thread* that started the child as its parent: start tethered children from the main thread.
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_WATCH_INTERVAL_S = 1.0
_GRACE_S = 5.0  # between the death signal and SIGKILL, where a watcher does the ending


@dataclass(frozen=True)
class User:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


class Lifeline:
    """What ties children to this process: nothing to see where the kernel does it, else a pipe held open."""

    def __init__(self, *, by_pipe: bool = not sys.platform.startswith("linux")) -> None:
        self._pipe = os.pipe() if by_pipe else None

    @property
    def inherited(self) -> tuple[int, ...]:
        """The file descriptors a tied child must be given (`pass_fds`)."""
        return (self._pipe[0],) if self._pipe else ()

    def tie(
        self,
        argv: Sequence[str | Path],
        *,
        death_signal: signal.Signals = signal.SIGKILL,
        user: User | None = None,
    ) -> list[str]:
        """The command line that runs `argv` tied to this process, as `user` when one is given."""
        owner = f"{user.uid}:{user.gid}" if user else "-"
        pipe = str(self._pipe[0]) if self._pipe else "-"
        # -I -S: no site-packages and no environment, so it starts in 10 ms and nothing of ours is imported.
        script = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(death_signal)), owner, pipe]
        return [*script, *(str(part) for part in argv)]

    def close(self) -> None:
        """Let go: children tied by the pipe are ended."""
        for end in self._pipe or ():
            os.close(end)
        self._pipe = None


def _drop_to(owner: str) -> None:
    uid, gid = (int(part) for part in owner.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _tie_by_kernel(parent: int, death_signal: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the knot was tied
        os._exit(1)


def _tie_by_pipe(lifeline: int, death_signal: int) -> None:
    """Fork a watcher; the caller goes on to become the command, the watcher ends it when the pipe closes."""
    command = os.getpid()
    if os.fork():
        os.close(lifeline)
        return
    os.setsid()  # so that a signal to the command's group leaves the watcher
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # else whoever reads the command's output waits for the watcher too
        os.dup2(nothing, stream)
    while os.getppid() == command:
        if select.select([lifeline], [], [], _WATCH_INTERVAL_S)[0]:  # nothing is ever written: this is the end
            _end(command, death_signal)
            break
    os._exit(0)


def _end(command: int, death_signal: int) -> None:
    os.kill(command, death_signal)
    deadline = time.monotonic() + _GRACE_S
    while os.getppid() == command and time.monotonic() < deadline:
        time.sleep(0.05)
    if os.getppid() == command:
        os.kill(command, signal.SIGKILL)


def _main(parent: str, death_signal: str, owner: str, pipe: str, *argv: str) -> None:
    if owner != "-":
        _drop_to(owner)
    if pipe == "-":
        _tie_by_kernel(int(parent), int(death_signal))  # after the change of user, which would untie it
    else:
        _tie_by_pipe(int(pipe), int(death_signal))
    try:
        os.execvp(argv[0], argv)  # noqa: S606 # replacing this process is the whole point
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    _main(*sys.argv[1:])
