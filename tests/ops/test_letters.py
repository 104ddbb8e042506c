"""Inbox and outbox over the API: seen, applied again, decided against, and fetched when they never came."""

import json
from typing import get_args

import pytest

from service.access.rules import Permission, Role
from service.inbox.views import InState
from service.kernel.outbox import MessageState
from service.outbox import views as outbox
from service.webhooks.tables import EventState
from tests.ops.conftest import as_role, codes
from tests.stage import WEBHOOK_SECRET

DEAD = "UPDATE payment_events SET state = 'dead', cause = 'a test', ended_at = now(), attempts = 3"


async def inbox(stage, *, events: int = 2) -> list[str]:
    """Paid orders whose events wait in the inbox, dead; the events' ids, newest first."""
    for _ in range(events):
        await stage.pay((await stage.checkout()).json())

    async def arrived():
        rows = await stage.rows("SELECT count(DISTINCT subject) FROM payment_events")
        return rows[0][0] == events

    await stage.until(arrived)
    await stage.rows(DEAD)
    return [row[0] for row in await stage.rows("SELECT event_id FROM payment_events ORDER BY seq DESC")]


async def test_the_inbox_is_read_page_by_page(stage, on_call):
    """Newest first, every event once, whatever is asked for; a strange cursor is refused."""
    known = await inbox(stage)

    seen, cursor = [], None
    while True:
        page = (await on_call.get("inbox", limit=1, **({"cursor": cursor} if cursor else {}))).json()
        seen += [each["eventId"] for each in page["events"]]
        if (cursor := page["cursor"]) is None:
            break

    assert known == seen
    found = (await on_call.get("inbox", state="dead", provider="stripe", limit=200)).json()
    assert known == [each["eventId"] for each in found["events"]]
    subject = found["events"][0]["subject"]
    about = (await on_call.get("inbox", subject=subject)).json()["events"]
    assert {subject} == {each["subject"] for each in about}
    assert [] == (await on_call.get("inbox", type="no.such")).json()["events"]
    assert (400, "invalid_request") == codes(await on_call.get("inbox", cursor="x"))
    assert (400, "invalid_request") == codes(await on_call.get("inbox", state="odd"))


async def test_a_customer_is_shown_only_to_whoever_may_see_orders(stage, on_call):
    """An event's body without `orders:read` has ids, states and amounts, and nothing of a person."""
    await inbox(stage, events=1)
    ((event,),) = await stage.rows("SELECT event_id FROM payment_events WHERE type = 'checkout.session.completed'")
    blind = await as_role(stage, Role.DEVELOPER)

    whole, partly = [(await each.get(f"inbox/{event}")).json() for each in (on_call, blind)]

    assert "ana@example.org" in json.dumps(whole["payload"])
    assert "ana@example.org" not in json.dumps(partly)
    assert "Ana" not in json.dumps(partly)
    assert whole["payload"]["id"] == partly["payload"]["id"] == event
    assert whole["payload"]["data"]["object"].get("amount_total") == partly["payload"]["data"]["object"].get(
        "amount_total"
    )
    assert whole["payload"] == (await on_call.get(f"inbox/{whole['seq']}")).json()["payload"]
    assert 404 == (await on_call.get("inbox/evt_unknown")).status_code


async def test_an_event_is_applied_again_or_decided_against(stage, on_call):
    """Each planned first; the plan counts its order; what is applied already cannot be discarded."""
    first, second, *_ = await inbox(stage)
    planned = (await on_call.post(f"inbox/{first}/replay", dryRun=True)).json()

    done = await on_call.post(f"inbox/{first}/replay", expect=planned["planHash"])
    gone = await on_call.post(f"inbox/{second}/discard", reason="ana@example.org has token=abcdefgh")
    again = await on_call.post(f"inbox/{second}/discard")

    assert (1, 1, [{"minor": 49800, "currency": "USD"}]) == tuple(
        planned["affects"][name] for name in ("orders", "events", "amounts")
    )
    assert {**planned, "dryRun": False} == done.json()
    assert ("discarded", False) == (gone.json()["after"]["state"], again.json()["changes"])
    states = dict(await stage.rows("SELECT event_id, state FROM payment_events"))
    assert ("pending", "discarded") == (states[first], states[second])
    assert ["a***@example.org has token=[redacted]"] == [
        row[0] for row in await stage.rows("SELECT cause FROM payment_events WHERE event_id = :id", id=second)
    ]
    assert [("inbox.replay", first), ("inbox.discard", second)] == await on_call.noted()
    await stage.rows("UPDATE payment_events SET state = 'applied' WHERE event_id = :id", id=first)
    assert (409, "wrong_state") == codes(await on_call.post(f"inbox/{first}/discard"))


