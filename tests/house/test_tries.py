"""A second try is given by `make test` alone, it is named, and only a few of them are forgiven; and its two phases run every test."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tries import BUDGET

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TRIES = re.search(r"^TRIES := (.+)$", MAKEFILE, re.MULTILINE)[1].split()


def outcome(*more: str) -> tuple[int, str]:
    """Exit code and output of a run of cases/flaky.py, with what counts the tries and nothing else of ours."""
    plugins = ["--noconftest", "-ptests.house.tries", "-pno:schemathesis", "-pno:hypothesispytest"]
    words = [sys.executable, "-m", "pytest", "-q", *plugins, *more, "tests/house/cases/flaky.py"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_nobody_has_a_second_try_by_hand():
    """A developer who runs tests sees each failure."""
    code, output = outcome("-k", "one")

    assert 1 == code
    assert "second try" not in output


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_second_try_is_named(more):
    """With what went wrong first, also when all is well in the end."""
    code, output = outcome(*TRIES, *more, "-k", "unlucky and not four or good")

    assert 0 == code, output
    assert f"needed a second try: {BUDGET}" in output
    assert re.search(r"^\S*test_unlucky\[two\]: AssertionError: two was unlucky$", output, re.MULTILINE)
    assert "test_good:" not in output


def test_too_many_second_tries_fail_the_run():
    """Though each of them ended well."""
    code, output = outcome(*TRIES, "-k", "unlucky")

    assert 1 == code
    assert "4 passed" in output
    assert f"more than {BUDGET} of them fail this run" in output


def test_what_is_broken_fails_twice():
    """A second try changes nothing of it."""
    code, output = outcome(*TRIES, "-k", "broken")

    assert 1 == code
    assert re.search(r"^\S*test_broken: RuntimeError: broken for good$", output, re.MULTILINE)


def test_two_phases_run_every_test():
    """What is not run side by side is run alone, and the second phase runs although the first has failed."""
    told = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    marked = re.findall(r'pytest .*-m "([^"]+)"', told)

    assert ["not alone", "alone"] == marked
    assert "--keep-going" in told
