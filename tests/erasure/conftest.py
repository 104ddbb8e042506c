"""Fixtures of this folder."""

from collections.abc import AsyncIterator

import pytest

from tests.mail.postbox import Postbox, postbox


@pytest.fixture
async def box() -> AsyncIterator[Postbox]:
    async with postbox() as made:
        yield made
