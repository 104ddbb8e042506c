"""A supervisor of child processes: starts them in order, shows what they say, restarts what crashes, ends them all.

A start is gated on readiness. A child that exits is reported with its exit code and started again after a pause that
doubles up to a cap and falls back once it ran well. `stop()` ends everything within ten seconds, politely first;
children live in process groups of their own, so Ctrl-C reaches the supervisor alone, and none outlives it.
"""

import asyncio
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.local.console import Console
from service.local.health import Probe
from service.local.tether import Lifeline, User

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_RAN_WELL_S = 30.0
_ALL_ENDED_S = 8.5  # everything is promised to be gone after ten
_LEAST_S = 1.0  # for a foundation, when the others used up the time
_LAST_WORDS_S = 0.3  # between the signal of a sudden death and SIGKILL
_POLL_S = 0.1
_REMEMBERED_LINES = 15
_LONGEST_LINE = 1 << 16
_DRAIN_S = 0.5  # for the last output of a child that has exited


class NotReady(RuntimeError):  # the fact itself
    """A child ended or stayed unready at its first start; the message carries its last lines."""


@dataclass(frozen=True)
class Child:
    """One program to keep running; `before` runs ahead of each start, also after a crash."""

    name: str
    argv: Sequence[str | Path]
    ready: Probe
    environment: Mapping[str, str]
    ready_within_s: float = 60.0
    before: Callable[[], None] | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # when the supervisor itself dies
    stop_within_s: float = 7.0
    foundation: bool = False  # ended after all the others
    routine: tuple[str, ...] = ()  # beginnings of lines that are not worth showing


@dataclass
class _Running:
    child: Child
    process: asyncio.subprocess.Process | None = None
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_LINES))
    keeper: asyncio.Task[None] | None = None

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode if self.process else None


class Supervisor:
    """Owns its children from `start` to `stop`; use one for one event loop, in the main thread."""

    def __init__(self, console: Console, *, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        self._console = console
        self._first_pause_s = first_pause_s
        self._lifeline = Lifeline()
        self._running: dict[str, _Running] = {}
        self._readers: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> dict[str, int]:
        """Name and process of every child that runs at this moment."""
        return {
            name: it.process.pid for name, it in self._running.items() if it.process and it.process.returncode is None
        }

    async def start(self, child: Child) -> None:
        """Start a child and wait until it is ready; raises NotReady when it ends first or takes too long."""
        running = self._running[child.name] = _Running(child)
        began = time.monotonic()
        reader = await self._spawn(running)
        await self._first_readiness(running, reader)
        self._console.notice(child.name, f"ready after {time.monotonic() - began:.1f} s")
        running.keeper = asyncio.create_task(self._keep(running, reader, began))

    async def run(self, name: str, argv: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Run a command to its end, showing what it says; raises NotReady when it fails."""
        once = Child(name, argv, _never, environment)
        running = self._running[name] = _Running(once)
        reader = await self._spawn(running)
        code = await _wait(running, reader)
        del self._running[name]
        if code != 0:
            raise NotReady(_with_last_lines(f"{name} {_how(code)}", running))

    async def stop(self) -> None:
        """End every child: the foundations last, each by its own signal and by force after its time."""
        keepers = [it.keeper for it in self._running.values() if it.keeper]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        deadline = time.monotonic() + _ALL_ENDED_S
        for foundation in (False, True):
            stage = [it for it in self._running.values() if it.child.foundation is foundation]
            left_s = max(deadline - time.monotonic(), _LEAST_S)
            await asyncio.gather(*(self._end(it, min(left_s, it.child.stop_within_s)) for it in stage))
        if self._readers:
            await asyncio.wait(self._readers, timeout=_DRAIN_S)
        for reader in self._readers:
            reader.cancel()
        self._lifeline.close()

    async def _spawn(self, running: _Running) -> asyncio.Task[None]:
        child = running.child
        if child.before:
            child.before()
        running.process = await asyncio.create_subprocess_exec(
            *self._lifeline.tie(child.argv, death_signal=child.death_signal, user=child.user),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(child.environment),
            start_new_session=True,
            pass_fds=self._lifeline.inherited,
        )
        reader = asyncio.create_task(self._read(running, running.process))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        return reader

    async def _first_readiness(self, running: _Running, reader: asyncio.Task[None]) -> None:
        child = running.child
        missing = await self._until_ready(running)
        if not missing:
            return
        if running.exit_code is None:
            fault = f"{child.name} was not ready within {child.ready_within_s:g} s ({missing})"
        else:
            await asyncio.wait([reader], timeout=_DRAIN_S)
            fault = f"{child.name} {_how(running.exit_code)} before it was ready"
        raise NotReady(_with_last_lines(fault, running))

    async def _until_ready(self, running: _Running) -> str:
        """Poll until ready (""), ended or out of time: then what was missing last."""
        deadline = time.monotonic() + running.child.ready_within_s
        while True:
            missing = await running.child.ready()
            if running.exit_code is not None:  # whoever answers there, it is not our child
                return missing or "it ended"
            if not missing or time.monotonic() > deadline:
                return missing
            await asyncio.sleep(_POLL_S)

    async def _keep(self, running: _Running, reader: asyncio.Task[None], began: float) -> None:
        """Outlive every crash of the child until `stop` cancels this."""
        name, pause_s = running.child.name, self._first_pause_s
        while True:
            how = _how(await _wait(running, reader))
            if time.monotonic() - began >= _RAN_WELL_S:
                pause_s = self._first_pause_s
            self._console.alarm(name, f"{name} {how}; starting it again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            began = time.monotonic()
            try:
                reader = await self._spawn(running)
            except (OSError, RuntimeError) as error:
                self._console.alarm(name, f"{name} could not be started: {error}")
                continue
            if not await self._until_ready(running):
                self._console.notice(name, f"ready again after {time.monotonic() - began:.1f} s")

    async def _read(self, running: _Running, process: asyncio.subprocess.Process) -> None:
        rest = b""
        while process.stdout and (chunk := await process.stdout.read(_LONGEST_LINE)):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._show(running, line)
        if rest:
            self._show(running, rest)

    def _show(self, running: _Running, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        running.last_lines.append(text)
        if not text.startswith(running.child.routine):
            self._console.line(running.child.name, text)

    async def _end(self, running: _Running, within_s: float) -> None:
        process, child = running.process, running.child
        if process is None:
            return
        if process.returncode is None and not await _ended(process, child.stop_signal, within_s):
            self._console.alarm(child.name, f"{child.name} did not end within {within_s:.2g} s: killed")
            await _ended(process, child.death_signal, _LAST_WORDS_S)
        _kill_group(process.pid)
        await process.wait()


async def _never() -> str:
    return "a command is never ready"


async def _wait(running: _Running, reader: asyncio.Task[None]) -> int:
    """Wait for the end of the child, then for its last words; what it left in its process group is killed."""
    if running.process is None:
        return 0
    code = await running.process.wait()
    _kill_group(running.process.pid)
    await asyncio.wait([reader], timeout=_DRAIN_S)
    return code


async def _ended(process: asyncio.subprocess.Process, number: signal.Signals, within_s: float) -> bool:
    _signal(process.pid, number)
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        return False
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    # Not Process.send_signal: it polls first, and so may reap the child behind the event loop's back.
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # gone; macOS says EPERM for a group of zombies
        return


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _with_last_lines(fault: str, running: _Running) -> str:
    if not running.last_lines:
        return f"{fault}; it printed nothing"
    return "\n".join([f"{fault}; its last lines:", *(f"    {line}" for line in running.last_lines)])
