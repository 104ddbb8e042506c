"""Somebody else's provider: a package with two entry points, found by its name in the settings and nothing else."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.shape.tree import ROOT

EXAMPLE = ROOT / "tests" / "contract" / "example"


def test_a_provider_of_another_package_passes_the_kit(tmp_path: Path):
    """Built as it would be for an index, put where Python finds it, and tried by its name."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    [wheel] = tmp_path.glob("cubano_bearbank-*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)

    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "--provider", "bearbank"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUBANO_", "PYTEST_"))}
    done = subprocess.run(
        words, cwd=ROOT, env={**kept, "PYTHONPATH": str(installed)}, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout[-3000:]
    assert "what was shown of whom" in done.stdout
    assert " failed" not in done.stdout
