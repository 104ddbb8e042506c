"""A buyer's bank asks for the money back: the order waits for the decision, and follows the money."""

from typing import Any

from tests.payments.history import PAID, end_of, ordered, refund, session_id, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, samples, told

DISPUTED = PAID | {"order": "disputed"}
LOST = PAID | {"order": "refunded", "tickets": {"void": 2}}


async def bought(stage: Stage, inbox: Inbox) -> dict[str, Any]:
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await hear(stage, inbox)
    return checkout


async def hear(stage: Stage, inbox: Inbox) -> None:
    """Take in whatever the gateway has to tell; what is known already is known already."""
    await take_in(stage, inbox, *await told(stage))


async def dispute(stage: Stage, checkout: dict[str, Any], **how: Any) -> str:
    """The buyer goes to the bank; the gateway's name for it."""
    answer = await stage.emulator.post("/_emulator/disputes", json={"session": session_id(checkout), **how})
    answer.raise_for_status()
    return answer.json()["id"]


async def control(stage: Stage, path: str, **body: Any) -> None:
    (await stage.emulator.post(f"/_emulator/disputes/{path}", json=body)).raise_for_status()


async def known(stage: Stage) -> list[tuple[Any, ...]]:
    return await stage.rows("SELECT status, amount_minor, reason FROM disputes ORDER BY id")


async def test_a_dispute_puts_the_order_on_hold(stage: Stage, inbox: Inbox):
    """The bank has the money; until it decides the tickets are good, and we know until when it wants our answer."""
    checkout = await bought(stage, inbox)

    await dispute(stage, checkout)
    await hear(stage, inbox)

    assert DISPUTED == await end_of(stage, checkout["orderId"])
    assert [("needs_response", 49800, "fraudulent")] == await known(stage)
    assert [(True,)] == await stage.rows("SELECT due_at > created_at FROM disputes")
    assert (
        1
        == samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_dispute_moves_total")[
            "open", "moved", "stripe"
        ]
    )
    assert [] == await inbox.broken()


async def test_a_dispute_that_is_won_leaves_no_trace_on_the_order(stage: Stage, inbox: Inbox):
    """Answered, under review, won: paid, as before."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout)
    await hear(stage, inbox)

    await control(stage, f"{ref}/submit")
    await hear(stage, inbox)
    reviewed = await known(stage)
    await control(stage, f"{ref}/close", outcome="won")
    await hear(stage, inbox)

    assert "under_review" == reviewed[0][0]
    assert PAID == await end_of(stage, checkout["orderId"])
    assert [("won", 49800, "fraudulent")] == await known(stage)
    assert [] == await inbox.broken()


async def test_a_dispute_that_is_lost_is_money_that_went_back(stage: Stage, inbox: Inbox):
    """All of it is gone: the order is refunded and nobody gets in; there is no refund of ours."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout)

    await control(stage, f"{ref}/close", outcome="lost")
    await hear(stage, inbox)

    assert LOST == await end_of(stage, checkout["orderId"])
    assert [(49800, False)] == await stage.rows("SELECT returned_minor, disputed FROM payments")
    assert 49800 == (await stage.order(checkout))["refunded"]["minor"]
    assert [] == await inbox.broken()


async def test_a_part_that_is_lost_leaves_the_rest(stage: Stage, inbox: Inbox):
    """Refunded in part, tickets good."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout, amount=10000)

    await control(stage, f"{ref}/close", outcome="lost")
    await hear(stage, inbox)

    assert PAID | {"order": "partially_refunded"} == await end_of(stage, checkout["orderId"])
    assert [] == await inbox.broken()


async def test_an_inquiry_moves_nothing(stage: Stage, inbox: Inbox):
    """The bank only asks: it is written down, and closed; no money has moved."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout, inquiry=True)
    await hear(stage, inbox)
    asked = (await known(stage), await end_of(stage, checkout["orderId"]))

    await control(stage, f"{ref}/close", outcome="won")
    await hear(stage, inbox)

    assert ([("inquiry", 49800, "fraudulent")], PAID) == asked
    assert [("closed", 49800, "fraudulent")] == await known(stage)
    assert PAID == await end_of(stage, checkout["orderId"])
    assert [] == await inbox.broken()


async def test_a_refund_in_part_and_a_dispute_won_leave_what_the_refund_took(stage: Stage, inbox: Inbox):
    """Where the order stands is a sum, not the last event."""
    checkout = await bought(stage, inbox)
    intent = (await stage.rows("SELECT payment_ref FROM payments"))[0][0]
    await refund(stage, intent, 9800)
    ref = await dispute(stage, checkout, amount=40000)
    await hear(stage, inbox)
    disputed = (await end_of(stage, checkout["orderId"]))["order"]

    await control(stage, f"{ref}/close", outcome="won")
    await hear(stage, inbox)

    end = await end_of(stage, checkout["orderId"])
    assert ("disputed", "partially_refunded") == (disputed, end["order"])
    assert {"valid": 2} == end["tickets"]
    assert [] == await inbox.broken()


async def test_a_refund_in_part_and_the_rest_lost_is_all_of_it(stage: Stage, inbox: Inbox):
    """9800 given back by us and 40000 taken by the bank: nothing is left, nobody gets in."""
    checkout = await bought(stage, inbox)
    intent = (await stage.rows("SELECT payment_ref FROM payments"))[0][0]
    await refund(stage, intent, 9800)
    ref = await dispute(stage, checkout, amount=40000)

    await control(stage, f"{ref}/close", outcome="lost")
    await hear(stage, inbox)

    end = await end_of(stage, checkout["orderId"])
    assert ("refunded", {"void": 2}) == (end["order"], end["tickets"])
    assert [] == await inbox.broken()


async def test_a_dispute_about_a_payment_nobody_knows_is_somebody_elses(stage: Stage, inbox: Inbox):
    """Other software on the same account: tried for a good while, then ignored."""
    checkout = await bought(stage, inbox)
    await dispute(stage, checkout)
    event = next(each for each in await told(stage) if each["type"] == "charge.dispute.created")
    foreign = {
        **event,
        "id": "evt_foreign",
        "data": {"object": {**event["data"]["object"], "payment_intent": "pi_other"}},
    }

    await take_in(stage, inbox, foreign)
    await inbox.settle()

    assert ("ignored", "foreign") == (await inbox.states())["evt_foreign"][::3]
    assert [] == await known(stage)
