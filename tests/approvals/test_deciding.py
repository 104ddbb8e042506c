"""Above their limit nobody gives money back alone: a second person decides, once, and before it is too late."""

import asyncio
import json
from dataclasses import replace

import pytest

from service.access.rules import Role, system
from service.approvals.flow import approve, expire_undecided
from service.kernel.clock import Dial
from service.kernel.refusals import OwnRequest
from tests.access.giving import bearer, give, replace_key
from tests.approvals.asking import PASS, Person, bought, person, problem, usd
from tests.payments.history import refund, session_id, take_in
from tests.refunds.sending import really, send_all, states
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import told


async def test_small_requests_add_up_to_a_large_one(stage: Stage, inbox: Inbox):
    """What the same client has asked for of the order counts, also by its next key; another order and client do not."""
    checkout = await bought(stage, inbox, quantity=4)
    ana, ben = await person(stage, "ana"), await person(stage, "ben")

    first = await ana.ask(checkout, amount=usd(20000))
    second = await ana.ask(checkout, amount=usd(10000))
    rotated = Person(stage, bearer(await replace_key(stage.db, "ana")))
    third = await rotated.ask(checkout, amount=usd(1), key="third")
    other = await ben.ask(checkout, amount=usd(30000))

    assert [201, 201, 202, 201] == [each.status_code for each in (first, second, third, other)]
    assert "awaiting_approval" == third.json()["status"]
    again = await rotated.ask(checkout, amount=usd(1), key="third")
    assert (202, third.json()) == (again.status_code, again.json())


async def test_another_person_approves_and_only_then_it_is_sent(stage: Stage, inbox: Inbox):
    """Not who asked, by whatever key; two who approve at once are one approval, and a rejection comes too late."""
    checkout = await bought(stage, inbox, 8, party_pass=1)  # more than anybody gives back alone
    ana, ben = await person(stage, "ana", Role.ADMIN), await person(stage, "ben", Role.FINANCE)
    cleo = await person(stage, "cleo", Role.FINANCE)
    asked = await cleo.ask(checkout)
    refund_id = asked.json()["refundId"]
    waiting = await send_all(inbox), await really(stage)

    alone = await cleo.decide(refund_id, "approve")
    by_new_key = await Person(stage, bearer(await replace_key(stage.db, "cleo"))).decide(refund_id, "approve")
    listed = (await ben.get("refunds?status=awaiting_approval")).json()
    answers = await asyncio.gather(*(each.decide(refund_id, "approve", note="Seen.") for each in (ana, ben)))
    rejected = await ben.decide(refund_id, "reject", note="Too late.")
    sent = await send_all(inbox)

    assert (202, ([], [])) == (asked.status_code, waiting)
    assert (403, "own_request") == problem(alone) == problem(by_new_key)
    assert [refund_id] == [each["refundId"] for each in listed["refunds"]]
    assert [200, 200] == [each.status_code for each in answers]
    assert ["already", "approved"] == sorted(each.json()["outcome"] for each in answers)
    assert (409, "wrong_state") == problem(rejected)
    assert [("refund.send", "done")] == sent
    detail = (await ben.get(f"refund/{refund_id}")).json()
    assert ("succeeded", "Seen.", "cleo") == (detail["status"], detail["decisionNote"], detail["requestedBy"]["name"])
    assert detail["decidedBy"]["name"] in {"ana", "ben"}
    assert [] == await inbox.broken()


async def test_one_person_with_two_keys_and_a_session_has_two_eyes(stage: Stage, inbox: Inbox):
    """Whatever the clients are called; their limit is one, too. What is not above it needs no second person."""
    checkout, ana = await bought(stage, inbox, 8, party_pass=1), await person(stage, "ana", Role.FINANCE)
    member = (await stage.rows("SELECT id FROM staff_members"))[0][0]
    shop = Person(stage, bearer(await give(stage.db, "shop", Role.ADMIN, owner=member)))
    small, rest = await shop.ask(checkout, amount=usd(150000)), await ana.ask(checkout)
    session = replace(system("test"), kind="staff", id=member, name="Ana Pérez")

    by_key = await shop.decide(rest.json()["refundId"], "approve")
    with pytest.raises(OwnRequest):
        await approve(stage.db, session, rest.json()["refundId"], None)

    assert (201, 202, (403, "own_request")) == (small.status_code, rest.status_code, problem(by_key))
    assert [] == await inbox.broken()


