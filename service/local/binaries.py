"""The monitoring programs of this machine: those on PATH, else Debian's packages unpacked below `.cubano/monitoring`.

`python -m service.local.binaries` fetches what is missing and touches nothing outside that folder. Where a program cannot
be had, one line says which, what works without it and how to get it; nothing fails for that. To add one: a `Tool`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cubano" / "monitoring"

_OLDEST = (2, 42)  # of Prometheus: the first that knows keep_firing_for
_PATIENCE_S = 180  # for a download of 33 MB
_TEMPLATES, _TEMPLATES_HERE = b"/usr/share/prometheus/alertmanager", b"usr//share/prometheus/alertmanager"
_HOW = (
    "cubano up runs without them and their tests are counted as not run; "
    "put Prometheus 2.42 or newer, Alertmanager and postgres_exporter on PATH (https://prometheus.io/download), and try again"
)

_HAPROXY_NEEDS = ("liblua5.3-0", "liblua5.4-0", "libopentracing1", "libopentracing-c-wrapper0")


class Tool(Enum):
    """A program of monitoring: the Debian package it is in and the names it goes by."""

    PROMETHEUS = ("prometheus", "prometheus")
    PROMTOOL = ("prometheus", "promtool")
    ALERTMANAGER = ("prometheus-alertmanager", "alertmanager", "prometheus-alertmanager")
    AMTOOL = ("prometheus-alertmanager", "amtool")
    POSTGRES_EXPORTER = ("prometheus-postgres-exporter", "postgres_exporter", "prometheus-postgres-exporter")
    HAPROXY = ("haproxy", "haproxy")  # of the containers; only tests run it here

    def __init__(self, package: str, *names: str) -> None:
        self.package = package
        self.names = names


def find(tool: Tool, folder: Path = FOLDER) -> Path | None:
    """Where the program is, None when there is none that is new enough."""
    ours = os.pathsep.join(str(folder / "usr" / each) for each in ("bin", "sbin"))
    there = (shutil.which(name, path=path) for path in (None, ours) for name in tool.names)
    return next((Path(path) for path in there if path and _is_new_enough(tool, path)), None)


def fetch(folder: Path = FOLDER) -> list[Tool]:
    """Get what is missing when this machine can; the programs that are missing still."""
    packages = {tool.package for tool in _missing(folder)}
    if packages and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        if others := sorted(packages - {Tool.HAPROXY.package}):
            _unpack(others, folder)
        if Tool.HAPROXY.package in packages:
            for package in (*_HAPROXY_NEEDS, Tool.HAPROXY.package):  # one by one: not every system has each
                _unpack([package], folder)
    return _missing(folder)


def _missing(folder: Path) -> list[Tool]:
    return [tool for tool in Tool if find(tool, folder) is None]


def _unpack(packages: Iterable[str], folder: Path) -> None:
    scratch = folder / f"fetch-{os.getpid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        download = ["apt-get", "-qq", "download", *packages]
        if not _runs(download, scratch) and os.geteuid() == 0 and _runs(["apt-get", "-qq", "update"], scratch):
            _runs(download, scratch)
        for number, package in enumerate(scratch.glob("*.deb")):
            unpacked = scratch / str(number)
            if _runs(["dpkg-deb", "-x", str(package), str(unpacked)], scratch):
                _move_templates(unpacked)
                _put(unpacked, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _put(unpacked: Path, folder: Path) -> None:
    """File by file under its name once it is whole: whoever looks or starts a program meets the old or the new one."""
    for path in sorted(unpacked.rglob("*")):
        there = folder / path.relative_to(unpacked)
        if path.is_dir() and not path.is_symlink():
            there.mkdir(parents=True, exist_ok=True)
        else:
            path.replace(there)


def _move_templates(folder: Path) -> None:
    """Debian's Alertmanager reads its templates from a folder of the system, without an option for another one.

    The path in the program becomes a relative one of the same length, and a script beside it starts it where that leads.
    """
    program = folder / "usr" / "bin" / "prometheus-alertmanager"
    if program.is_file() and _TEMPLATES in (content := program.read_bytes()):
        program.write_bytes(content.replace(_TEMPLATES, _TEMPLATES_HERE))
        script = program.with_name("alertmanager")
        script.write_text('#!/bin/sh\ncd "$(dirname "$0")/../.." && exec usr/bin/prometheus-alertmanager "$@"\n')
        script.chmod(0o755)


def _runs(argv: list[str], folder: Path) -> bool:
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, timeout=_PATIENCE_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _is_new_enough(tool: Tool, path: str) -> bool:
    if tool.package != "prometheus":
        return True
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):  # of another machine, or half of it
        return False
    version = re.search(r"version v?(\d+)\.(\d+)", said.stdout + said.stderr)
    return version is not None and (int(version[1]), int(version[2])) >= _OLDEST


def main(folder: Path = FOLDER) -> None:
    """Fetch, and say where each program is, or what is missing."""
    missing = fetch(folder)
    for tool in Tool:
        if path := find(tool, folder):
            sys.stdout.write(f"{path}\n")
    if missing:
        names = ", ".join(tool.names[0] for tool in missing)
        sys.stdout.write(f"   not on this machine: {names}; {_HOW}\n")


if __name__ == "__main__":
    main()
