"""The table at the end: cases down, providers across; what a provider was not asked is a dash."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

ORDER = ("FAILED", "skipped", "yes")  # the worst of a case's variants stands for it


class Matrix:
    """Collects how each case ended."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: dict[str, Any] = dict(report.user_properties)
        if "provider" not in told or (report.when != "call" and not report.failed):
            return
        end = "yes" if report.passed else "skipped" if report.skipped else "FAILED"
        row = self._ends[told["case"].removeprefix("test_").replace("_", " ")]
        row[told["provider"]] = min(row.get(told["provider"], "yes"), end, key=ORDER.index)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._ends:
            terminalreporter.section("what was shown of whom")
            for line in self.lines():
                terminalreporter.line(line)

    def lines(self) -> Iterator[str]:
        providers = sorted({each for row in self._ends.values() for each in row})
        wide = max(map(len, self._ends))
        columns = [max(len(each), len("skipped")) for each in providers]
        yield _line("", providers, wide, columns)
        for case, row in self._ends.items():
            yield _line(case, [row.get(each, "-") for each in providers], wide, columns)


def _line(first: str, cells: list[str], wide: int, columns: list[int]) -> str:
    return "  ".join([first.ljust(wide), *(cell.ljust(width) for cell, width in zip(cells, columns, strict=True))])
