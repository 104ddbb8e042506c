"""`cubano invariants` on good data and on tampered data; that each promise notices its breach is in tests/kernel."""

import pytest

from tests.cli.running import cubano_beside, environment, read
from tests.payments.history import ordered, refund, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, told


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
