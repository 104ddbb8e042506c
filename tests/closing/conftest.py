"""A database whose clock is a dial."""

import pytest

from service.kernel.clock import Dial
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.telemetry.registry import Telemetry
from tests.closing.ledger import at


@pytest.fixture
def clock() -> Dial:
    return Dial(at("2027-03-10"))


@pytest.fixture
async def db(database_url: str, clock: Dial):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=clock, ids=Ids(clock), telemetry=telemetry)
    yield database
    await database.engine.dispose()
