"""Every metric of the catalogue is set by the code, with the labels it declares: a panel of a metric nobody sets stays empty.

Read from the syntax: the constant stands in `service/` or `runbooks/` outside of the catalogue's own files, in a module that counts,
observes or sets. A use may hand the constant on (a table of gauges), so only its presence is asked for, not the call.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from service.telemetry import catalogue
from service.telemetry.metric import Metric

ROOT = Path(__file__).parents[2]
PARTS = ("service", "runbooks")
DECLARING = {"catalogue", "foundation", "books", "guards", "experience", "stores", "objectives", "repairs"}
WRITES = {"count", "count_anyway", "observe", "set", "add", "adding", "_set"}
CONSTANTS = {name: each for name, each in vars(catalogue).items() if isinstance(each, Metric)}


@cache
def used() -> frozenset[str]:
    """Names of constants that stand in code that writes metrics."""
    return frozenset(
        name for part in PARTS for path in (ROOT / part).rglob("*.py") if _writes(path) for name in _named(path)
    )


def _writes(path: Path) -> bool:
    if path.parent.name == "telemetry" and path.stem in DECLARING:
        return False
    calls = (node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
    return any(isinstance(each, ast.Attribute) and each.attr in WRITES for each in calls)


def _named(path: Path) -> Iterator[str]:
    """`catalogue.X` and plain `X`, wherever a value is read; an import alone is no use."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "catalogue":
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_the_catalogue_exports_all_of_itself():
    """`ALL` is what the constants name; nothing is declared twice or forgotten."""
    assert set(catalogue.ALL) == set(CONSTANTS.values())


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_a_metric_is_set_somewhere(name: str):
    """By code of the service, outside of its declaration."""
    assert name in used(), f"catalogue.{name} ({CONSTANTS[name].name}) is declared and never set"
