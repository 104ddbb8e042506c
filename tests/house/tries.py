"""In `make test` a test that failed is tried once more, and that is said: named at the end of the run, with why it failed first.

A test that fails now and then is a fault of ours, in the test or in the service. A few of them do not stop everybody's work;
more than `BUDGET` in one run fail it, and by then no more of them are tried again (`--max-suite-reruns`). A plug-in by itself:
`-p tests.house.tries`.
"""

import pytest

BUDGET = 3


class Tries:
    """Collects the tests that needed a second try from all workers, and judges their number when the run ends."""

    def __init__(self) -> None:
        self._again: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if str(report.outcome) == "rerun":  # what pytest-rerunfailures makes of a failure that is tried again
            self._again.setdefault(report.nodeid, _reason(report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self._again) > BUDGET and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._again:
            return
        terminalreporter.section(f"needed a second try: {len(self._again)}", yellow=True)
        for test, reason in sorted(self._again.items()):
            terminalreporter.line(f"{test}: {reason}")
        if len(self._again) > BUDGET:
            terminalreporter.line(f"more than {BUDGET} of them fail this run", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Tries())


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).partition("\n")[0]
