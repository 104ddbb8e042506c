"""A status changes only through its transition table, in the one function of a noun that applies it.

What counts as a change: assigning to an attribute `status` or `state` (also by `setattr`), `.values(status=…)` of anything
but an insert, `update(…).values(**unknown)`, and SQL text that says UPDATE … SET status. Giving an object its first status in `__init__` is not a change.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.shape.tree import Source

WORDS = frozenset({"status", "state"})
APPLIES_MOVES = "advance"  # in <noun>/flow.py: lock, step, remember, count
SQL = re.compile(r"\b(UPDATE|DO)\b[^;]*\bSET\b[^;]*?\b(status|state)\s*=[^=]", re.IGNORECASE | re.DOTALL)
# file:function -> why the change is right there
EXCUSED: Mapping[str, str] = {
    "service/catalog/flow.py:_end": "the one place where holds end; a hold has one move, under its order's lock",
    "service/tickets/flow.py:settle": "a ticket follows its order's money, there and back, under the order's lock",
    "service/webhooks/tables.py:_complete": "`COMPLETE`: a thin event whose snapshot has come is pending as if it had been fetched",
    "service/idempotency/flow.py:finish": "the one move a key has, by the holder of its lease",
    "service/kernel/outbox.py:revive": "the way back from dead, for what must happen however long it takes",
    "service/kernel/outbox.py:retry": "the way back from dead by a person, under the message's lock",
    "service/kernel/outbox.py:discard": "a person's decision, under the message's lock",
    "service/kernel/outbox.py:postpone": "the one place where a failed delivery ends, by the holder of its lease",
    "service/webhooks/flow.py:reopen_foreign": "the way back from ignored, once its payment is known, under the order's lock",
    "service/webhooks/flow.py:_end": "the one place where an event is settled, in the transaction that claimed it",
}
NO_BUSINESS_STATE = frozenset({"telemetry", "local"})  # statuses of HTTP answers and of child processes


def moves(source: Source) -> Iterator[str]:
    """Status changes outside the function that applies the table."""
    if not source.path.startswith("service/") or source.is_migration or source.noun in NO_BUSINESS_STATE:
        return
    for node in ast.walk(source.tree):
        if _changes_status(node) and not _allowed(source, node):
            yield f"{source.at(node)} {source.owners[node] or 'the module'} changes a status; only `advance` may"


def _allowed(source: Source, node: ast.AST) -> bool:
    owner = source.owners[node]
    if owner == APPLIES_MOVES and source.path.count("/") == 2 and source.path.endswith("/flow.py"):
        return True
    return owner.endswith("__init__") or f"{source.path}:{owner}" in EXCUSED


def _changes_status(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(_is_status(target) for target in node.targets)
    if isinstance(node, ast.AugAssign):
        return _is_status(node.target)
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and _is_status(node.target)
    if isinstance(node, ast.Call):
        return _sets_by_name(node) or _sets_by_values(node)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SQL.search(node.value))


def _is_status(target: ast.AST) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_is_status(part) for part in target.elts)
    return isinstance(target, ast.Attribute) and target.attr in WORDS


def _sets_by_name(call: ast.Call) -> bool:
    named = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    return isinstance(call.func, ast.Name) and call.func.id == "setattr" and bool(WORDS & {str(n) for n in named})


def _sets_by_values(call: ast.Call) -> bool:
    """`update(Order).values(status=…)`, and `**unknown` that may hold one; an insert's values are a first status."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "values"):
        return False
    chain = ast.unparse(call.func.value)
    keys = {keyword.arg for keyword in call.keywords}
    keys |= {str(k.value) for a in call.args if isinstance(a, ast.Dict) for k in a.keys if isinstance(k, ast.Constant)}
    hidden = "update(" in chain and None in keys
    return hidden or (bool(WORDS & keys) and "insert(" not in chain)
