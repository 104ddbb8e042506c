"""Prometheus and Alertmanager of the local system, with the project's own rules and routes; alerts go as mail to the sink.

What they read is built at each start by `cubano monitor build`, a program of its own: the service imports nothing of
monitoring. A part that does not run is no target, so that nobody is told it is down.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from service.local.binaries import FOLDER, Tool, find
from service.local.health import http_ready
from service.local.ports import LOOPBACK
from service.local.processes import Child

TOOLS: Mapping[str, Tool] = {"prometheus": Tool.PROMETHEUS, "alertmanager": Tool.ALERTMANAGER}

FOLDER_OF_STATE = "watch"  # below the state directory: what was built, and the data of both

# metrics of a part -> the port they are at
_TARGETS = {
    "serve": "serve-metrics",
    "work": "work-metrics",
    "respond": "respond-metrics",
    "emulate": "emulate-metrics",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
}
_KEPT = "7d"
_KEPT_BYTES = "256MB"
# What Alertmanager did not hear it is told again after that long, at the pace of the rules; it forgets what it has not heard
# of for four times as long, so that this is more than a busy machine takes for a breath.
_TOLD_AGAIN_S, _LEAST_TOLD_AGAIN_S = 60, 5


def missing() -> list[str]:
    """The parts whose program this machine has not."""
    return [part for part, tool in TOOLS.items() if find(tool) is None]


def build_words(
    folder: Path, ports: Mapping[str, int], running: frozenset[str], *, scale: int = 1, token: Path | None = None
) -> list[str]:
    """The `cubano` command that writes what both read into the folder; `running` are the parts of this system. `scale` makes
    the rules that many times faster; `token` is the file of what the responder wants to be called with.
    """
    words = ["monitor", "build", "--out", str(folder), "--scale", str(scale)]
    if "responder" in running and token is not None:
        url = f"http://{LOOPBACK}:{ports['responder']}/alertmanager"
        words += ["--webhook", url, "--watchdog", url, "--token-file", str(token)]
    for part, port in _TARGETS.items():
        if part in running or (part == "respond" and "responder" in running):
            words += ["--target", f"{part}={LOOPBACK}:{ports[port]}"]
    if "alertmanager" in running:
        words += ["--alertmanager", f"{LOOPBACK}:{ports['alertmanager']}"]
    if "mail" in running:
        words += ["--smtp", f"{LOOPBACK}:{ports['smtp']}"]
    return words


def watchers(state: Path, ports: Mapping[str, int], running: frozenset[str], *, scale: int = 1) -> list[Child]:
    """Both programs, on what `build_words` has written below `state`."""
    found: Mapping[str, Callable[[Path, int], Child]] = {
        "prometheus": partial(_prometheus, scale=scale),
        "alertmanager": _alertmanager,
    }
    return [child(state, ports[part]) for part, child in found.items() if part in running]


def configuration(state: Path) -> Path:
    """The folder that `build_words` writes into."""
    return state / FOLDER_OF_STATE / "built"


def _prometheus(state: Path, port: int, *, scale: int) -> Child:
    program = _program("prometheus")
    words = [
        str(program),
        f"--config.file={configuration(state) / 'prometheus.yml'}",
        f"--storage.tsdb.path={_made(state / FOLDER_OF_STATE / 'prometheus')}",
        f"--storage.tsdb.retention.time={_KEPT}",
        f"--storage.tsdb.retention.size={_KEPT_BYTES}",
        f"--web.listen-address={LOOPBACK}:{port}",
        f"--web.external-url=http://{LOOPBACK}:{port}/",  # what links in mails lead to
        "--enable-feature=exemplar-storage",
        f"--rules.alert.resend-delay={max(_TOLD_AGAIN_S // scale, _LEAST_TOLD_AGAIN_S)}s",
        "--log.level=warn",
    ]
    if program.is_relative_to(FOLDER):  # Debian's looks for its pages where the package would have put them
        words.append(f"--web.local-assets={FOLDER / 'usr/share/prometheus/web'}/")
    return _child("prometheus", words, port)


def _alertmanager(state: Path, port: int) -> Child:
    words = [
        str(_program("alertmanager")),
        f"--config.file={configuration(state) / 'alertmanager.yml'}",
        f"--storage.path={_made(state / FOLDER_OF_STATE / 'alertmanager')}",
        f"--web.listen-address={LOOPBACK}:{port}",
        f"--web.external-url=http://{LOOPBACK}:{port}/",  # what links in mails lead to
        "--cluster.listen-address=",  # alone: no gossip, no second port
        "--log.level=warn",
    ]
    return _child("alertmanager", words, port)


def _child(part: str, words: list[str], port: int) -> Child:
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "TZ") if name in os.environ}
    return Child(part, words, http_ready(f"http://{LOOPBACK}:{port}/-/ready"), plain)


def _program(part: str) -> Path:
    found = find(TOOLS[part])
    if found is None:
        raise FileNotFoundError(f"{part} is gone since this start began; try again")
    return found


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
