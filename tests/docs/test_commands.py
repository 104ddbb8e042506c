"""Every command a document shows is run against a real system, as a reader would, in a shell of its own.

The documents speak of the usual ports; the system of the tests has others, so addresses are exchanged before a line runs. The
first `cubano` of a document is the installed program; the others are forked from one that has its imports (`standing.py`).
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.documents import Document, documents
from tests.docs.standing import standing
from tests.shape.tree import ROOT

RUN = [document for document in documents() if any(block.runs for block in document.blocks())]
INSTALLED = ".venv/bin/cubano"
START_TIMEOUT_S = 60
DOCUMENT_TIMEOUT_S = 240  # the longest runs two dozen commands; each is a process of its own

pytestmark = pytest.mark.xdist_group("docs")


@pytest.fixture(scope="module")
def system(tmp_path_factory) -> Iterator[Mapping]:
    """What `cubano up --json` says of a system of our own."""
    folder = tmp_path_factory.mktemp("system")
    words = [sys.executable, "-m", "service.cli", "up", "--json", "--ports", "auto", "--state", str(folder / "state")]
    with (folder / "log").open("w") as log:
        up = subprocess.Popen(words, cwd=ROOT, env=_own_environment(), stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert up.stdout
            line = up.stdout.readline()
            assert line, (folder / "log").read_text()[-3000:]
            yield {**json.loads(line), "state": str(folder / "state")}
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=START_TIMEOUT_S)


@pytest.fixture(scope="module")
def cubano(tmp_path_factory) -> Iterator[Path]:
    with standing(tmp_path_factory.mktemp("standing")) as program:
        yield program


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CUBANO_", "PYTEST_"))}


def exchange(command: str, system: Mapping) -> str:
    """The command with the usual addresses replaced by those of this system."""
    usual = {
        "8000": system["api"],
        "8100": system["emulator"],
        "8025": system["mail"],
        "8300": system["responder"],
        "9090": system["prometheus"] or "http://127.0.0.1:9090",
        "9093": system["alertmanager"] or "http://127.0.0.1:9093",
        "9101": system["metrics"]["serve"],
        "9102": system["metrics"]["work"],
        "9103": system["metrics"]["respond"],
        "9104": system["metrics"]["emulate"],
    }
    for port, address in usual.items():
        command = re.sub(rf"(127\.0\.0\.1|localhost):{port}\b", urlsplit(address).netloc, command)
    return command


@pytest.mark.timeout(DOCUMENT_TIMEOUT_S + START_TIMEOUT_S)
@pytest.mark.parametrize("document", RUN, ids=lambda document: document.path)
def test_commands_do_what_the_document_says(document: Document, system: Mapping, cubano: Path, tmp_path: Path):
    """All commands of the document end well, one after the other."""
    lines = [command for block in document.blocks() if block.runs for command in block.commands]
    # A reader stands where the system runs; here it runs elsewhere, and hands its settings over.
    settings = f"set -a; . {system['state']}/settings.env; set +a\n"
    commands = [exchange(line, system) for line in lines]
    first = next((number for number, command in enumerate(commands) if INSTALLED in command), 0)
    commands[first + 1 :] = [each.replace(INSTALLED, str(cubano)) for each in commands[first + 1 :]]
    said = (f"echo {_quoted(line)}\n{command}" for line, command in zip(lines, commands, strict=True))
    script = "set -euo pipefail\n" + settings + "\n".join(said)

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**_own_environment(), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DOCUMENT_TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("words", [["--version"], ["access", "nonsense"], ["invariants"]], ids=" ".join)
def test_the_forked_one_is_as_the_installed_one(cubano: Path, words: list[str]):
    """Output, errors and exit code: of what ends well, of a wrong word, of settings that are missing in its environment."""
    ran = [
        subprocess.run([program, *words], cwd=ROOT, env=_own_environment(), capture_output=True, text=True, check=False)
        for program in (INSTALLED, cubano)
    ]

    installed, forked = [(each.returncode, each.stdout, each.stderr) for each in ran]
    assert installed == forked


def _quoted(line: str) -> str:
    return "'$ " + line.replace("'", "'\\''") + "'"
