"""Nothing rots: what rules and dashboards read is declared, what is declared is read, and every link leads somewhere."""

import json
import re
from itertools import chain

import pytest

from monitoring import promql
from monitoring.alerts import ALERTS
from monitoring.declared import PARTS, complaints, declared, labels_of, recorded
from monitoring.durations import Scale
from tests.shape.tree import ROOT

DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
VARIABLES = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h", "__range_s": "3600"}


def rule_expressions() -> list[tuple[str, str]]:
    written = Scale()
    alerts = [(f"alert {each.name} ({each.tier})", written.apply(each.expr)) for each in ALERTS]
    return alerts + [(f"recording {each.name}", written.apply(each.expr)) for each in recorded().values()]


def dashboard_expressions() -> list[tuple[str, str]]:
    return [
        (f"{path.name}: {text[:80]}", _without_variables(text))
        for path in DASHBOARDS
        for text in _expressions_in(json.loads(path.read_text()))
    ]


def _expressions_in(part):
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str) and "loki" not in json.dumps(part.get("datasource", "")) + str(part):
            yield part["expr"]
        yield from chain.from_iterable(map(_expressions_in, part.values()))
    elif isinstance(part, list):
        yield from chain.from_iterable(map(_expressions_in, part))


def _without_variables(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(f"${{{name}}}", value)
        text = re.sub(rf"\${name}\b", value, text)
    return text


@pytest.mark.parametrize("expressions", [rule_expressions, dashboard_expressions])
def test_what_is_read_is_declared(expressions):
    """Every metric, label and value of a closed set that an expression names is in the catalogue."""
    found = [text for where, expr in expressions() for text in complaints(where, expr)]

    assert [] == found


def test_rules_group_by_labels_that_exist():
    """A `by (provder)` would make one sum of all, silently."""
    strange = []
    for where, expr in rule_expressions():
        for grouping in promql.groupings(expr):
            there = grouping.made | promql.EVERYWHERE | set().union(*map(labels_of, grouping.metrics))
            strange += [f"{where}: nothing has {label}" for label in sorted(grouping.labels - there)]

    assert [] == strange


def test_what_is_declared_is_read():
    """A metric that neither a rule nor a dashboard reads is let go."""
    assert DASHBOARDS, "there are no dashboards to read"
    expressions = rule_expressions() + dashboard_expressions()
    read = {
        name for _, expr in expressions for use in promql.uses(expr) for name in (use.metric, PARTS.sub("", use.metric))
    }

    assert [] == sorted(set(declared()) - read)


def test_what_is_recorded_is_read():
    """A recorded series that nobody reads costs for nothing."""
    expressions = rule_expressions() + dashboard_expressions()
    read = {use.metric for _, expr in expressions for use in promql.uses(expr)}

    assert [] == sorted(set(recorded()) - read)


def test_an_alert_leads_to_a_dashboard():
    """Its dashboard is one of those that are built."""
    uids = {json.loads(path.read_text())["uid"] for path in DASHBOARDS}

    assert set() == {alert.dashboard for alert in ALERTS} - uids


def test_an_alert_leads_to_a_playbook():
    """What to do stands in a file of the alert's name."""
    playbooks = {path.stem for path in (ROOT / "runbooks" / "playbooks").glob("*.md")}

    assert set() == {alert.name for alert in ALERTS} - playbooks


@pytest.mark.parametrize(
    ("expr", "complaint"),
    [
        ("rate(cubano_chekouts_total[5m])", "x: cubano_chekouts_total is not declared"),
        ('cubano_checkouts_total{outcom="opened"}', "x: cubano_checkouts_total has no label outcom"),
        ('cubano_checkouts_total{outcome="open"}', "x: cubano_checkouts_total: 'open' is no outcome"),
        ('cubano_checkouts_total{outcome=~"opened|open"}', "x: cubano_checkouts_total: 'open' is no outcome"),
        ('cubano_checkouts_total{outcome=~"op.*x"}', "x: cubano_checkouts_total: no outcome fits 'op.*x'"),
        ('{__name__=~"cubano.*"}', "x: a metric without name is not declared"),
    ],
)
def test_a_wrong_name_is_noticed(expr, complaint):
    """The closure itself would see what it is there for."""
    assert [complaint] == list(complaints("x", expr))


def test_every_range_holds_four_scrapes():
    """Prometheus 3 leaves out a range's left end; a rate of two samples would be nothing there, by chance."""
    short = [where for where, expr in rule_expressions() for each in promql.ranges(expr) if each.total_seconds() < 60]

    assert [] == short


def test_functions_exist_in_old_and_new():
    """What Prometheus 2.42 does not know, and what 3 has renamed, is not called."""
    of_one_only = {"holt_winters", "double_exponential_smoothing", "mad_over_time", "info", "histogram_avg"}
    of_one_only |= {"sort_by_label", "sort_by_label_desc", "ts_of_max_over_time", "ts_of_min_over_time"}

    called = {name for _, expr in rule_expressions() + dashboard_expressions() for name in promql.functions(expr)}

    assert set() == called & of_one_only
