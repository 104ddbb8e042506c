"""PromQL of a playbook can be asked: it parses, and what it names is declared. Needs promql-parser, a developer's tool."""

import re
from collections.abc import Iterator

from monitoring import declared, promql
from monitoring.alert import Alert
from monitoring.durations import Scale
from runbooks.engine.faults import meant
from runbooks.engine.lints.sheet import Sheet
from runbooks.engine.playbook import Evidence, Step

SHORTEST_S = 60  # four scrapes; a shorter range holds one sample or none, by chance
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_]*)?)\}")
_OF_OTHERS = frozenset({"alertname", "slo", "path"})


def look_at_queries(sheet: Sheet) -> None:
    for step, query in _queries(sheet):
        try:
            _look_at_query(sheet, step, query)
        except ValueError as error:
            sheet.fault(
                step, query.splitlines()[0], f"this is no PromQL: {error}", "try it in Prometheus, and mend it here"
            )
    for alert in sheet.around.alerts:
        if alert.name in sheet.playbook.alerts:
            _look_at_labels(sheet, alert)


def _queries(sheet: Sheet) -> Iterator[tuple[Step, str]]:
    yield from ((step, look.query) for step, look in sheet.looks() if look.query)
    yield from ((step, step.query) for step in sheet.playbook.steps if isinstance(step, Evidence))


def _look_at_query(sheet: Sheet, step: Step, query: str) -> None:
    words, expr = query.splitlines()[0], _PLACEHOLDER.sub(r"$\1", query)
    for problem in declared.complaints("", expr):
        name = problem.removeprefix(": ").split()[0]
        metrics = (*declared.declared(), *declared.recorded())
        mend = (
            meant(name, metrics)
            if problem.endswith("is not declared")
            else "the catalogue in 06-monitoring.md has its labels"
        )
        sheet.fault(step, words, problem.removeprefix(": "), mend)
    for grouping in promql.groupings(expr):
        there = grouping.made | promql.EVERYWHERE | _OF_OTHERS | set().union(*map(declared.labels_of, grouping.metrics))
        for label in sorted(grouping.labels - there):
            sheet.fault(step, words, f"nothing here has the label {label}", meant(label, there))
    if any(each.total_seconds() < SHORTEST_S for each in promql.ranges(expr)):
        sheet.fault(step, words, "a range shorter than four scrapes is empty by chance", "write [1m] or more")


def _look_at_labels(sheet: Sheet, alert: Alert) -> None:
    brought = set(alert.shown_labels) | promql.EVERYWHERE
    expr = Scale().apply(alert.expr)
    brought |= promql.made(expr)
    for grouping in promql.groupings(expr):
        brought |= grouping.labels | grouping.made
    for use in promql.uses(expr):
        if use.metric in declared.recorded():
            brought |= declared.labels_of(use.metric)
    for label, otherwise in sheet.playbook.needs.items():
        if not otherwise and label not in brought:
            sheet.fault(None, "needs:", f"{alert.name} brings no label {label}", meant(label, brought))
