"""No test is skipped silently: what could not run is counted and named at the end, and in CI it fails the run.

A test skips from inside a test or fixture (never a whole module, `tests/shape` holds that), so that each one is counted.
"""

import pytest

# A reason that starts with one of these may skip a test even in CI.
MAY_SKIP_IN_CI = (
    "not beside this checkout: ../shared/data",  # published schemas of others, not ours to distribute
)


class Skips:
    """Collects skipped tests from all workers and judges them when the run ends."""

    def __init__(self, *, in_ci: bool) -> None:
        self._in_ci = in_ci
        self._reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            self._reasons[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._in_ci and self._unexcused() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._reasons:
            return
        terminalreporter.section(f"could not run: {len(self._reasons)}", yellow=True)
        for test, reason in sorted(self._reasons.items()):
            terminalreporter.line(f"{test}: {reason}")
        if self._in_ci and self._unexcused():
            terminalreporter.line(f"CI=true: {len(self._unexcused())} of them fail this run", red=True)

    def _unexcused(self) -> list[str]:
        return [test for test, reason in self._reasons.items() if not reason.startswith(MAY_SKIP_IN_CI)]
