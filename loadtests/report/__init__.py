"""What a gate or run found, told to people and programs: a terminal, a page, JUnit, Markdown, JSON. All of it from `Findings`."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.capacity import Capacity
from loadtests.findings import Findings
from loadtests.report import junit, markdown, page
from loadtests.result import Ran, save

PAGE, JSON, JUNIT, MARKDOWN = "report.html", "report.json", "junit.xml", "report.md"


def as_json(findings: Findings) -> bytes:
    """The document that programs read, and that another gate takes as its baseline."""
    return msgspec.json.format(msgspec.json.encode(findings), indent=2)


def write(findings: Findings, folder: Path, runs: Sequence[Ran] = (), capacity: Capacity | None = None) -> Path:
    """All formats into one folder, and each run whole beside them; answers the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_bytes(as_json(findings))
    (folder / JUNIT).write_text(junit.xml(findings))
    (folder / MARKDOWN).write_text(markdown.text(findings))
    for ran in runs:
        save(ran, folder / f"{ran.scenario}.ran")
    path = folder / PAGE
    path.write_text(page.html(findings, runs, capacity))
    return path
