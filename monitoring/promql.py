"""What an expression is about, parsed and not guessed: metrics with their matchers, labels it groups by, ranges it reads.

Only tests and checks load this; the parser is no part of what runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Call, MatchOp, MatrixSelector, VectorSelector

EVERYWHERE = frozenset({"job", "instance"})  # Prometheus gives them to all it reads


@dataclass(frozen=True)
class Matcher:
    """`exact` is a single value, else a regular expression; `wanted` is False for what must not be."""

    label: str
    value: str
    exact: bool
    wanted: bool


@dataclass(frozen=True)
class Use:
    """One place where a metric is read."""

    metric: str
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True)
class Grouping:
    """Labels by which something is grouped or joined, the metrics below, and labels made there by `label_replace`."""

    labels: frozenset[str]
    metrics: frozenset[str]
    made: frozenset[str]


def uses(expr: str) -> Iterator[Use]:
    """Every metric an expression reads; raises ValueError when it cannot be parsed."""
    for node in _nodes(promql_parser.parse(expr)):
        if isinstance(node, VectorSelector):
            yield Use(node.name or "", tuple(map(_matcher, node.matchers.matchers)))


def groupings(expr: str) -> Iterator[Grouping]:
    """Every `by`, `without` and `on` of an expression."""
    for node in _nodes(promql_parser.parse(expr)):
        labels: list[str] = []
        if isinstance(node, AggregateExpr) and node.modifier is not None:
            labels = node.modifier.labels
        elif isinstance(node, BinaryExpr) and node.modifier is not None and node.modifier.matching is not None:
            labels = node.modifier.matching.labels
        if labels:
            below = list(_nodes(node))
            metrics = frozenset(each.name or "" for each in below if isinstance(each, VectorSelector))
            yield Grouping(frozenset(labels), metrics, frozenset(_made(below)))


def ranges(expr: str) -> Iterator[timedelta]:
    """How far back its ranges reach."""
    for node in _nodes(promql_parser.parse(expr)):
        if isinstance(node, MatrixSelector):
            yield node.range


def functions(expr: str) -> set[str]:
    """The names of all functions it calls."""
    return {node.func.name for node in _nodes(promql_parser.parse(expr)) if isinstance(node, Call)}


def _nodes(expr: Any) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(expr, found.append)
    return found


def made(expr: str) -> set[str]:
    """The labels that `label_replace` makes anywhere in an expression."""
    return set(_made(list(_nodes(promql_parser.parse(expr)))))


def _made(nodes: list[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Call) and node.func.name == "label_replace":
            yield str(node.args[1].val)


def _matcher(matcher: Any) -> Matcher:
    op = matcher.op
    return Matcher(
        matcher.name,
        matcher.value,
        exact=op in (MatchOp.Equal, MatchOp.NotEqual),
        wanted=op in (MatchOp.Equal, MatchOp.Re),
    )
