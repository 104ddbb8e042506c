"""Small by default: files, functions and parameter lists have a ceiling, so that none gets away."""

import ast
from collections.abc import Iterator, Mapping

from tests.shape.tree import Function, Source

FILE_LINES = 300
FUNCTION_LINES = 40  # without decorators and docstring; 5 to 15 are usual
POSITIONAL = 5  # the rest keyword-only
# file:function -> who prescribes its parameters
EXCUSED: Mapping[str, str] = {}


def too_large(source: Source) -> Iterator[str]:
    """A file over its limit, functions over theirs, and too many positional parameters."""
    if source.is_migration:
        return
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield f"{source.path} has {lines} lines; {FILE_LINES} at most"
    for name, function in source.functions():
        if (length := _length(function)) > FUNCTION_LINES:
            yield f"{source.at(function)} {name} has {length} lines; {FUNCTION_LINES} at most"
        if source.path.startswith("tests/") or f"{source.path}:{name}" in EXCUSED:
            continue  # a test's parameters are the fixtures it asks for
        if (count := _positional(function)) > POSITIONAL:
            yield f"{source.at(function)} {name} takes {count} positional parameters; {POSITIONAL} at most"


def _length(function: Function) -> int:
    body = function.body
    described = ast.get_docstring(function) is not None
    described_lines = (body[0].end_lineno or 0) - body[0].lineno + 1 if described else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - described_lines


def _positional(function: Function) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in {"self", "cls"}])
