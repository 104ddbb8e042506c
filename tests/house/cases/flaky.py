"""Tests that fail at their first try, remembered in a folder; run by test_tries.py, never by themselves."""

import os
from pathlib import Path

import pytest

TRIED = Path(os.environ.get("CUBANO_TEST_TRIED", "."))


@pytest.mark.parametrize("case", ["one", "two", "three", "four"])
@pytest.mark.xdist_group("luck")
def test_unlucky(case):
    is_again = (TRIED / case).exists()
    (TRIED / case).touch()
    assert is_again, f"{case} was unlucky"


def test_broken():
    raise RuntimeError("broken for good")


def test_good():
    assert True
