"""A system of a drill's own: `cubano up` with everything in it, on free ports, its rules running faster by one factor.

It is started and asked as anybody would, by its command and its addresses; nothing of the service is imported.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg

END_S = 15
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
# One address plays everybody, and who tries a fault out does not want to wait a minute for a gateway's health.
SETTINGS = {
    "CUBANO_RATE_LIMITS": "1000",
    "CUBANO_GATEWAY_HEALTHY_S": "3",
    "CUBANO_SYNTHETIC_EVERY_S": "5",
}


class FaultError(RuntimeError):
    """A fault could not be made; the drill proves nothing."""


class NoStackError(RuntimeError):
    """The system did not come up, or has ended; the message has its last lines."""


@dataclass
class Stack:
    """A running system; `found` is what `cubano up --json` said of itself."""

    folder: Path
    scale: int
    found: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Until everything is ready; `NoStackError` otherwise."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        words = [sys.executable, "-m", "service.cli", "up", "--json", "--ports", "auto", "--scale", str(self.scale)]
        with self._log("a") as log:
            self.process = subprocess.Popen(
                [*words, "--state", str(self.folder / "state")],
                env={**kept, **SETTINGS, **(settings or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            self.process.wait(END_S)
            raise NoStackError(f"the system did not come up:\n{self.last_lines()}")
        self.found = json.loads(line)
        with psycopg.connect(self.found["database_url"], autocommit=True) as superuser:
            superuser.execute(
                "UPDATE stock SET capacity = capacity + 100000"
            )  # no buyer is sent away for want of a seat

    def stop(self) -> None:
        """End it as Ctrl-C would, and wait."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(END_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def last_lines(self, many: int = 30) -> str:
        with self._log("r") as log:
            return "\n".join(log.read().splitlines()[-many:])

    def _log(self, mode: str) -> IO[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return (self.folder / "up.log").open(mode)

    # ---- its addresses ---------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, str]:
        """What the processes were started with, as `cubano up` shares it."""
        words = shlex.split((self.folder / "state" / "settings.env").read_text())
        return {name: value for name, _, value in (word.partition("=") for word in words)}

    @property
    def emulator(self) -> str:
        return f"{self.found['emulator']}/_emulator"

    def pid(self, part: str) -> int:
        """The process of a part now; the supervisor may have started it again."""
        up = self.found["pids"]["up"]
        said = subprocess.run(
            ["pgrep", "-P", str(up), "-f", f"service.cli {part}"], capture_output=True, text=True, check=False
        )
        if not said.stdout.split():
            raise NoStackError(f"{part} does not run")
        return int(said.stdout.split()[0])
