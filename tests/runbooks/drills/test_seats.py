"""Drills side by side: each is played once, told as it ends, and reported in the order it was asked for."""

import threading
from contextlib import contextmanager

import pytest

from runbooks.drills.seats import at_seats

PATIENCE_S = 20


@contextmanager
def seat(work, left=None):
    """Gives the work, and says that it was left."""
    try:
        yield work
    finally:
        if left is not None:
            left.append(threading.current_thread().name)


@pytest.mark.parametrize("seats", [1, 2, 16])
def test_each_is_done_once_and_told_once(seats):
    """Whoever does it; the answers keep the order of the pieces."""
    told: list[int] = []

    found = at_seats(range(5), seats, lambda: seat(lambda piece: piece * piece), told.append)

    assert [0, 1, 4, 9, 16] == found
    assert [0, 1, 4, 9, 16] == sorted(told)


def test_two_are_done_at_the_same_time_and_told_as_they_end():
    """The first waits for the third: with two seats that is no wait for ever."""
    third = threading.Event()
    told: list[str] = []

    def work(piece):
        assert piece != "first" or third.wait(PATIENCE_S)
        if piece == "third":
            third.set()
        return piece

    found = at_seats(["first", "second", "third"], 2, lambda: seat(work), told.append)

    assert ["first", "second", "third"] == found
    assert "second" == told[0]


@pytest.mark.parametrize("seats", [1, 2])
def test_what_breaks_a_seat_ends_it_all(seats):
    """Nothing else is begun, every seat is left, and the reason is told."""
    left: list[str] = []
    done: list[int] = []
    broken = threading.Event()

    def work(piece):
        if piece == 1:
            broken.set()
            raise RuntimeError("no more room")
        assert piece or seats == 1 or broken.wait(PATIENCE_S)
        done.append(piece)

    with pytest.raises(RuntimeError, match="no more room"):
        at_seats(range(500_000), seats, lambda: seat(work, left), lambda _: None)

    assert seats == len(left)
    assert len(done) < 500_000 - 1


def test_nothing_asked_is_nothing_done():
    """An empty list has no seat that waits."""
    assert [] == at_seats([], 2, lambda: seat(str), print)
