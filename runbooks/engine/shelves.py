"""What stands beside the playbooks in this repository: drills and dashboards, by name."""

import re
from pathlib import Path

from runbooks.engine.faults import Faults
from runbooks.engine.fields import parse
from runbooks.engine.library import ROOT

DRILLS = ROOT / "runbooks" / "drills"
DASHBOARDS = ROOT / "grafana" / "dashboards"
_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.MULTILINE | re.DOTALL)


def dashboards(folder: Path = DASHBOARDS) -> frozenset[str]:
    """The uids of all dashboards; each file has the name of its own."""
    return frozenset(path.stem for path in folder.glob("*.json"))


def drills(folder: Path = DRILLS) -> dict[str, str] | None:
    """The playbook that each drill proves, "" for one that proves that nothing happens; None when there is no drill at all."""
    found = {path.stem: _playbook(path) for path in sorted(folder.glob("*.md"))}
    return found or None


def _playbook(path: Path) -> str:
    matter = _MATTER.match(path.read_text())
    field = parse(matter[1], 2, Faults(path.name)) if matter is not None else None
    named = field.value.get("playbook") if field is not None and isinstance(field.value, dict) else None
    return str(named.value) if named is not None and named.value is not None else ""
