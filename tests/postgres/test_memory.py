"""Where the server of a test run lies: in memory where there is room, and nothing of a killed run stays there."""

import os
import time
from pathlib import Path

import pytest

from tests.postgres.memory import place

AN_HOUR_S = 3600


@pytest.fixture
def run(tmp_path) -> Path:
    folder = tmp_path / "tests" / "run-1"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def memory(tmp_path) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


def aged(folder: Path) -> Path:
    then = time.time() - AN_HOUR_S
    os.utime(folder, (then, then))
    return folder


def test_files_lie_in_memory_and_are_gone_afterwards(run, memory):
    """The place says whose it is."""
    with place(run, memory=memory) as found:
        found.mkdir()

        assert str(run) == (found.parent / "run").read_text()
        assert memory == found.parent.parent
    assert [] == list(memory.iterdir())


def test_without_room_they_lie_in_the_run_s_own_folder(run, memory):
    """A container has 64 MB there, another system has no such place."""
    with place(run, memory=memory, room=1 << 60) as small:
        assert run / "postgres" == small
    with place(run, memory=memory / "none") as none:
        assert run / "postgres" == none


def test_what_a_killed_run_left_is_swept(run, memory):
    """Both its places, once they are old enough to be nobody's beginning."""
    left = run.parent / "run-2"
    left.mkdir()
    with place(left, memory=memory) as found:
        home = found.parent
    home.mkdir()
    (home / "run").write_text(str(left))
    aged(home), aged(left)

    with place(run, memory=memory):
        assert not home.exists()
        assert not left.exists()


def test_what_is_kept_or_young_stays(run, memory):
    """Another run goes on beside this one, and a third has only begun."""
    other, third = run.parent / "run-2", run.parent / "run-3"
    for folder in (other, third):
        folder.mkdir()
    with place(other, memory=memory) as found:
        aged(found.parent), aged(other)
        with place(run, memory=memory):
            assert found.parent.exists()
            assert other.exists()
            assert third.exists()
