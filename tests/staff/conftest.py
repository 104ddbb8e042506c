"""A door on a database, without a server, with a clock that is turned by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from service.kernel.db import Database
from service.kernel.ids import Ids
from service.telemetry.registry import Telemetry
from tests.staff.people import door_of


class Dial:
    """A clock that goes forward when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
async def db(database_url, dial):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=dial, ids=Ids(dial), telemetry=telemetry, pool_size=10)
    yield database
    await database.engine.dispose()


@pytest.fixture
def door(db):
    return door_of(db)
