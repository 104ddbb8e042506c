"""A second try is given by `make test` alone, it is named, and only a few of them are forgiven; and its two phases run every test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tries import BUDGET

ROOT = Path(__file__).parents[2]
PLUGINS = ["--noconftest", "-pno:schemathesis", "-pno:hypothesispytest", "-q"]


def outcome(folder: Path, *more: str, module: str = "tests.house.tries") -> tuple[int, str]:
    """Exit code and output of a run of cases/flaky.py, with what gives second tries and nothing else of ours."""
    words = [sys.executable, "-m", module, *more, "tests/house/cases/flaky.py"]
    environment = {**os.environ, "PYTEST_ADDOPTS": " ".join(PLUGINS), "CUBANO_TEST_TRIED": str(folder)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_nobody_has_a_second_try_by_hand(tmp_path: Path):
    """A developer who runs tests sees each failure."""
    code, output = outcome(tmp_path, "-k", "one", module="pytest")

    assert 1 == code
    assert "second try" not in output


@pytest.mark.parametrize("more", [(), ("-n", "1", "--dist", "loadgroup")], ids=["one process", "workers"])
def test_a_second_try_is_named(tmp_path: Path, more):
    """With what went wrong first, also when all is well in the end; only what failed is run again."""
    code, output = outcome(tmp_path, *more, "-k", "unlucky and not four or good")

    assert 0 == code, output
    assert f"needed a second try: {BUDGET}" in output
    assert re.search(r"^\S*test_unlucky\[two\]: AssertionError: two was unlucky$", output, re.MULTILINE)
    assert "test_good:" not in output
    assert f"{BUDGET} passed" in output


def test_too_many_failures_have_no_second_try(tmp_path: Path):
    """That many are no bad luck."""
    code, output = outcome(tmp_path, "-k", "unlucky")

    assert 1 == code
    assert f"4 tests failed; more than {BUDGET} have no second try" in output
    assert "passed" not in output


def test_what_is_broken_fails_twice(tmp_path: Path):
    """A second try changes nothing of it."""
    code, output = outcome(tmp_path, "-k", "broken")

    assert 1 == code
    assert re.search(r"^\S*test_broken: RuntimeError: broken for good$", output, re.MULTILINE)
    assert 2 == output.count("1 failed")


def test_a_run_that_could_not_begin_has_no_second_try(tmp_path: Path):
    """A wrong word on the command line is an error of its own."""
    code, output = outcome(tmp_path, "--no-such-option")

    assert pytest.ExitCode.USAGE_ERROR == code
    assert "second try" not in output


def test_two_phases_run_every_test():
    """What is not run side by side is run alone, and the second phase runs although the first has failed."""
    told = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    marked = re.findall(r'tests\.house\.tries .*-m "([^"]+)"', told)

    assert ["not alone", "alone"] == marked
    assert "--keep-going" in told