async def test_a_key_that_is_nobodys_takes_no_part_in_what_two_decide(stage: Stage, inbox: Inbox):
    """It refunds up to its limit, and neither asks for more nor approves; what it asked for before is nobody's either."""
    checkout = await bought(stage, inbox, 3)
    ana, ben = await person(stage, "ana"), await person(stage, "ben", Role.FINANCE)
    shop = Person(stage, bearer(await give(stage.db, "shop", Role.SUPPORT)))
    bank = Person(stage, bearer(await give(stage.db, "bank", Role.FINANCE)))
    small, large = await shop.ask(checkout, amount=usd(100)), await shop.ask(checkout, amount=usd(40000))
    waiting = (await ana.ask(checkout, amount=usd(40000))).json()["refundId"]

    by_nobody = await bank.decide(waiting, "approve")
    await stage.rows("UPDATE api_clients SET owner_id = NULL WHERE name = 'ana'")
    of_nobody = await ben.decide(waiting, "approve")
    rejected = await bank.decide(waiting, "reject", note="Nobody's.")

    assert (201, 200) == (small.status_code, rejected.status_code)
    assert {(403, "key_without_owner")} == {problem(each) for each in (large, by_nobody, of_nobody)}
    assert "nobody answers for the API key" in by_nobody.json()["detail"]


async def test_a_rejected_refund_frees_what_it_held(stage: Stage, inbox: Inbox):
    """The reason stays with it; deciding again says so, and somebody may ask for the money anew."""
    checkout = await bought(stage, inbox)
    ana, ben = await person(stage, "ana"), await person(stage, "ben", Role.FINANCE)
    refund_id = (await ana.ask(checkout)).json()["refundId"]
    held = await ben.ask(checkout)

    silent = await ben.decide(refund_id, "reject")
    answers = [await ben.decide(refund_id, "reject", note="Talk to them first.") for _ in range(2)]
    late = await ben.decide(refund_id, "approve")
    anew = await ben.ask(checkout)

    assert [(409, "nothing_left"), (400, "invalid_request")] == [problem(held), problem(silent)]
    assert ["rejected", "already"] == [each.json()["outcome"] for each in answers]
    assert (409, "wrong_state") == problem(late)
    assert 201 == anew.status_code
    assert [("canceled", "rejected"), ("requested", None)] == await states(stage)
    trail = await stage.rows("SELECT action, before, after FROM audit_trail WHERE action = 'refund.cancel'")
    assert ["awaiting_approval", "canceled"] == [json.loads(each)["status"] for each in trail[0][1:]]


async def test_a_refund_that_has_lost_its_room_is_canceled_at_its_approval(stage: Stage, inbox: Inbox):
    """Somebody refunded in the dashboard, or the bank took the money: it is told, written down, and not sent."""
    gone, disputed = await bought(stage, inbox), await bought(stage, inbox)
    ana, ben = await person(stage, "ana"), await person(stage, "ben", Role.FINANCE)
    first, second = [(await ana.ask(each, amount=usd(40000))).json()["refundId"] for each in (gone, disputed)]
    intent = (await stage.rows("SELECT payment_ref FROM payments WHERE order_id = :id", id=gone["orderId"]))[0][0]
    await refund(stage, intent, 2 * PASS - 39999)
    (await stage.emulator.post("/_emulator/disputes", json={"session": session_id(disputed)})).raise_for_status()
    await take_in(stage, inbox, *await told(stage))

    answers = [await ben.decide(each, "approve") for each in (first, second)]

    assert [(409, "amount_above_left"), (409, "dispute_running")] == [problem(each) for each in answers]
    assert usd(39999) == answers[0].json()["left"]
    found = [(await ben.get(f"refund/{each}")).json() for each in (first, second)]
    assert [("canceled", "no_room"), ("canceled", "dispute_running")] == [
        (each["status"], each["failureReason"]) for each in found
    ]
    assert [] == await send_all(inbox)
    assert [] == await inbox.broken()


async def test_a_refund_is_not_sent_into_a_dispute_that_has_begun_since(stage: Stage, inbox: Inbox):
    """The gateway is not even asked; a person sees that it has failed and why. It was approved, and that stays so."""
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")
    ben = await person(stage, "ben", Role.FINANCE)
    refund_id = (await ana.ask(checkout, amount=usd(40000))).json()["refundId"]
    approved = await ben.decide(refund_id, "approve")
    (await stage.emulator.post("/_emulator/disputes", json={"session": session_id(checkout)})).raise_for_status()
    await take_in(stage, inbox, *await told(stage))

    sent = await send_all(inbox)
    again, rejected = await ben.decide(refund_id, "approve"), await ben.decide(refund_id, "reject", note="No.")

    assert (200, [("refund.send", "parked")]) == (approved.status_code, sent)
    assert ("already", (409, "wrong_state")) == (again.json().get("outcome"), problem(rejected))
    assert ([("failed", "dispute_running")], []) == (await states(stage), await really(stage))
    assert [("refund_refused",)] == await stage.rows("SELECT kind FROM cases WHERE kind LIKE 'refund%'")
    assert [] == await inbox.broken()


async def test_what_nobody_decides_on_is_canceled_after_a_week(stage: Stage, inbox: Inbox):
    """Not a moment earlier."""
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")
    await ana.ask(checkout)
    assert isinstance(stage.clock, Dial)
    counts = []

    for days in (6, 1):
        stage.clock.advance(days * 86400)
        counts.append(await expire_undecided(inbox.parts.db, limit=10))

    assert [False, True] == counts
    assert [("canceled", "expired")] == await states(stage)
    assert [] == await inbox.broken()
