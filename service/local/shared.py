"""The settings of the system that `cubano up` runs, for commands in a second terminal.

While it runs they lie in `settings.env` of its state directory, readable by its user only, as lines a shell can source.
`of_this_machine` is what a command takes for its environment: the real one where it names a database, else the one of
the system that runs in `.cubano/` here.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

DEFAULT_STATE = Path(".cubano")
_NAME = "settings.env"
_PREFIX = "CUBANO_"


def share(directory: Path, environment: Mapping[str, str]) -> None:
    """Write the file; replaced as a whole, never seen half."""
    lines = [
        f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items()) if name.startswith(_PREFIX)
    ]
    scratch = directory / f"{_NAME}.new"
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=0o600)
    scratch.write_text("".join(lines))
    scratch.replace(directory / _NAME)


def withdraw(directory: Path) -> None:
    """The system has ended; its settings lead nowhere."""
    (directory / _NAME).unlink(missing_ok=True)


def of_this_machine(state: Path = DEFAULT_STATE) -> dict[str, str]:
    """The environment for a command."""
    real = dict(os.environ)
    path = state / _NAME
    if f"{_PREFIX}DATABASE_URL" in real or real.get(f"{_PREFIX}ENVIRONMENT", "development") != "development":
        return real
    return {**_read(path), **real} if path.is_file() else real


def _read(path: Path) -> dict[str, str]:
    words = shlex.split(path.read_text())
    return {name: value for name, _, value in (word.partition("=") for word in words)}
