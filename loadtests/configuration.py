"""What a system is set to: the defaults of its tree (`.env.example`, which is generated from them) under what was given to it.

Two releases that differ in a default differ in their figures, too, and no line of their code says why.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from loadtests.target import SETTINGS
from service.telemetry.redaction import redact_item

_DEFAULTS = ".env.example"
_LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def configuration(tree: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting by its name, secrets left out; of a tree without the list only what was given."""
    path = tree / _DEFAULTS
    defaults = dict(_LINE.findall(path.read_text())) if path.is_file() else {}
    found = defaults | SETTINGS | dict(given)
    return {name: str(redact_item(name, found[name])) for name in sorted(found)}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Settings that are not the same any more, before and now; one that there was not is empty."""
    pairs = {name: (before.get(name, ""), now.get(name, "")) for name in sorted({*before, *now})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
