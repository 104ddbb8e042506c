"""`python -m tests.house.tries WORDS` is `pytest WORDS` for `make test`: what failed is tried once more, and that is said.

A test that fails now and then is a fault of ours, in the test or in the service. A few of them do not stop everybody's work: up to
`BUDGET` failed tests are run again in a fresh process with the machine to themselves, named, with why they failed first. More than
that fail the run at once. A fresh process, because a second try inside of the first one would begin with what the failure left.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

BUDGET = 3
TELLS = "CUBANO_TEST_FAILED"  # the file in which the first run tells what failed
_GROUP = re.compile(r"@[\w-]+$")  # what pytest-xdist adds to the name of a test that belongs to a group


class Failed:
    """Collects the failed tests of all workers with why they failed, and writes them down when the run ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._reasons.setdefault(_GROUP.sub("", report.nodeid), _reason(report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            self._file.write_text(json.dumps(self._reasons))


def pytest_configure(config: pytest.Config) -> None:
    if file := os.environ.get(TELLS):
        config.pluginmanager.register(Failed(Path(file)))


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).partition("\n")[0]


def main(words: list[str]) -> int:
    """The exit code: of the first run, or of the second one where there was one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "failed.json"
        pytest_itself = [sys.executable, "-m", "pytest", "-p", "tests.house.tries"]
        code = subprocess.run([*pytest_itself, *words], env={**os.environ, TELLS: str(file)}, check=False).returncode
        failed = json.loads(file.read_text()) if file.exists() else {}
    if code != pytest.ExitCode.TESTS_FAILED or not failed:
        return code
    if len(failed) > BUDGET:
        _say(f"{len(failed)} tests failed; more than {BUDGET} have no second try")
        return code
    _say(f"needed a second try: {len(failed)}", *(f"{test}: {reason}" for test, reason in sorted(failed.items())))
    return subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode


def _say(*lines: str) -> None:
    print("\n" + "\n".join(lines), flush=True)  # noqa: T201 - a program, and this is its output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
