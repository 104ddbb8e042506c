"""Books on a stage whose clock is a dial."""

from collections.abc import AsyncIterator

import pytest

from service.kernel.clock import Dial, utc_now
from tests.reconciliation.books import Books, books_of
from tests.stage import Stage


@pytest.fixture
def stage_clock() -> Dial:
    return Dial(utc_now())


@pytest.fixture
async def books(stage: Stage) -> AsyncIterator[Books]:
    async with books_of(stage) as opened:
        yield opened
