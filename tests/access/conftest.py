"""A ring of keys on a database, without a server."""

import pytest

from service.access.flow import KeyRing
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.telemetry.registry import Telemetry


@pytest.fixture
async def db(database_url):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry, pool_size=10)
    yield database
    await database.engine.dispose()


class Tick:
    """A clock that goes forward when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tick() -> Tick:
    return Tick()


@pytest.fixture
def ring(db, tick) -> KeyRing:
    return KeyRing(db, "development", tick=tick)
