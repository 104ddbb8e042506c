"""No rule and no panel asks for what is not there: each is put to the real Prometheus over a system that sells.

A rule is mostly silent, so it is taken apart: what it compares must have data. What may be empty in a young and healthy
system stands in a short list, each with its reason.
"""

import json
import re
import time
from pathlib import Path

import promql_parser
import pytest

from monitoring import promql
from tests.docs.queries import queries
from tests.local.programs import eventually
from tests.monitoring.live.prometheus import rules

pytestmark = pytest.mark.xdist_group("monitoring live")

ROOT = Path(__file__).parents[3]
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
HISTORY_S = 45  # scrapes every five seconds, groups of objectives every ten
INSTEAD = {
    "__rate_interval": "30s",
    "__interval": "10s",
    "__range_s": "60",
    "__range": "60s",
}
# What may be empty in a system that is minutes old and well, by a part of its expression, and why.
EMPTY: dict[str, str] = {
    "cubano_reconciliation_last_timestamp_seconds": "a day of a gateway is compared four hours after its end",
    "cubano_synthetic_last_success_timestamp_seconds": "a buyer of our own comes once a minute, and may still be on the way",
    "cubano_dispute_due_seconds": "absent while no dispute waits for an answer",
    "cubano_certificate_ends_timestamp_seconds": "no public host is watched by a system of one machine",
    "offset 20m": "an hour is compared with the one before, in which there was nothing",
    "http_client_request_duration_seconds_count{outcome=": "a gateway's failures are counted from the first one on",
    'http_response_status_code=~"5': "and so are our own",
    'http_response_status_code=~"[45]': "and so is what was asked wrongly",
    'error_type!~""': "and so are our own",
    "ALERTS{": "nothing fires",
    "cubano_runbook_": "no playbook was played yet, and this system's responder is told of no alert",
    "max by (kind, state) (cubano_outbox_messages{": "letters go out as they come, and what waits is gone before it is read",
}


def test_every_rule_has_something_to_compare(calm, system, crowd, history):
    """All rules are loaded and evaluated without an error; each selector of theirs finds data."""
    loaded = rules(calm)
    assert [] == [rule["name"] for rule in loaded if rule["health"] != "ok"]
    assert 60 <= len(loaded)

    parts = {part for rule in loaded for part in operands(promql_parser.parse(rule["query"]))}
    assert "" == "\n".join(sorted(part for part in parts if not calm.query(part) and not _may_be_empty(part)))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_shows_something(calm, system, crowd, history, path):
    """Each query of a dashboard, its variables filled in, gives points for the last minute; one that only shows what is
    not zero, or what fires, is taken apart as a rule is."""
    board = json.loads(path.read_text())
    asked = [target["expr"] for panel in _panels(board) for target in panel.get("targets", []) if "expr" in target]

    assert asked
    assert "" == "\n".join(expr for expr in asked if not _shows_something(calm, filled(expr)))


def test_what_documents_ask_is_answered(calm, system, crowd, history):
    """Prometheus understands each query of chapters and playbooks, and has every metric that they name."""
    shown = [expr for _, expr in queries()]
    for expr in shown:
        calm.query(expr)  # fails where Prometheus does

    named = {use.metric for expr in shown for use in promql.uses(expr)}
    assert [] == sorted(name for name in named if not calm.query(name) and not _may_be_empty(name))


def test_every_variable_has_values(calm, system, crowd, history):
    """A drop-down with nothing in it hides every panel."""
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    queries = {each["query"] for board in boards for each in board["templating"]["list"] if each["type"] == "query"}
    asked = [
        re.fullmatch(r"label_values\((.+), (\w+)\)", query if isinstance(query, str) else query["query"])
        for query in queries
    ]

    assert asked
    assert [] == [each[0] for each in asked if not calm.query(f"group by ({each[2]}) ({each[1]})")]


def test_a_trace_leads_from_the_chart(calm, system, crowd, history):
    """Exemplars are kept: a point on a chart names the trace of one request."""
    found = calm.ask(
        "query_exemplars", query="http_server_request_duration_seconds_bucket", start=time.time() - 300, end=time.time()
    )

    assert [each for series in found for each in series["exemplars"] if each["labels"]["trace_id"]]


def operands(node):
    """What an expression compares, adds and joins, without the comparing, adding and joining."""
    match type(node).__name__:
        case "BinaryExpr":
            return operands(node.lhs) | operands(node.rhs)
        case "ParenExpr" | "UnaryExpr":
            return operands(node.expr)
        case "NumberLiteral" | "StringLiteral":
            return set()
        case "Call" if node.func.name in {"label_replace", "absent"}:
            return operands(node.args[0])
        case "Call" if node.func.name in {"time", "vector"}:
            return set()
    return {str(node)}


def filled(expr: str) -> str:
    """The query as Grafana would send it, everything chosen in every drop-down."""
    for name, value in INSTEAD.items():
        expr = re.sub(rf"\$\{{?{name}\b\}}?", value, expr)
    return re.sub(r"\$\{?[a-z_]+(:\w+)?\}?", ".*", expr)


def _shows_something(calm, expr: str) -> bool:
    return (
        _may_be_empty(expr)
        or bool(calm.range(expr, minutes=1))
        or all(calm.range(part, minutes=1) or _may_be_empty(part) for part in operands(promql_parser.parse(expr)))
    )


def _panels(board):
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _may_be_empty(expr: str) -> bool:
    return any(part in expr for part in EMPTY)


@pytest.fixture(scope="module")
def history(calm, system, crowd):
    """Enough of the past that windows have something in them."""
    assert eventually(lambda: calm.query(f"up offset {HISTORY_S}s"), within_s=2 * HISTORY_S)
