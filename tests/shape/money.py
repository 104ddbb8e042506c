"""No float near money, shown on the text of the program.

A file is near money when it names it: it imports `service.kernel.money`, or an identifier in it is (or ends with) one of
`WORDS`. In such a file no float can come into being: no float literal, no use of the name `float`, no true division, no
`math` but its integer functions. A rate or a time-out that needs a fraction stands in a file that knows no money, as an
integer of a smaller unit (basis points, milliseconds), or in `EXCUSED` by name.
"""

import ast
from collections.abc import Iterator, Mapping

from tests.shape.tree import Source, dotted

WORDS = ("minor", "amount", "price", "fee", "cents", "money")
INTEGER_MATH = frozenset({"gcd", "lcm", "isqrt", "comb", "prod"})
# file:function -> why a float there never meets an amount
EXCUSED: Mapping[str, str] = {}


def near_money(source: Source) -> bool:
    """Whether this file of the service handles amounts. Metrics and benchmarks measure, they do not pay."""
    if not source.path.startswith("service/") or source.noun in {"telemetry", "bench"} or source.is_migration:
        return False
    return any(_is_money_word(name) for node in ast.walk(source.tree) for name in _identifiers(node))


def _identifiers(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names)
        yield (node.module or "").rpartition(".")[2]
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.arg | ast.keyword):
        yield node.arg or ""


def _is_money_word(name: str) -> bool:
    words = name.lower().split("_")
    return words[-1].removesuffix("s") in WORDS or words[-1] in WORDS


def floats(source: Source) -> Iterator[str]:
    """Every place of a file near money where a float could come from."""
    if not near_money(source):
        return
    for node in ast.walk(source.tree):
        if (what := _floating(node)) and f"{source.path}:{source.owners[node]}" not in EXCUSED:
            yield f"{source.at(node)} {what} in a file that handles money"


def _floating(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
        return f"the float {node.value}"
    if isinstance(node, ast.Name) and node.id == "float":
        return "`float`"
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _is_path(node):
        return "true division"
    if isinstance(node, ast.Attribute) and dotted(node).startswith("math.") and node.attr not in INTEGER_MATH:
        return f"`{dotted(node)}`"
    if isinstance(node, ast.ImportFrom) and node.module == "math":
        return next((f"`math.{a.name}`" for a in node.names if a.name not in INTEGER_MATH), None)
    return None


def _is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """`folder / "name"`: a text on either side is no number."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(isinstance(side, ast.Constant | ast.JoinedStr) and not _is_number(side) for side in sides)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
