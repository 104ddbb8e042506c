"""A query that a document or playbook shows can be asked: it parses, and its metrics, labels and values are declared."""

import pytest

from monitoring import promql
from monitoring.declared import complaints, labels_of
from tests.docs.queries import queries

# Labels of what others tell, by which a playbook may group.
OTHERS = {"alertname", "slo", "path"}


@pytest.fixture(scope="module")
def shown() -> list[tuple[str, str]]:
    return queries()


def test_queries_are_about_what_is_declared(shown):
    """Whoever is woken by an alert types them as they are."""
    assert [] == [complaint for where, expr in shown for complaint in complaints(f"{where}: {expr}", expr)]


def test_queries_group_by_labels_that_exist(shown):
    """A label that nothing has makes one sum of all, silently."""
    strange = []
    for where, expr in shown:
        for grouping in promql.groupings(expr):
            there = grouping.made | promql.EVERYWHERE | OTHERS | set().union(*map(labels_of, grouping.metrics))
            strange += [f"{where}: {expr}: nothing has {label}" for label in sorted(grouping.labels - there)]

    assert [] == strange


def test_there_are_queries_in_every_playbook_but_few(shown):
    """A page that says where to look says it with something to look at."""
    with_queries = {where for where, _ in shown if where.startswith("runbooks/")}

    assert len(with_queries) > 80
