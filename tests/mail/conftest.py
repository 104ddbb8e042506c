"""A mail server of the test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.mail.postbox import Postbox, postbox


@pytest.fixture
async def box() -> AsyncIterator[Postbox]:
    async with postbox() as opened:
        yield opened
