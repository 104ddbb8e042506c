"""Refunds of which nobody knows whether they are at work, made or refused: never two, and never one that is not counted."""

import pytest

from service.kernel.clock import Dial
from service.settlements.flow import import_new
from tests.approvals.asking import bought, person, usd
from tests.payments.history import take_in
from tests.refunds.sending import REFUND, hours_pass, paid_too_late, really, send_all, send_due, states
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import told

REFUSED = {
    "error": {
        "status": 400,
        "body": {"error": {"type": "invalid_request_error", "code": "charge_already_refunded", "message": "no"}},
    }
}
LOST = {"match": REFUND, "effects": {"reset": "before"}, "times": 1}


@pytest.mark.parametrize("status", [409, 503])
async def test_what_may_be_at_work_is_not_asked_for_under_another_key(stage: Stage, inbox: Inbox, status: int):
    """The refund is old, its first call to arrive is given up, and the repetition meets the lock of it: that one may yet
    be made, and no list shows it, so nothing may be asked for beside it.
    """
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"outage": True}})
    await send_due(inbox)
    await hours_pass(stage, 1)
    await stage.faults(LOST, {"match": REFUND, "effects": {"error": {"status": status}}, "times": 1})

    meanwhile = await send_due(inbox)
    made = await really(stage)
    later = await send_all(inbox)

    assert ([("refund.send", "postponed")], []) == (meanwhile, made)
    assert [("refund.send", "done")] == later
    assert 1 == len(await really(stage))


async def test_a_failure_is_remembered_only_when_the_last_try_is_over(stage: Stage, inbox: Inbox):
    """How long ago the money was owed says nothing: a minute after the last try that one may still be at work."""
    await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"error": {"status": 500, "keep": True}}, "times": 1})
    await stage.rows("UPDATE orders SET created_at = created_at - interval '1 hour'")
    first = await send_due(inbox)
    await stage.rows("UPDATE refunds SET created_at = created_at - interval '1 hour'")
    await stage.rows("UPDATE outbox SET due_at = created_at WHERE kind = 'refund.send'")

    soon = await send_due(inbox)
    made = await really(stage)
    later = await send_all(inbox)

    assert [("refund.return", "done"), ("refund.send", "postponed")] == first
    assert ([("refund.send", "postponed")], []) == (soon, made)
    assert [("refund.send", "done")] == later
    assert 1 == len(await really(stage))


async def test_a_no_to_a_refund_that_was_made_is_no_failure(stage: Stage, inbox: Inbox):
    """The answer was lost, and the next one says that nothing is left to refund: because it was refunded."""
    checkout = await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": {"reset": "after"}})
    await send_due(inbox)
    await stage.faults({"match": REFUND, "effects": REFUSED})

    sent = await send_all(inbox)

    assert [("refund.send", "done")] == sent
    assert [("succeeded", None)] == await states(stage)
    assert [(checkout["total"]["minor"],)] == await stage.rows("SELECT returned_minor FROM payments")
    assert [] == await inbox.broken()


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize("fails_later", [False, True], ids=["it stays", "it comes back"])
async def test_a_refused_refund_that_was_made_counts(stage: Stage, inbox: Inbox, *, fails_later: bool, backwards: bool):
    """A try that was slow at the gateway is done after the refusal of the next: its events tell, in whatever order. What
    the gateway itself has called failed stays so, however late its success is told.
    """
    checkout = await paid_too_late(stage, inbox)
    await stage.faults({"match": REFUND, "effects": REFUSED})
    await send_all(inbox)
    refused = await states(stage)
    await stage.faults()
    request = (await stage.rows("SELECT request FROM refunds"))[0][0]
    slow = await inbox.parts.gateways["stripe"].refund(request, key="the slow one")
    if fails_later:
        (await stage.emulator.post(f"/_emulator/refunds/{slow.ref}/fail", json={})).raise_for_status()

    for event in await told(stage) if not backwards else reversed(await told(stage)):
        await take_in(stage, inbox, event)

    returned = 0 if fails_later else checkout["total"]["minor"]
    assert [("failed", "charge_already_refunded")] == refused
    assert ["failed" if fails_later else "succeeded"] == [state for state, _ in await states(stage)]
    assert [(returned,)] == await stage.rows("SELECT returned_minor FROM payments")
    assert (["late-payment-waits"] if fails_later else []) == await inbox.broken()


async def test_what_is_made_twice_under_one_name_counts_twice(stage: Stage, inbox: Inbox):
    """It must never be; should a gateway do it all the same, the second one is somebody's to look at, and in the books."""
    checkout, ana = await bought(stage, inbox), await person(stage, "ana")
    await ana.ask(checkout, amount=usd(1000))
    await send_all(inbox)
    request = (await stage.rows("SELECT request FROM refunds"))[0][0]
    await inbox.parts.gateways["stripe"].refund(request, key="another key")

    await take_in(stage, inbox, *await told(stage))
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(3600)  # the stand-in's clock runs
    await import_new(inbox.parts.db, inbox.parts.gateways["stripe"])

    made = await stage.rows("SELECT id, status, external FROM refunds ORDER BY external")
    assert [("succeeded", False), ("succeeded", True)] == [tuple(each[1:]) for each in made]
    assert [(2000,)] == await stage.rows("SELECT returned_minor FROM payments")
    assert [("refund_external",)] == await stage.rows("SELECT kind FROM cases WHERE closed_at IS NULL")
    moved = await stage.rows("SELECT subject FROM settlements WHERE kind = 'refund' ORDER BY subject")
    assert sorted((each[0],) for each in made) == moved
    assert [] == await inbox.broken()
