"""Three days later: what time alone does, skipped over or restarted in between; and the same story twice."""

import asyncio

import pytest

from tests.emulator.gateway import eventually, session_of
from tests.emulator.receiver import SECRET
from tests.emulator.test_process import Running

DAY_S = 86_400


async def test_everything_that_waits_has_happened_three_days_later(gateway):
    """Session, bank debit, refund and payout: each event carries the moment it was due, and the list is in order."""
    abandoned = await gateway.open()
    debit = await gateway.open()
    await gateway.pay(debit, None, **{"async": "succeed"})
    outcome = await gateway.paid("4000000000007726")
    await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 1_000})

    await gateway.advance(4 * DAY_S)

    listed = list(reversed((await gateway.api.events.list_async({"limit": 100})).data))
    when = {event.type: event.created for event in listed}
    assert [event.created for event in listed] == sorted(event.created for event in listed)
    assert abandoned.expires_at == when["checkout.session.expired"]
    assert when["checkout.session.async_payment_succeeded"] - debit.created < 60
    assert 0 < when["payout.created"] - abandoned.created < 3 * DAY_S + 3_601
    assert {"refund.updated", "payout.paid", "payout.reconciliation_completed"} <= when.keys()


async def test_an_idempotency_key_is_forgotten_after_a_day(gateway):
    """An hour before, it still replays."""
    first = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})
    await gateway.advance(DAY_S - 3_600)
    replayed = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})

    await gateway.advance(7_200)

    other = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})
    assert first.id == replayed.id != other.id


async def told(gateway, receiver, seed):
    """Which deliveries a seeded script lets through, and how often; by the place of their event in the story."""
    await gateway.http.post("/_emulator/reset")
    receiver.got.clear()
    await gateway.arm(
        {"match": {"event_type": "charge.*"}, "effects": {"drop": True}, "probability": 0.4},
        {"match": {"event_type": "payment_intent.*"}, "effects": {"duplicate": 2}, "probability": 0.5},
        {"match": {"event_type": "checkout.*"}, "effects": {"reorder": 3}},
        {"effects": {"bad_signature": True}, "match": {"event_type": "payment_intent.created"}, "probability": 0.3},
        seed=seed,
    )

    async def quiet():
        return "pending" not in {row["state"] for row in await gateway.deliveries()}

    for _ in range(2):
        for _ in range(3):  # as many as are let go out of order
            await gateway.paid()
        await eventually(quiet)
    events = [event.id for event in reversed((await gateway.api.events.list_async({"limit": 100})).data)]
    planned = [(events.index(row["event"]), row["type"], row["state"]) for row in await gateway.deliveries()]
    forged = sum(not got.verified for got in receiver.got)
    completed = [
        events.index(got.event["id"]) for got in receiver.got if got.event["type"] == "checkout.session.completed"
    ]
    return planned, forged, completed


async def test_the_same_seed_delivers_the_same_story(gateway, receiver):
    """Dropped, doubled, shuffled and forged alike; another seed tells another one."""
    first = await told(gateway, receiver, 11)
    again = await told(gateway, receiver, 11)
    other = await told(gateway, receiver, 12)

    assert first == again != other
    assert sorted(first[2]) != first[2]
    assert {"delivered", "dropped"} == {state for _, _, state in first[0]}


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_disputes_refunds_and_payouts_go_on_after_a_restart(tmp_path, shapes, end):
    """Asked to end or killed with all of them open: the next life answers, pays and lets lapse as if nothing was."""
    running = Running(shapes, "--state", str(tmp_path / "state.jsonl"), "--settle-ms", "60000")
    async with running as gateway:
        silent, answered = await gateway.paid(), await gateway.paid("4000000000000077")
        for paid in (silent, answered):
            await gateway.http.post("/_emulator/disputes", json={"charge": paid["charge"], "amount": 1_000})
        [second, first] = (await gateway.api.disputes.list_async()).data
        await gateway.api.disputes.update_async(second.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
        [flying] = (await gateway.http.post("/_emulator/payouts")).json()["payouts"]
        await gateway.http.put("/_emulator/funding", json={"bank_debit": False})
        other = await gateway.paid()
        waiting = await gateway.api.refunds.create_async({"charge": other["charge"], "amount": 500})
        before = await gateway.truth()
        await asyncio.to_thread(getattr(running.process, end))

    async with running as gateway:
        restored = await gateway.truth()
        await gateway.advance(10 * DAY_S)
        api = gateway.api
        states = [(await api.disputes.retrieve_async(one.id)).status for one in (first, second)]
        refund = await api.refunds.retrieve_async(waiting.id)
        payouts = (await api.payouts.list_async()).data
        again = await api.payouts.retrieve_async(flying["id"])

    assert before == restored
    assert ["lost", "won"] == states
    assert ("succeeded", "paid") == (refund.status, again.status)
    assert {"paid"} == {payout.status for payout in payouts}
    assert len(payouts) > 1


async def test_a_reset_forgets_all_of_it(gateway, receiver):
    """No dispute, no payout day, no waiting refund, no switch is left to act later."""
    outcome = await gateway.paid()
    await gateway.http.put("/_emulator/funding", json={"bank_debit": False})
    await gateway.api.refunds.create_async({"charge": outcome["charge"]})
    await gateway.http.post("/_emulator/disputes", json={"charge": (await gateway.paid())["charge"]})

    await gateway.http.post("/_emulator/reset")
    await gateway.listen((receiver.url, SECRET))
    await gateway.advance(20 * DAY_S)

    refund = await gateway.api.refunds.create_async({"charge": (await gateway.paid())["charge"]})
    assert "succeeded" == refund.status
    assert [] == (await gateway.api.disputes.list_async()).data
    assert [] == (await gateway.api.payouts.list_async()).data
    assert "payment_intent.created" == (await gateway.event_types())[0]
