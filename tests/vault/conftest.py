"""Databases with master keys, without a server, and orders in them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from service.kernel.clock import utc_now
from service.kernel.data_keys import MasterKeys
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.kernel.money import Money
from service.orders.flow import Line, write_order
from service.telemetry.registry import Telemetry
from service.vault.flow import Buyer

OLD, NEW = ("old", bytes(32)), ("new", bytes(range(32)))
Vaults = Callable[..., Database]


@pytest.fixture
async def vault_of(database_url: str) -> AsyncIterator[Vaults]:
    """The test's database as a process with these master keys sees it."""
    opened: list[Database] = []
    telemetry = Telemetry("test", version="0", environment="test")

    def make(*keys: tuple[str, bytes]) -> Database:
        db = Database(
            database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry, master_keys=MasterKeys(dict(keys))
        )
        opened.append(db)
        return db

    yield make
    for each in opened:
        await each.engine.dispose()


async def place(db: Database, email: str = "ana@example.org", name: str = "Ana Pérez") -> str:
    """An order of this buyer; its id."""
    async with db.transaction() as session:
        order_id = session.ids.new("ord")
        line = Line("full-pass", "Full Pass", 1, Money(24_900, "USD"))
        until = session.now + timedelta(minutes=10)
        more = {"locale": "en", "provider": "stripe", "expires_at": until, "traceparent": None}
        write_order(session, order_id, Buyer(email, name), [line], **more)
    return order_id
