"""`POST /api/payment/refund`: what may be asked for, and that no way of asking gives back more than came."""

import asyncio

import pytest

from service.access.rules import Role
from tests.approvals.asking import PASS, bought, person, problem, usd
from tests.payments.history import end_of, session_id, take_in
from tests.refunds.sending import really, send_all, states
from tests.stage import Stage, buyer
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deliver, told

WRONG = [
    ({"reason": "because"}, "reason", "unknown_reason"),
    ({"reason": None}, "reason", "unknown_reason"),
    ({"amount": 500}, "amount", "not_an_object"),
    ({"amount": {"minor": 0, "currency": "USD"}}, "amount.minor", "out_of_range"),
    ({"amount": {"minor": 1.5, "currency": "USD"}}, "amount.minor", "not_an_integer"),
    ({"amount": {"minor": True, "currency": "USD"}}, "amount.minor", "not_an_integer"),
    ({"amount": {"minor": 10**30, "currency": "USD"}}, "amount.minor", "out_of_range"),
    ({"amount": {"minor": 5, "currency": "usd"}}, "amount.currency", "unknown_currency"),
    ({"amount": {"minor": 5, "currency": []}}, "amount.currency", "unknown_currency"),
    ({"amount": {"minor": 5, "currency": "EUR"}}, "amount.currency", "other_currency"),
    ({"amount": {"minor": 5, "currency": "USD", "tip": 1}}, "amount.tip", "unknown_field"),
    ({"items": []}, "items", "required"),
    ({"items": [{"ticketType": "full-pass", "quantity": 0}]}, "items[0].quantity", "out_of_range"),
    ({"items": [{"ticketType": "party-pass", "quantity": 1}]}, "items[0].ticketType", "not_in_order"),
    ({"items": [{"ticketType": "full-pass", "quantity": 1}] * 2}, "items[1].ticketType", "duplicate"),
    ({"items": [{"ticketType": "full-pass", "quantity": 1}], "amount": usd(5)}, "items", "amount_or_items"),
    ({"note": "a\x00b"}, "note", "invalid"),
    ({"note": "x" * 501}, "note", "invalid"),
    ({"orderId": 7}, "orderId", "required"),
    ({"paymentId": "pay_1"}, "paymentId", "unknown_field"),
]


async def test_an_order_is_named_by_the_number_on_its_tickets(stage: Stage, inbox: Inbox):
    """Which is what a customer reads to support: for the look-up, the refund and the history, in either case of letters."""
    checkout, ana = await bought(stage, inbox), await person(stage, "desk", Role.FINANCE)
    number = checkout["orderNumber"]

    order = await ana.get(f"order/{number.lower()}")
    refund = await ana.ask(checkout, orderId=number, amount=usd(1000))
    history = await ana.get(f"transaction-history?orderId={number}&type=refund")
    nobody = await ana.get("order/ALC-0000-0000")

    assert (200, checkout["orderId"]) == (order.status_code, order.json()["orderId"])
    assert 201 == refund.status_code
    assert [(refund.json()["refundId"], checkout["orderId"])] == [
        (each["transactionId"], each["orderId"]) for each in history.json()["transactions"]
    ]
    assert 404 == nobody.status_code
    assert 404 == (await stage.client.get(f"order/{number}?token={checkout['accessToken']}")).status_code


async def test_money_goes_back_in_parts_by_ticket_and_whole(stage: Stage, inbox: Inbox):
    """Some money, one ticket, the rest: each its own refund, each only once, and then nothing is left."""
    checkout, ana = await bought(stage, inbox), await person(stage, "desk", Role.FINANCE)

    some = await ana.ask(checkout, amount=usd(1000), reason="goodwill", note="A long queue.", key="k-1")
    again = await ana.ask(checkout, amount=usd(1000), reason="goodwill", note="A long queue.", key="k-1")
    other = await ana.ask(checkout, amount=usd(1001), reason="goodwill", key="k-1")
    ticket = await ana.ask(checkout, items=[{"ticketType": "full-pass", "quantity": 1}], reason="ticket_returned")
    ticket_again = await ana.ask(checkout, items=[{"ticketType": "full-pass", "quantity": 2}])
    too_much = await ana.ask(checkout, amount=usd(2 * PASS))
    rest = await ana.ask(checkout)
    nothing = await ana.ask(checkout, amount=usd(1))
    await send_all(inbox)
    await take_in(stage, inbox, *await told(stage))

    assert (201, {"refundId", "status"}) == (some.status_code, set(some.json()))
    assert (some.status_code, some.json()) == (again.status_code, again.json())
    assert [(422, "idempotency_key_reused"), (409, "nothing_left")] == [problem(other), problem(nothing)]
    assert (409, "amount_above_left") == problem(ticket_again) == problem(too_much)
    assert ("full-pass", 1) == (ticket_again.json()["ticketType"], ticket_again.json()["ticketsLeft"])
    assert usd(PASS - 1000) == too_much.json()["left"]
    assert [201, 201] == [ticket.status_code, rest.status_code]
    assert sorted([("succeeded", 1000), ("succeeded", PASS), ("succeeded", PASS - 1000)]) == sorted(await really(stage))
    end = await end_of(stage, checkout["orderId"])
    assert ("refunded", {"void": 2}) == (end["order"], end["tickets"])
    trail = await stage.rows("SELECT action, actor_name FROM audit_trail WHERE action LIKE 'refund.%'")
    assert [("refund.request", "desk")] * 3 == trail
    assert [] == await inbox.broken()


