"""A checkout made slower on purpose: it costs more processor time, in proportion, and does what it did."""

import asyncio
import time

import pytest

from service.kernel.slowed import slowed
from service.settings import SettingsError, load_settings

BUSY_S = 0.02


async def busy(answer: str = "done") -> str:
    """Works, waits, works."""
    for _ in range(2):
        end = time.thread_time() + BUSY_S / 2
        while time.thread_time() < end:
            pass
        await asyncio.sleep(0.01)
    return answer


async def used(percent: int) -> float:
    started = time.thread_time()
    assert "done" == await slowed(busy(), percent)
    return time.thread_time() - started


async def test_it_costs_so_much_more():
    """Twice as slow is at least twice the processor time of the work, and its waits are not counted."""
    plain, twice = await used(0), await used(100)

    assert BUSY_S <= plain
    assert 2 * BUSY_S <= twice <= 2 * BUSY_S + BUSY_S


async def test_others_go_on_meanwhile():
    """While the work waits, the event loop is everybody's."""
    seen = []

    async def other() -> None:
        seen.append("here")

    await asyncio.gather(slowed(busy(), 10), other())

    assert ["here"] == seen


async def test_an_error_is_the_works_own():
    """What it raises comes through; a cancellation reaches it."""
    ended = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    with pytest.raises(LookupError):
        await slowed(fails(), 30)
    task = asyncio.create_task(slowed(waits(), 30))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["cleaned up"] == ended


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_nowhere_but_in_development(environment):
    """A release that is slow on purpose does not start."""
    with pytest.raises(SettingsError) as refused:
        load_settings({"CUBANO_ENVIRONMENT": environment, "CUBANO_SLOWED_PERCENT": "30"})

    assert any(each.startswith("CUBANO_SLOWED_PERCENT: only in development") for each in refused.value.problems)
