"""Every promise notices when it is broken, and no other one cries with it."""

import pytest
import sqlalchemy as sa

from service.kernel.invariants import check
from service.parts import INVARIANTS
from tests.cli.running import cubano_beside, environment, read
from tests.payments.history import ordered, refund, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, told

# What a hand in the database does, with :paid, :open and :refunded as ids of such orders.
TAMPERED = {
    "order-total": "UPDATE order_items SET unit_price_minor = unit_price_minor + 1 WHERE order_id = :paid",
    "order-history": "UPDATE order_history SET to_status = 'expired' WHERE order_id = :paid AND to_status = 'paid'",
    "paid-has-payment": """
        INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at, updated_at)
        SELECT 'pay_2', order_id, provider, status, amount_minor, amount_currency, request, created_at, updated_at
        FROM payments WHERE order_id = :paid""",
    "payment-moves-order": "UPDATE payments SET status = 'succeeded' WHERE order_id = :open",
    "paid-has-tickets": "UPDATE tickets SET status = 'void' WHERE order_id = :paid AND ordinal = 0",
    "ticket-has-payment": "UPDATE tickets SET status = 'valid' WHERE order_id = :refunded AND ordinal = 0",
    "stock-adds-up": "UPDATE stock SET sold = sold + 1 WHERE ticket_type = 'full-pass'",
    "never-oversold": """
        ALTER TABLE stock DROP CONSTRAINT ck_stock_within_capacity;
        UPDATE stock SET capacity = held + sold - 1 WHERE ticket_type = 'full-pass'""",
    "holds-match-orders": """
        UPDATE holds SET state = 'released' WHERE order_id = :open;
        UPDATE stock SET held = held - 2 WHERE ticket_type = 'full-pass'""",
    "refunds-within-payment": "UPDATE refunds SET amount_minor = amount_minor + 1 WHERE order_id = :refunded",
    "refunded-state": "UPDATE refunds SET status = 'failed' WHERE order_id = :refunded",
    "no-event-forgotten": """
        UPDATE payment_events SET state = 'pending', due_at = now() - interval '2 hours'
        WHERE seq = (SELECT min(seq) FROM payment_events)""",
}


@pytest.fixture
async def orders(stage: Stage, inbox: Inbox) -> dict[str, str]:
    """One paid, one open and one refunded order."""
    await deaf(stage)
    paid, refunded, opened = [await ordered(stage) for _ in range(3)]
    await stage.pay(paid)
    await refund(stage, (await stage.pay(refunded))["payment_intent"])
    await take_in(stage, inbox, *await told(stage))
    await inbox.settle()
    return {"paid": paid["orderId"], "open": opened["orderId"], "refunded": refunded["orderId"]}


def test_every_promise_is_tampered_with():
    """A new invariant gets its row above."""
    assert sorted(each.name for each in INVARIANTS) == sorted(TAMPERED)


async def test_each_promise_notices_its_own_breach(stage: Stage, orders):
    """Broken one by one, each in a transaction that is then undone."""
    noticed = {}
    for name, tampering in TAMPERED.items():
        session = stage.db.transaction()
        opened = await session.__aenter__()
        for statement in tampering.split(";"):
            wanted = {key: value for key, value in orders.items() if f":{key}" in statement}
            await opened.execute(sa.text(statement), wanted)
        noticed[name] = [each.invariant.name for each in await check(opened, INVARIANTS) if each.count]
        await opened.rollback()
        await opened.close()

    assert {name: [name] for name in TAMPERED} == noticed


async def test_the_command_says_which_row_and_ends_with_1(stage: Stage, orders):
    """Good data: 0. Tampered data: 1, the promise, the row, and what is wrong with it."""
    env = environment(stage.settings.database_url.get_secret_value())
    good = await cubano_beside(env, "invariants")
    await stage.rows("UPDATE tickets SET status = 'void' WHERE order_id = :id AND ordinal = 0", id=orders["paid"])
    bad = await cubano_beside(env, "invariants")
    as_json = await cubano_beside(env, "invariants", "--json")

    assert (0, 1, 1) == (good.exit_code, bad.exit_code, as_json.exit_code), good.output
    assert "BROKEN" not in good.stdout
    assert orders["paid"] in bad.stdout
    broken = [each for each in read(as_json) if each["violations"]]
    assert [("paid-has-tickets", 1, orders["paid"])] == [
        (each["name"], each["violations"], each["examples"][0]["id"]) for each in broken
    ]
