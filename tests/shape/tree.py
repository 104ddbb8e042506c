"""The project's own Python files, parsed once; every rule of this folder is a function from `Source`s to complaints.

A rule is written as `rule(source) -> Iterator[str]` or over all sources, so that its test can feed it a small bad text as
well as the whole tree. A complaint names the place: `service/orders/flow.py:12 …`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("service", "monitoring", "runbooks", "loadtests", "docs", "tests")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file: its path below the project's folder, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The dotted name it is imported by; a package's own name for its __init__.py."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def is_migration(self) -> bool:
        """Migrations are written once by a generator and never edited; rules of size and style pass them by."""
        return self.path.startswith("service/migrations/versions/")

    @property
    def noun(self) -> str:
        """`orders` for service/orders/flow.py; the file's stem for a file right in service/."""
        parts = self.module.split(".")
        return parts[1] if len(parts) > 1 else ""

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    @cached_property
    def owners(self) -> dict[ast.AST, str]:
        """The dotted name of the innermost function or class around each node; "" for the module itself."""
        names: dict[ast.AST, str] = {}
        _name_owners(self.tree, "", names)
        return names

    def functions(self) -> Iterator[tuple[str, Function]]:
        """All functions and methods with the dotted name they have in this file."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                owner = self.owners[node]
                yield (f"{owner}.{node.name}" if owner else node.name), node


def _name_owners(parent: ast.AST, owner: str, names: dict[ast.AST, str]) -> None:
    for child in ast.iter_child_nodes(parent):
        names[child] = owner
        inner = owner
        if isinstance(child, Function | ast.ClassDef):
            inner = f"{owner}.{child.name}" if owner else child.name
        _name_owners(child, inner, names)


@lru_cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file of the project below the folders given, or of all folders there are."""
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text())
        for folder in folders or FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
