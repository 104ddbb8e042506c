"""Importing the service does nothing, and nobody but the settings reads the environment."""

import subprocess
import sys

import pytest

from tests.shape.imports import AUDITED, environment_reads, work_at_import
from tests.shape.tree import ROOT, Source, sources


def test_modules_only_define():
    """No call for its effect, no loop, no client or clock at module level."""
    complaints = [complaint for source in sources("service") for complaint in work_at_import(source)]

    assert not complaints, "\n".join(complaints)


def test_settings_are_read_once():
    """The environment belongs to the settings and to what starts children."""
    complaints = [complaint for source in sources("service") for complaint in environment_reads(source)]

    assert not complaints, "\n".join(complaints)


def test_importing_everything_touches_nothing(tmp_path):
    """Every module is really imported: no file, socket, process or thread comes of it."""
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, f"{ROOT}/service/"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ("", 0) == (done.stdout.strip() + done.stderr, done.returncode)


def test_the_audit_would_notice(tmp_path):
    """The same audit on a package that opens a file and starts a thread while it is imported."""
    package = tmp_path / "service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "bad.py").write_text(
        "import threading\nopen('/dev/null')\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, f"{package}/"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "bad.py:2 open '/dev/null'" in done.stdout
    assert "a thread" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "load()",
        "for name in names:\n    register(name)",
        "with open('x') as file:\n    text = file.read()",
        "settings = Settings()",
        "engine = sa.create_engine('postgresql://')",
        "STARTED = datetime.now(UTC)",
        "class Order:\n    made_at = datetime.now(UTC)",
        "TEXT = Path(__file__).with_name('x').read_text()",
        "if True:\n    start()",
    ],
)
def test_work_at_import_is_noticed(text):
    """Each of these would run when the module is imported."""
    assert [] != list(work_at_import(Source("service/orders/flow.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "LIMIT = timedelta(days=3)",
        "PATTERN = re.compile('x')",
        "ORDER = Machine('order', {}, initial=1, terminal=())",
        "def f():\n    load()",
        "@dataclass\nclass Order:\n    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))",
        "if __name__ == '__main__':\n    main()",
    ],
)
def test_definitions_are_not_noticed(text):
    """Constants, tables, functions and classes are what a module is for."""
    assert [] == list(work_at_import(Source("service/orders/flow.py", text)))


@pytest.mark.parametrize(
    "text", ["import os\nX = os.environ['X']", "def f():\n    return os.getenv('X')", "from os import environ"]
)
def test_reading_the_environment_is_noticed(text):
    """However it is written; the settings may."""
    assert 1 == len(list(environment_reads(Source("service/orders/flow.py", text))))
    assert [] == list(environment_reads(Source("service/settings.py", text)))
