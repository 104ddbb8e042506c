"""Work made slower on purpose, in development: by this the release gate shows that it notices a slow release.

What is added is processor time, in proportion to what the work itself has used; waits of others are not counted, so the
system stays as stable as one that really costs that much more.
"""

import time
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


async def slowed(work: Coroutine[Any, Any, Result], percent: int) -> Result:
    """What the work answers, after so many per cent more of processor time; 0 adds nothing at all."""
    if not percent:
        return await work
    metered = _Metered(work)
    result = await metered
    end = time.thread_time() + metered.used_s * percent / 100
    while time.thread_time() < end:
        pass
    return result


class _Metered(Generator[Any, Any, Result]):
    """Steps through a coroutine, and adds up what its steps use of the processor."""

    def __init__(self, work: Coroutine[Any, Any, Result]) -> None:
        self._work = work
        self.used_s = 0.0

    def __await__(self) -> Generator[Any, Any, Result]:
        return self

    def send(self, value: Any, /) -> Any:
        with self._metering():
            return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        with self._metering():
            return self._work.throw(*error)

    @contextmanager
    def _metering(self) -> Iterator[None]:
        started = time.thread_time()
        try:
            yield
        finally:
            self.used_s += time.thread_time() - started
