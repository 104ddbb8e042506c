"""Orders' buyers: sealed, found by their address, put under a new master key, and sealed where they still stand open."""

import sqlalchemy as sa

from service.access.rules import OrderTokens
from service.kernel.data_keys import CannotOpenError
from service.kernel.db import Database
from service.vault import flow
from service.vault.flow import Buyer, Status
from tests.vault.conftest import NEW, OLD, place

BEFORE = OrderTokens(("a-secret-key-a-secret-key-a-secret",))
ANA = Buyer("ana@example.org", "Ana Pérez")
PLAIN = """
    INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at, updated_at)
    SELECT 'pay_old', id, provider, 'created', total_minor, total_currency, '{"b": 1, "a": "ana@example.org"}', now(), now()
    FROM orders WHERE id = :id
"""


async def buyer_of(db: Database, order_id: str) -> Buyer | None:
    async with db.transaction() as session:
        return await flow.open_buyer(session, order_id)


async def orders_of(db: Database, email: str) -> list[str]:
    async with db.transaction() as session:
        return sorted((await session.execute(flow.orders_of(session, email))).scalars())


async def token_of(db: Database, order_id: str) -> str | None:
    async with db.transaction() as session:
        return await flow.order_token(session, order_id, before=BEFORE)


async def opens(db: Database, order_id: str, token: str) -> bool:
    async with db.transaction() as session:
        return await flow.opens(session, order_id, [token], before=BEFORE) is not None


async def run(db: Database, statement: str, **values: object) -> None:
    async with db.transaction() as session:
        await session.execute(sa.text(statement), values)


async def test_a_new_master_key_takes_over_in_steps(vault_of):
    """While both are there everything opens; when the count of the old one is 0 it may go. Links never notice."""
    first = vault_of(OLD)
    orders = [await place(first, email) for email in ("ana@example.org", "Ana@Example.org", "bo@example.org")]
    token = await token_of(first, orders[0])
    both, rest = vault_of(NEW, OLD), vault_of(NEW)
    newest = await place(both)

    readable = [await buyer_of(both, each) is not None for each in orders]
    found = await orders_of(both, " ANA@example.org")
    async with both.transaction() as session:
        counted = await flow.read_status(session)
    moved: list[str] = []
    last = ""
    while True:  # broken off after each batch and taken up again
        async with both.transaction() as session:
            batch = await flow.rotate(session, after=last, limit=2)
        if not batch:
            break
        moved, last = moved + batch, batch[-1]
    async with rest.transaction() as session:
        left = await flow.read_status(session)

    assert ([True] * 3, sorted([*orders[:2], newest])) == (readable, found)
    assert Status({"new": 1, "old": 3}, erased=0, plain=0) == counted
    assert sorted(orders) == moved
    assert Status({"new": 4}, erased=0, plain=0) == left
    assert ANA == await buyer_of(rest, orders[0])
    assert found == await orders_of(rest, "ana@example.org")
    assert token == await token_of(rest, orders[0])
    assert await opens(rest, orders[0], token)


async def test_without_its_master_key_an_order_does_not_open(vault_of):
    """A plain error that names the key, not a wrong buyer; the link goes on working, its hash needs no key."""
    order_id = await place(vault_of(OLD))
    token = await token_of(vault_of(OLD), order_id)
    other = vault_of(NEW)

    told = ""
    try:
        await buyer_of(other, order_id)
    except CannotOpenError as error:
        told = str(error)

    assert "the master key 'old' is not in the settings" == told
    assert await opens(other, order_id, token)


async def test_an_order_from_before_is_read_where_it_stands_until_it_is_sealed(vault_of):
    """Its old link opens it before and after, its request stays the same to the letter, and nothing stands open then."""
    db = vault_of(NEW)
    order_id = await place(db)
    await run(db, "DELETE FROM order_customers")
    await run(db, "UPDATE orders SET email = 'ana@example.org', name = 'Ana Pérez'")
    await run(db, PLAIN.replace(":", "\\:").replace("\\:id", ":id"), id=order_id)
    link = BEFORE.issue(order_id)
    before = await buyer_of(db, order_id), await token_of(db, order_id), await opens(db, order_id, link)

    async with db.transaction() as session:
        found = await flow.find_before(session, after="", limit=10)
        await flow.seal_before(session, found)
        status = await flow.read_status(session)
        rest = await flow.find_before(session, after="", limit=10)
        sealed = (await session.execute(sa.text("SELECT request_sealed FROM payments"))).scalar_one()
        key = await flow.ensure_key(session, order_id)

    assert (ANA, link, True) == before
    assert ([order_id], [], Status({"new": 1}, erased=0, plain=0)) == (found, rest, status)
    assert ANA == await buyer_of(db, order_id)
    assert (link, True) == (await token_of(db, order_id), await opens(db, order_id, link))
    assert ["b", "a"] == list(key.open_request("pay_old", sealed))
    assert [order_id] == await orders_of(db, "ana@example.org")
