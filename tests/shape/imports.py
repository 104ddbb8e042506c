"""Importing the service does nothing: no work, no settings, no instances that reach out.

Held twice: on the text (what may stand at module level, who may read the environment) and for real, by importing every
module under an audit hook that sees files, sockets and processes (`AUDITED`).
"""

import ast
from collections.abc import Iterator, Mapping

from tests.shape.tree import Function, Source, dotted

# Calls at module level that would reach out, start something, or read the clock or the settings.
REACHES_OUT = frozenset({
    "open", "getenv", "urlopen", "connect", "create_engine", "create_async_engine", "AsyncConnectionPool",
    "ConnectionPool", "Client", "AsyncClient", "StripeClient", "Thread", "Popen", "run", "get_event_loop",
    "new_event_loop", "create_app", "create_worker", "load_settings", "Settings", "Database", "Telemetry",
    "utc_now", "now", "time", "monotonic", "token_hex", "token_bytes", "urandom", "random", "read_text", "read_bytes",
    "basicConfig", "start_http_server", "set_event_loop_policy", "install",
})  # fmt: skip
MAY_READ_ENVIRONMENT: Mapping[str, str] = {
    "service/settings.py": "it is the one that reads it",
    "service/local/": "hands the environment on to the children it starts",
    "service/bench/": "hands the environment on to the children it starts",
    "service/telemetry/tracing.py": "OpenTelemetry's standard OTEL_* variables, when tracing is set up",
    "service/telemetry/export.py": "OpenTelemetry's standard OTEL_* variables, when tracing is set up",
}

# Runs in a process of its own; prints what a module of ours did while it was imported.
AUDITED = """
import importlib, os, pkgutil, sys, threading

root = sys.argv[1]
seen = []
WATCHED = {"open", "socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir", "shutil.rmtree"}

def audit(event, arguments):
    if event not in WATCHED or (event == "open" and str(arguments[0]).startswith((sys.prefix, sys.base_prefix))):
        return  # libraries read their own files while they are imported
    if event == "open" and "zoneinfo" in str(arguments[0]):
        return  # a time zone by name is a constant, wherever the machine keeps its table
    frame = sys._getframe(1)
    while frame:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return
        if frame.f_code.co_name == "<module>":
            if file.startswith(root):
                seen.append(f"{file[len(root):]}:{frame.f_lineno} {event} {arguments[0]!r}")
            return
        frame = frame.f_back

import service
names = [m.name for m in pkgutil.walk_packages(service.__path__, "service.") if ".migrations" not in m.name]
sys.addaudithook(audit)
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
seen += [f"a thread: {t.name}" for t in threading.enumerate() if t is not threading.main_thread()]
print("\\n".join(seen))
"""


def work_at_import(source: Source) -> Iterator[str]:
    """Statements at module level that are more than definitions."""
    if not source.path.startswith("service/") or source.path.startswith("service/migrations/"):
        return
    for node in _at_module_level(source.tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith):
            yield f"{source.at(node)} a loop or block runs at import"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
            yield f"{source.at(node)} a call for its effect runs at import"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from _reaching_out(source, node.value)


def _at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue  # `if __name__ == "__main__":` is no import
        yield node
        if isinstance(node, ast.ClassDef):
            yield from (inner for inner in node.body if not isinstance(inner, Function))
        if isinstance(node, ast.If | ast.Try):
            yield from node.body


def _reaching_out(source: Source, value: ast.expr) -> Iterator[str]:
    for node in _run_now(value):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in REACHES_OUT:
            yield f"{source.at(node)} {name}() runs at import"


def _run_now(value: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that are evaluated with it; a lambda's body waits for its call."""
    if not isinstance(value, ast.Lambda):
        yield value
        for child in ast.iter_child_nodes(value):
            yield from _run_now(child)


def environment_reads(source: Source) -> Iterator[str]:
    """Uses of the process's environment outside the settings and what starts children."""
    if not source.path.startswith("service/") or source.path.startswith(tuple(MAY_READ_ENVIRONMENT)):
        return
    for node in ast.walk(source.tree):
        if dotted(node) in {"os.environ", "os.getenv", "os.putenv"} or _imports_environment(node):
            yield f"{source.at(node)} reads the environment; settings are passed down"


def _imports_environment(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and any(alias.name in {"environ", "getenv"} for alias in node.names)
    )
