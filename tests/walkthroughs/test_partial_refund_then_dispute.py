"""One of two tickets goes back; then the buyer's bank asks for the other one's money, and decides."""

import pytest

from tests.approvals.asking import bought, person, problem
from tests.stage import Stage
from tests.walkthroughs.scene import PASS, Scene, hear, look, open_cases, passes
from tests.webhooks.applying import Inbox

ONE = [{"ticketType": "full-pass", "quantity": 1}]
LETTERS = {"confirmation": 1, "refund_made": 1}


@pytest.mark.parametrize("end", ["won", "lost"])
async def test_the_money_is_in_one_place_at_a_time(stage: Stage, inbox: Inbox, end: str):
    """Refunded, held, and then ours again or gone; tickets, seats and books follow, and no refund runs into it."""
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")
    paid = await look(stage, inbox, checkout)

    await ana.ask(checkout, items=ONE, reason="ticket_returned")
    await hear(stage, inbox)
    refunded = await look(stage, inbox, checkout)
    session = (await stage.rows("SELECT checkout_ref FROM payments"))[0][0]
    opened = await stage.emulator.post("/_emulator/disputes", json={"session": session, "amount": PASS})
    await hear(stage, inbox)
    disputed, due = await look(stage, inbox, checkout), (await open_cases(stage))[0].due_at
    refused = await ana.ask(checkout)
    (
        await stage.emulator.post(f"/_emulator/disputes/{opened.json()['id']}/close", json={"outcome": end})
    ).raise_for_status()
    await hear(stage, inbox)
    over = await look(stage, inbox, checkout)

    one_back = await passes(stage, sold=2, back=1)
    held = await passes(stage, sold=2, back=1, clearing=0) | {"disputes:held": PASS}
    lost = await passes(stage, sold=2, back=1, clearing=0) | {"disputes:lost": PASS}
    half = {"valid": 1, "void": 1}
    assert Scene("paid", {"valid": 2}, 2, {"confirmation": 1}, [], await passes(stage, sold=2)) == paid
    assert Scene("partially_refunded", half, 1, LETTERS, [], one_back) == refunded
    assert Scene("disputed", half, 1, LETTERS, ["dispute_opened"], held) == disputed
    assert [(due,)] == await stage.rows("SELECT due_at FROM disputes")
    assert (409, "dispute_running") == problem(refused)
    if end == "won":
        assert refunded == over
    else:
        assert Scene("refunded", {"void": 2}, 0, LETTERS, [], lost) == over
