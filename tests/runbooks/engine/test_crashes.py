"""Kill -9 at every checkpoint: the next engine goes on, no lamp was switched twice, and the journal is whole.

Each engine is a process of its own that ends by SIGKILL between two lines of its journal, or between an act and its outcome;
the one after it is killed right after its start; the third goes on to the end. See `striking`.
"""

import json
import subprocess
import sys
from itertools import groupby

import pytest

from tests.runbooks.engine.conftest import memory
from tests.shape.tree import ROOT

POINTS = {
    *("run.opened", "run.planned", "run.moved", "run.approved", "run.checked", "step.played", "engine.started"),
    *("act.intent", "act.applied", "act.outcome", "lease.intent", "lease.applied", "lease.outcome"),
    *("undo.intent", "undo.applied", "undo.outcome", "verify.begun", "verify.passed", "verify.worse", "verify.again"),
}


@pytest.fixture(scope="module")
def strikes():
    """Every strike of both stories: one that recovers, and one that becomes worse and is put back."""
    with memory() as folder:
        words = [sys.executable, "-m", "tests.runbooks.engine.striking", str(folder)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_checkpoint_was_struck(strikes):
    """Both stories to their end, and no kind of line left out."""
    whole = [each for each in strikes if "whole" in each]

    assert [("recovers", 0), ("worsens", 0)] == [(each["story"], each["whole"]) for each in whole]
    assert set() == POINTS - {each["at"] for each in strikes if "at" in each}
    assert all(20 < len(list(each)) for _, each in groupby(strikes, key=lambda each: each["story"]))


def test_the_next_engine_goes_on_to_the_end(strikes):
    """It recovers the run, or puts back what made things worse, wherever the kill came and came again."""
    ended = {
        (each["number"], each["at"], each["state"]) for each in struck(strikes) if each["state"] != each["expected"]
    }

    assert set() == ended
    assert {(-9, 0)} == {tuple(each["codes"]) for each in struck(strikes)}
    assert {1} == {each["runs"] for each in struck(strikes)}
    assert not any(each["pending"] for each in struck(strikes))


def test_nothing_was_switched_twice(strikes):
    """Each act, each putting back and each renewal has its own key, and no key was seen twice by the lamps."""
    assert {0} == {each["twice"] for each in struck(strikes)}
    for each in struck(strikes):
        burns = each["expected"] == "recovered"
        assert (burns, burns) == (each["red"], each["blue"]), each


def test_the_journal_verifies_after_every_kill(strikes):
    """The chain is whole, and the last line is the last that was written."""
    assert [] == [(each["at"], each["faults"]) for each in struck(strikes) if each["faults"]]


def struck(strikes):
    return [each for each in strikes if "at" in each]
