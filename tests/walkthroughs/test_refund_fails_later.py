"""A refund looked done, and days later the bank sends it back; meanwhile the seat may be somebody else's."""

import pytest

from tests.approvals.asking import bought, person
from tests.stage import Stage
from tests.walkthroughs.scene import PASS, Scene, hear, look, passes
from tests.webhooks.applying import Inbox

ONE = [{"ticketType": "full-pass", "quantity": 1}]
BACK = {"confirmation": 1, "refund_made": 1}
FAILED = BACK | {"refund_failed_later": 1}


@pytest.mark.parametrize("resold", [False, True], ids=["the seat is free", "the seat is sold"])
async def test_the_money_and_the_seat_come_back_as_far_as_they_can(stage: Stage, inbox: Inbox, *, resold: bool):
    """Books as if the refund had never been, a letter, a case; the ticket is good again only where there is a seat."""
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")
    await ana.ask(checkout, items=ONE)
    await hear(stage, inbox)
    given_back = await look(stage, inbox, checkout)
    if resold:
        await stage.rows("UPDATE stock SET capacity = sold + held WHERE ticket_type = 'full-pass'")

    ref = (await stage.rows("SELECT refund_ref FROM refunds"))[0][0]
    (await stage.emulator.post(f"/_emulator/refunds/{ref}/fail", json={"reason": "declined"})).raise_for_status()
    await hear(stage, inbox)
    failed = await look(stage, inbox, checkout)
    await ana.ask(checkout, items=ONE)
    await hear(stage, inbox)
    again = await look(stage, inbox, checkout)

    one_back, whole = await passes(stage, sold=2, back=1), await passes(stage, sold=2)
    half = {"valid": 1, "void": 1}
    assert Scene("partially_refunded", half, 1, BACK, [], one_back) == given_back
    if resold:
        assert Scene("paid", half, 1, FAILED, ["refund_failed", "seat_gone"], whole) == failed
    else:
        assert Scene("paid", {"valid": 2}, 2, FAILED, ["refund_failed"], whole) == failed
    assert Scene("partially_refunded", half, 1, FAILED | {"refund_made": 2}, [], one_back) == again
    assert [("failed", PASS), ("succeeded", PASS)] == await stage.rows(
        "SELECT status, amount_minor FROM refunds ORDER BY id"
    )


async def test_kept_seats_are_not_sold_again(stage: Stage, inbox: Inbox):
    """The operators' switch: the ticket is void and its seat stays empty; when it comes back the ticket is good."""
    await stage.rows(
        "INSERT INTO controls (name, position, reason, set_by, set_at) VALUES ('returned_seats', 'keep', 'x', 'x', now())"
    )
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")

    await ana.ask(checkout, items=ONE)
    await hear(stage, inbox)
    kept = await look(stage, inbox, checkout)
    ref = (await stage.rows("SELECT refund_ref FROM refunds"))[0][0]
    (await stage.emulator.post(f"/_emulator/refunds/{ref}/fail", json={"reason": "declined"})).raise_for_status()
    await hear(stage, inbox)
    failed = await look(stage, inbox, checkout)

    assert ({"valid": 1, "void": 1}, 2) == (kept.tickets, kept.sold)
    assert ({"valid": 2}, 2, ["refund_failed"]) == (failed.tickets, failed.sold, failed.cases)