async def test_each_wrong_field_is_named(stage: Stage, inbox: Inbox):
    """And nothing is written."""
    checkout, ana = await bought(stage, inbox), await person(stage, "desk")

    for wish, field, code in WRONG:
        answer = await ana.ask(checkout, **wish)
        told_of = [(each["field"], each["code"]) for each in answer.json().get("errors", [])]
        assert (400, [(field, code)]) == (answer.status_code, told_of), wish

    assert [] == await stage.rows("SELECT 1 FROM refunds")


async def test_what_cannot_be_refunded_says_why(stage: Stage, inbox: Inbox):
    """Unknown, unpaid, without a key, in dispute: a problem of its own each, and 404 is the same for what never was."""
    ana, checkout = await person(stage, "desk"), await bought(stage, inbox)
    open_one = (await stage.checkout(buyer())).json()
    answers = {
        "unknown": problem(await ana.ask({"orderId": "ord_01m839ehkag8bczkrreetbs5c4"})),
        "no id": problem(await ana.ask({"orderId": "x\x00y"})),
        "unpaid": problem(await ana.ask(open_one)),
        "no key": problem(await ana.ask(checkout, key="")),
        "no such refund": problem(await ana.get("refund/rfd_01m839ehkag8bczkrreetbs5c4")),
        "no such state": problem(await ana.get("refunds?status=lost")),
    }
    (await stage.emulator.post("/_emulator/disputes", json={"session": session_id(checkout)})).raise_for_status()
    await take_in(stage, inbox, *await told(stage))

    assert {
        "unknown": (404, "not_found"),
        "no id": (404, "not_found"),
        "unpaid": (409, "not_paid"),
        "no key": (400, "idempotency_key_missing"),
        "no such refund": (404, "not_found"),
        "no such state": (400, "invalid_request"),
    } == answers
    assert (409, "dispute_running") == problem(await ana.ask(checkout))
    assert [] == await stage.rows("SELECT 1 FROM refunds")


@pytest.mark.parametrize("key", [None, "one-key"], ids=["many keys", "one key"])
async def test_many_at_once_never_ask_for_more_than_there_is(stage: Stage, inbox: Inbox, key: str | None):
    """Eight requests for a third of the money: three are taken; with one key they are one."""
    checkout, ana = await bought(stage, inbox), await person(stage, "desk", Role.ADMIN)

    answers = await asyncio.gather(*(ana.ask(checkout, amount=usd(16600), key=key) for _ in range(8)))

    codes = [each.status_code for each in answers]
    if key:
        assert [201] * 8 == codes
        assert 1 == len({each.json()["refundId"] for each in answers})
    else:
        assert (3, 5) == (codes.count(201), codes.count(409))
        assert {"amount_above_left", "nothing_left"} >= {
            each.json()["code"] for each in answers if each.status_code == 409
        }


async def test_a_refund_and_a_dispute_at_the_same_moment(stage: Stage, inbox: Inbox):
    """One of them comes first: either there is no refund, or it was asked for before anybody knew; never both unseen."""
    checkout, ana = await bought(stage, inbox), await person(stage, "desk", Role.FINANCE)
    (await stage.emulator.post("/_emulator/disputes", json={"session": session_id(checkout)})).raise_for_status()
    for event in await told(stage):
        (await deliver(stage, event)).raise_for_status()

    answer, _ = await asyncio.gather(ana.ask(checkout), inbox.apply())
    await send_all(inbox)

    assert answer.status_code in {201, 409}
    end = await end_of(stage, checkout["orderId"])
    assert "disputed" == end["order"]
    assert [("failed", "dispute_running")] * (answer.status_code == 201) == await states(stage)
    assert [] == await really(stage)
    assert [] == await inbox.broken()
