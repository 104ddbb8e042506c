"""Tests that fail at their first try; run by test_tries.py, never by themselves."""

import pytest

TRIED: set[str] = set()


@pytest.mark.parametrize("case", ["one", "two", "three", "four"])
def test_unlucky(case):
    is_again = case in TRIED
    TRIED.add(case)
    assert is_again, f"{case} was unlucky"


def test_broken():
    raise RuntimeError("broken for good")


def test_good():
    assert True
