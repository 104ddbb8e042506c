"""`cubano up --json` as a process, for tests that need the whole system."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.local.programs import eventually

CUBANO = Path(sys.executable).with_name("cubano")
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


class Running:
    """A local system of its own in `state`, on free ports; `found` is what it printed. Its logs are in `state`.log."""

    def __init__(self, state: Path, *options: str, **environment: str) -> None:
        self.state = state
        self.log = state.with_suffix(".log")
        argv = [str(CUBANO), "up", "--json", "--ports", "auto", "--state", str(state), *options]
        clean = {name: os.environ[name] for name in KEPT if name in os.environ}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                argv,
                env={**clean, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.process.communicate()
            raise AssertionError(f"cubano up ended with {self.process.returncode}:\n{self.log.read_text()}")
        self.found: dict[str, Any] = json.loads(line)

    def stop(self) -> int:
        """End it as Ctrl-C would; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        rest, _ = self.process.communicate(timeout=10)
        assert "" == rest, "more than one line on stdout"
        return self.process.returncode

    def get(self, part: str, path: str) -> httpx.Response:
        return httpx.get(self.found[part] + path, timeout=5)

    def logged(self, text: str, within_s: float = 15) -> bool:
        return eventually(lambda: text in self.log.read_text(), within_s)
