"""Work done at several seats side by side: whoever is free takes the next piece, and what has ended is told at once.

A seat keeps from one piece to the next what it needs. With one seat all of it is done here and now; with more, an interruption
lets each of them end its piece, and nothing else is begun.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from threading import Lock
from typing import TypeVar

Piece = TypeVar("Piece")
Done = TypeVar("Done")


def at_seats(
    pieces: Iterable[Piece],
    seats: int,
    seat: Callable[[], AbstractContextManager[Callable[[Piece], Done]]],
    ended: Callable[[Done], None],
) -> list[Done]:
    """What came of the pieces, in their order; `ended` hears of them one at a time, in the order in which they end."""
    waiting, found, telling = deque(enumerate(pieces)), dict[int, Done](), Lock()

    def sit() -> None:
        with seat() as work:
            while waiting:
                try:
                    number, piece = waiting.popleft()
                except IndexError:  # another one was quicker
                    return
                found[number] = done = work(piece)
                with telling:
                    ended(done)

    if seats == 1:
        sit()
    else:
        _sit_together(sit, min(seats, len(waiting)), waiting.clear)
    return [found[number] for number in sorted(found)]


def _sit_together(sit: Callable[[], None], seats: int, empty: Callable[[], None]) -> None:
    with ThreadPoolExecutor(max(seats, 1), thread_name_prefix="seat") as pool:
        sitting = [pool.submit(sit) for _ in range(seats)]
        try:
            wait(sitting, return_when=FIRST_EXCEPTION)
        finally:
            empty()
    for each in sitting:
        each.result()
