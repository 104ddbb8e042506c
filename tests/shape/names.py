"""Nouns for folders, verbs for functions: no name that says nothing, and each module opens with its promise."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.shape.tree import Source

EMPTY_WORDS = frozenset({"service", "manager", "helper", "helpers", "util", "utils", "base", "impl"})
# file or file:Class -> why this one may
EXCUSED: Mapping[str, str] = {
    "service/gateways/base.py": "the design's own name for the protocol every gateway follows",
}


def empty_names(source: Source) -> Iterator[str]:
    """Module and class names with a word that fits anything."""
    stem = source.path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    if stem != "service" and _words(stem) & EMPTY_WORDS and source.path not in EXCUSED:
        yield f"{source.path}: say what it is instead of {stem}"
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or f"{source.path}:{node.name}" in EXCUSED:
            continue
        if _words(node.name) & EMPTY_WORDS:
            yield f"{source.at(node)} say what it is instead of {node.name}"


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def without_promise(source: Source) -> Iterator[str]:
    """Modules that hold code but do not open with a docstring."""
    if source.tree.body and not source.is_migration and ast.get_docstring(source.tree) is None:
        yield f"{source.path} does not open with its promise (a docstring)"
