"""Catch what you can name: a broad `except` stands only in the outermost loop of a process, and is listed here.

A handler that always raises on (its last statement is a bare `raise`) cleans up and hides nothing; it needs no excuse.
"""

import ast
from collections.abc import Iterator, Mapping

from tests.shape.tree import Source, dotted

BROAD = frozenset({"Exception", "BaseException"})
# file:function -> which loop this is, and where it counts what it caught
OUTERMOST: Mapping[str, str] = {
    "service/worker.py:Worker._turn_forever": "each loop of the worker; counted per loop, logged, tried again",
    "service/worker.py:Worker._deliver": "the edge of one message; stored as its last error, counted, tried again or parked",
    "service/kernel/repeat.py:Repeat.once": "one turn of what a process does beside its work; counted per loop, tried again",
    "service/webhooks/flow.py:Intake._write": "the edge of one group; its callers are answered with it, the next group is written",
    "service/webhooks/flow.py:_apply": "the edge of one event; stored as its cause, counted, tried again or parked",
    "service/recovery/flow.py:_fetch": "the edge of one thin event; stored as its last error, counted, dead in the end",
    "runbooks/engine/turns.py:Turns._turn": "the edge of one run; journaled, looked at as after a kill, the run ends",
    "tests/postgres/keeper.py:keep": "whatever it is, the tests that wait for a database must hear of it",
}


def broad_catches(source: Source) -> Iterator[str]:
    """Handlers for anything, and `suppress` of anything, outside the list."""
    for node in ast.walk(source.tree):
        if _is_broad(node) and f"{source.path}:{source.owners[node]}" not in OUTERMOST:
            yield f"{source.at(node)} {source.owners[node]} catches anything; name what you can handle"


def _is_broad(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return _names_anything(node.type) and not _raises_on(node)
    return (
        isinstance(node, ast.Call) and dotted(node.func).endswith("suppress") and any(map(_names_anything, node.args))
    )


def _names_anything(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    parts = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(dotted(part) in BROAD for part in parts)


def _raises_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