async def test_many_events_are_applied_again_at_once(stage, on_call):
    """The oldest of a kind, so many at most, in one act with one entry; an agreement to others is void."""
    known = await inbox(stage)
    planned = (await on_call.post("inbox/replay", provider="stripe", limit=1, dryRun=True)).json()

    done = (await on_call.post("inbox/replay", provider="stripe", limit=1, expect=planned["planHash"])).json()
    other = await on_call.post("inbox/replay", provider="stripe", limit=1, expect=planned["planHash"])
    rest = (await on_call.post("inbox/replay", limit=500)).json()
    none = (await on_call.post("inbox/replay")).json()

    assert [known[-1]] == planned["before"]["events"] == done["before"]["events"]
    assert (409, "plan_changed") == codes(other)
    assert set(known[:-1]) == set(rest["before"]["events"])
    assert not none["changes"]
    assert [("inbox.replay", "inbox")] * 2 == await on_call.noted()
    assert 400 == (await on_call.post("inbox/replay", state="applied")).status_code


async def test_what_never_came_is_fetched(stage, on_call):
    """The gateways' lists are read; a dry run names what is missing, the act writes exactly that, once."""
    nowhere = [{"url": "http://127.0.0.1:9/none", "secret": WEBHOOK_SECRET}]
    (await stage.emulator.put("/_emulator/endpoints", json=nowhere)).raise_for_status()
    await stage.pay((await stage.checkout()).json())
    since = {"provider": "stripe", "since": "2026-01-01T00:00:00Z"}

    planned = (await on_call.post("inbox/sweep", **since, dryRun=True)).json()
    before = await stage.rows("SELECT count(*) FROM payment_events")
    done = await on_call.post("inbox/sweep", **since, expect=planned["planHash"])
    again = (await on_call.post("inbox/sweep", **since)).json()

    assert [(0,)] == before
    assert planned["changes"], planned
    assert 1 == planned["affects"]["orders"]
    assert {**planned, "dryRun": False} == done.json()
    written = await stage.rows("SELECT event_id FROM payment_events")
    assert sorted(planned["after"]["missing"]["stripe"]) == sorted(row[0] for row in written)
    assert not again["changes"]
    assert [("inbox.sweep", "inbox")] == await on_call.noted()
    assert (400, "invalid_request") == codes(await on_call.post("inbox/sweep", provider="manual"))
    assert (400, "invalid_request") == codes(await on_call.post("inbox/sweep", since="2026-01-01T00:00:00"))


def test_the_states_that_can_be_asked_for_are_those_there_are():
    """And any."""
    assert {"any", *EventState} == set(get_args(InState))
    assert {"any", *MessageState} == set(get_args(outbox.InState))


@pytest.fixture
async def message(stage):
    """A message that has used up its tries."""
    order = (await stage.checkout()).json()["orderId"]
    payload = json.dumps({"order_id": order, "to": "ana@example.org"})
    query = """INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at, last_error)
               VALUES ('mail.confirmation', :order, :payload, 'dead', 100, now(), now(), 'refused') RETURNING seq"""
    return (await stage.rows(query, order=order, payload=payload))[0][0]


async def test_a_message_is_delivered_again_or_decided_against(stage, on_call, message):
    """Seen in the list, planned, done once; what is done, or in a worker's hands, is left alone."""
    blind = await as_role(stage, Role.ON_CALL, permissions=frozenset({Permission.OPS_READ}))
    listed = (await on_call.get("outbox", state="dead", kind="mail.confirmation")).json()["messages"]
    hidden = (await blind.get("outbox")).json()["messages"]
    planned = (await on_call.post(f"outbox/{message}/retry", dryRun=True)).json()

    done = (await on_call.post(f"outbox/{message}/retry", expect=planned["planHash"])).json()

    assert [(message, 100, "ana@example.org")] == [
        (each["seq"], each["attempts"], each["payload"]["to"]) for each in listed
    ]
    assert "ana@example.org" not in json.dumps(hidden)
    assert ({**planned, "dryRun": False}, 1) == (done, done["affects"]["orders"])
    assert [("pending", 0)] == await stage.rows("SELECT state, attempts FROM outbox WHERE seq = :seq", seq=message)
    await stage.rows("UPDATE outbox SET leased_until = now() + interval '1 minute' WHERE seq = :seq", seq=message)
    assert (409, "wrong_state") == codes(await on_call.post(f"outbox/{message}/discard"))
    await stage.rows("UPDATE outbox SET leased_until = NULL WHERE seq = :seq", seq=message)
    assert (await on_call.post(f"outbox/{message}/discard")).json()["changes"]
    assert (409, "wrong_state") == codes(await on_call.post(f"outbox/{message}/retry"))
    ((state, error),) = await stage.rows("SELECT state, last_error FROM outbox WHERE seq = :seq", seq=message)
    assert ("done", "discarded by the on_call: a test") == (state, error)
    assert ["outbox.retry", "outbox.discard"] == [action for action, _ in await on_call.noted()]
    assert 404 == (await on_call.post("outbox/999999/retry")).status_code
