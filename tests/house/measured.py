"""What tests measure is printed at the end of the run: a test says `record_property("measured", "a sentence with a number")`."""

import pytest


class Measured:
    """Collects sentences from all workers."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._sentences += [str(value) for name, value in report.user_properties if name == "measured"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._sentences:
            terminalreporter.section("measured")
        for sentence in self._sentences:
            terminalreporter.line(sentence)
