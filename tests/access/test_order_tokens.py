"""Links to orders: the hash in the table decides, one may be taken back, and the next letter has a new one."""

import pytest

from service.access.rules import OrderTokens, system
from service.kernel.errors import NotFound
from service.vault import flow as vault
from tests.stage import Stage

UNKNOWN = "ord_01aryz6s410000000000000000"
ADMIN = system("cli:test")


async def look(stage: Stage, order_id: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await stage.client.get(f"/api/payment/order/{order_id}", headers=headers)).status_code


async def test_a_link_is_taken_back_and_another_takes_its_place(stage: Stage):
    """The old one opens nothing at once, on the API and on the page; the checkout's repeated answer has the new one."""
    checkout = (await stage.checkout(key="again")).json()
    order_id, first = checkout["orderId"], checkout["accessToken"]
    before = await look(stage, order_id, first)

    async with stage.db.transaction() as session:
        number = await vault.replace_token(session, ADMIN, order_id)
        second = await vault.order_token(session, order_id, before=OrderTokens(("x" * 32,)))
        with pytest.raises(NotFound):
            await vault.replace_token(session, ADMIN, UNKNOWN)
    page = await stage.client.get(f"/en/order/{order_id}", params={"token": first})

    assert (200, 2) == (before, number)
    assert (404, 404, 200) == (
        await look(stage, order_id, first),
        page.status_code,
        await look(stage, order_id, second),
    )
    assert second == (await stage.checkout(key="again")).json()["accessToken"]
    noted = await stage.rows("SELECT action, subject, before, after FROM audit_trail")
    assert [("order.revoke_token", order_id, '{"number": 1}', '{"number": 2}')] == noted


async def test_the_database_holds_no_token(stage: Stage):
    """Whoever reads the table opens nothing with it."""
    checkout = (await stage.checkout()).json()

    stored = str(await stage.rows("SELECT t::text FROM order_customers t"))
    (hashed,) = (await stage.rows("SELECT token_hash FROM order_customers"))[0]

    assert checkout["accessToken"] not in stored
    assert 404 == await look(stage, checkout["orderId"], hashed)
