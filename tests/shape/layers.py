"""Who may import whom: the picture of the design, as a table.

`TIERS` is read from the top: a unit may import every unit of a lower row and, without cycles, those of its own row. What
stands in `ONLY` may import exactly what is listed there, whatever its row. A folder or file of service/ that is in no row
is a complaint: a new noun is placed here first.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.shape.tree import Source

TIERS: Sequence[frozenset[str]] = (
    frozenset({"app", "worker", "deliveries", "cli", "parts", "health", "probes", "figures", "lookout", "local", "bench", "migrations"}),
    frozenset({
        *("console", "account", "signin", "storefront", "reference", "beacon", "ops", "switches", "inbox", "outbox", "impact", "changes", "recheck", "webhook_secrets"),
    }),
    frozenset({"receipts", "desk", "erasure", "links", "reconciliation", "closing", "history", "archives"}),
    frozenset({"comparison", "keeping"}),
    frozenset({
        *("approvals", "refunds", "dispatch", "disputes", "settlements", "checkout", "synthetic", "completion", "recovery"),
    }),
    frozenset({"payments"}),
    frozenset({"sales", "books", "seats", "shedding"}),
    frozenset({"catalog", "tickets"}),
    frozenset({"orders"}),
    frozenset({"shop"}),
    frozenset({
        *("access", "acts", "arrivals", "audit", "cases", "controls", "idempotency", "journal", "limits", "mail", "oidc"),
        *("responder", "sessions", "shield", "signing", "staff", "tries", "vault"),
    }),
    frozenset({"webhooks"}),
    frozenset({"gateways"}),
    frozenset({"kernel"}),
    frozenset({"telemetry", "settings", "settings_checks", "emulator"}),
)  # fmt: skip
ONLY: Mapping[str, frozenset[str]] = {
    "webhooks": frozenset({"gateways", "kernel", "telemetry"}),
    "telemetry": frozenset(),
    "settings": frozenset({"settings_checks"}),
    "settings_checks": frozenset(),
    "emulator": frozenset(),  # plays the gateways: shares no code with the rest, not even signing
}
NOBODY_IMPORTS = frozenset({"emulator"})  # it is another program; it is started, never imported
SETTINGS_READERS = TIERS[0]  # read once in the root, passed down
SLICE_FILES = frozenset({"api", "flow", "rules", "machine", "tables", "views", "cli"})
SLICE_LIMIT = 5
NOT_SLICES = frozenset({"cli", "local", "bench", "migrations", "gateways", "kernel", "telemetry", "emulator"})

# Folders beside service/: what of ours they may import.
OUTSIDE: Mapping[str, tuple[str, ...]] = {
    "monitoring": ("monitoring", "service.telemetry"),
    "runbooks": ("runbooks", "monitoring", "service.telemetry"),
    "loadtests": ("loadtests", "service.telemetry"),
}
OURS = ("service", "tests", "docs", *OUTSIDE)


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every module of ours this file imports, wherever the statement stands, as a dotted name."""
    for node in ast.walk(source.tree):
        for name in _named(source, node):
            if name.split(".")[0] in OURS:
                yield node, name


def _named(source: Source, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = _absolute(source, node)
        return [f"{start}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        return [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
    return []


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    above = parts[: len(parts) - node.level + (1 if source.is_package else 0)]
    return ".".join([*above, *([node.module] if node.module else [])])


def layering(source: Source) -> Iterator[str]:
    """Imports that go up, sideways out of `ONLY`, or into what nobody imports."""
    top = source.module.split(".")[0]
    for node, name in imports(source):
        if top in OUTSIDE and not _within(name, OUTSIDE[top]):
            yield f"{source.at(node)} {top} imports {name}; it may import {', '.join(OUTSIDE[top])}"
        elif top == "service" and not _within(name, ("service",)):
            yield f"{source.at(node)} service imports {name}, which stands outside of it"
        elif top == "service" and (reason := _refused(source, name)):
            yield f"{source.at(node)} {source.noun} imports {name}: {reason}"


def _within(name: str, allowed: Iterable[str]) -> bool:
    return any(name == start or name.startswith(f"{start}.") for start in allowed)


def _refused(source: Source, name: str) -> str | None:
    importer, target = source.noun, name.split(".")[1] if "." in name else ""
    own_facts = target.startswith("__") and importer not in ONLY  # `from service import __version__`
    if not importer or importer == target or own_facts:
        return None
    reasons = (
        (_row(importer) is None or _row(target) is None, "not placed in TIERS (tests/shape/layers.py)"),
        (target in NOBODY_IMPORTS, "it is another program"),
        (target == "settings" and importer not in SETTINGS_READERS, "settings are passed down by the root"),
        (
            importer in ONLY and target not in ONLY[importer],
            f"it may import {sorted(ONLY.get(importer, ())) or 'nothing'}",
        ),
        ((_row(importer) or 0) > (_row(target) or 0), "that is a layer above"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _row(unit: str) -> int | None:
    return next((number for number, row in enumerate(TIERS) if unit in row), None)


def unplaced(sources: Iterable[Source]) -> list[str]:
    """Folders and files of service/ that have no row in the table."""
    units = {source.noun for source in sources if source.module.startswith("service.")}
    return sorted(unit for unit in units if _row(unit) is None)


def unit_graph(sources: Iterable[Source]) -> dict[str, set[str]]:
    """Which noun imports which."""
    graph: dict[str, set[str]] = {}
    for source in sources:
        if source.module.startswith("service."):
            targets = {name.split(".")[1] for _, name in imports(source) if name.startswith("service.")}
            graph.setdefault(source.noun, set()).update(targets - {source.noun})
    return graph


def module_graph(sources: Iterable[Source]) -> dict[str, set[str]]:
    """Which module imports which; `from package import module` points at the module."""
    known = {source.module: source for source in sources}
    graph: dict[str, set[str]] = {}
    for source in known.values():
        targets = {name if name in known else name.rpartition(".")[0] for _, name in imports(source)}
        graph[source.module] = {target for target in targets if target in known and target != source.module}
    return graph


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some way from a unit back to itself, or nothing."""
    done: set[str] = set()

    def walk(unit: str, path: list[str]) -> list[str]:
        if unit in path:
            return [*path[path.index(unit) :], unit]
        if unit in done:
            return []
        for target in sorted(graph.get(unit, ())):
            if found := walk(target, [*path, unit]):
                return found
        done.add(unit)
        return []

    return next((found for unit in sorted(graph) if (found := walk(unit, []))), [])


def slices(sources: Iterable[Source]) -> Iterator[str]:
    """Nouns with a file that is not one of the known kinds, with sub-packages, or with more than five files."""
    nouns: dict[str, list[str]] = {}
    for source in sources:
        parts = source.module.split(".")
        if (
            parts[0] == "service"
            and source.path.count("/") > 1
            and parts[1] not in NOT_SLICES
            and not source.is_package
        ):
            nouns.setdefault(parts[1], []).append(".".join(parts[2:]))
    for noun, files in sorted(nouns.items()):
        if strange := sorted(set(files) - SLICE_FILES):
            yield f"service/{noun}: {', '.join(strange)} is none of {', '.join(sorted(SLICE_FILES))}"
        if len(files) > SLICE_LIMIT:
            yield f"service/{noun}: {len(files)} files; a slice that needs a sixth is two nouns"
