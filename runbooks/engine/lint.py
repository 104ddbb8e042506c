"""Everything that can be wrong with playbooks, told before somebody needs them: each fault with line and mend.

What is wrong with a file alone is told by `reading`; here it is held against the registry, the alerts, the metrics, the
drills and the dashboards. A new rule is a function in `lints/` that is handed a `Sheet`, and a row of `_rules`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from monitoring.alert import Alert
from runbooks.engine.faults import Fault, Faults
from runbooks.engine.library import Library
from runbooks.engine.lints.entries import look_at_entries
from runbooks.engine.lints.flow import look_at_flow
from runbooks.engine.lints.sheet import Around, Sheet
from runbooks.engine.lints.ties import between, look_at_ties
from runbooks.engine.lints.words import look_at_words
from runbooks.engine.notices import Notice, load_notices
from runbooks.engine.registry import Registry


class ParserMissingError(Exception):
    """promql-parser is not installed: it is a developer's tool, and queries cannot be judged without it."""


def lint(
    library: Library,
    registry: Registry,
    *,
    alerts: Sequence[Alert],
    drills: Mapping[str, str] | None,
    dashboards: Collection[str],
    notices: Mapping[str, Notice] | None = None,
) -> list[Fault]:
    """All faults of a library, by file and line; none is a library that may be trusted.

    `drills` are playbooks by drill ("" for one that is about none; None: there are no drills yet, and nobody misses one).
    Raises `ParserMissingError` on a machine where PromQL cannot be parsed.
    """
    around = Around(registry, alerts, drills, dashboards, notices if notices is not None else load_notices())
    found = [*library.faults, *between(library, around)]
    rules = list(_rules())
    for playbook in library.all:
        sheet = Sheet(playbook, library.texts[playbook.name].splitlines(), around, Faults(playbook.path))
        for rule in rules:
            rule(sheet)
        found += sheet.faults.found
    return sorted(found)


def _rules() -> Iterator[Callable[[Sheet], None]]:
    yield from (look_at_flow, look_at_entries, look_at_words, look_at_ties)
    try:
        from runbooks.engine.lints.queries import look_at_queries  # noqa: PLC0415 - its parser is not in the image
    except ModuleNotFoundError as error:
        raise ParserMissingError(error.name) from error
    yield look_at_queries
