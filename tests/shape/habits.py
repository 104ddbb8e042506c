"""Tests say what they hold, assert it, are never skipped as a whole file, and mock nothing of ours."""

import ast
from collections.abc import Iterator

from tests.shape.tree import Function, Source, dotted

OURS = ("service", "monitoring", "runbooks", "loadtests")
# Calls that assert: pytest's, Playwright's, Schemathesis', and our own checks, whose name starts with assert_.
ASSERTING = frozenset(
    {"raises", "warns", "fail", "expect", "call_and_validate", "validate_response", "run_state_machine_as_test"}
)
MOCKS = frozenset({"unittest.mock", "mock", "pytest_mock"})
WHOLE_FILE = frozenset({"importorskip", "skipif"})


def tests_of(source: Source) -> Iterator[tuple[str, Function]]:
    """The tests of a test file."""
    if source.path.startswith("tests/") and source.path.rpartition("/")[2].startswith("test_"):
        for name, function in source.functions():
            if function.name.startswith("test_") and "." not in name.removeprefix("Test"):
                yield name, function


def silent_tests(source: Source) -> Iterator[str]:
    """Tests that assert nothing, or that have no sentence saying what they hold."""
    for name, function in tests_of(source):
        if not any(_asserts(node) for node in ast.walk(function)):
            yield f"{source.at(function)} {name} asserts nothing"
        if ast.get_docstring(function) is None:
            yield f"{source.at(function)} {name} has no sentence that says what it holds"


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name in ASSERTING or name.startswith("assert_")


def mocks(source: Source) -> Iterator[str]:
    """Mock libraries, and patches of our own code."""
    if not source.path.startswith("tests/"):
        return
    ours = _names_of_ours(source)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom | ast.Import) and _imported(node) & MOCKS:
            yield f"{source.at(node)} imports a mock library; fakes speak the wire"
        if isinstance(node, ast.arg) and node.arg == "mocker":
            yield f"{source.at(node)} asks for a mocker; fakes speak the wire"
        if isinstance(node, ast.Call) and _patches_ours(node, ours):
            yield f"{source.at(node)} patches our own code; time, ids and addresses are arguments"


def _imported(node: ast.ImportFrom | ast.Import) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}


def _names_of_ours(source: Source) -> set[str]:
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            names |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            names |= {alias.asname or "service" for alias in node.names if alias.name.split(".")[0] in OURS}
    return names


def _patches_ours(call: ast.Call, ours: set[str]) -> bool:
    if not dotted(call.func).endswith(("monkeypatch.setattr", "monkeypatch.delattr", "monkeypatch.setitem")):
        return False
    target = call.args[0] if call.args else None
    if isinstance(target, ast.Constant):
        return str(target.value).split(".")[0] in OURS
    return target is not None and dotted(target).split(".")[0] in ours


def skipped_files(source: Source) -> Iterator[str]:
    """Skips that no report counts test by test: a whole module, or a condition at import."""
    if not source.path.startswith("tests/"):
        return
    for node in ast.walk(source.tree):
        whole = isinstance(node, ast.keyword) and node.arg == "allow_module_level"
        if whole or (isinstance(node, ast.Attribute) and node.attr in WHOLE_FILE):
            yield f"{source.at(node)} skips before it is counted; skip inside the test or a fixture"
