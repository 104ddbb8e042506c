"""Refunds that wait, come back days later, are called off, or are made by somebody else."""

import pytest
import stripe

from tests.emulator.gateway import eventually

DAY_S = 86_400
AT_ONCE = "4000000000000077"


async def lever(gateway, refund_id, name, **body):
    return await gateway.http.post(f"/_emulator/refunds/{refund_id}/{name}", json=body or None)


async def fund(gateway, *, bank_debit):
    (await gateway.http.put("/_emulator/funding", json={"bank_debit": bank_debit})).raise_for_status()


@pytest.fixture
async def waiting(gateway):
    """A refund of a charge whose money is not available yet."""
    outcome = await gateway.paid()
    await fund(gateway, bank_debit=False)
    return await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 10_000})


async def test_a_refund_without_money_waits(gateway, waiting):
    """Nothing has moved, but the charge counts it: no second one can be asked for."""
    charge = await gateway.api.charges.retrieve_async(waiting.charge)

    assert ("pending", "insufficient_funds", None) == (
        waiting.status,
        waiting.pending_reason,
        waiting.balance_transaction,
    )
    assert 10_000 == charge.amount_refunded


async def test_a_waiting_refund_goes_out_when_there_is_money(gateway, waiting):
    """Three days later, before the day's payout takes the rest."""
    await gateway.advance(4 * DAY_S)

    after = await gateway.api.refunds.retrieve_async(waiting.id, {"expand": ["balance_transaction"]})
    [payout] = (await gateway.api.payouts.list_async()).data
    assert ("succeeded", -10_000) == (after.status, after.balance_transaction.amount)
    assert after.balance_transaction.created < payout.created
    assert "pending_reason" not in after.to_dict()


async def test_what_is_available_is_enough(gateway):
    """Money that is there needs no bank."""
    outcome = await gateway.paid(AT_ONCE)
    await fund(gateway, bank_debit=False)

    made = await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 10_000})

    assert "succeeded" == made.status


async def test_the_bank_may_step_in(gateway, waiting):
    """Switched on again, what waits goes out, told by both events."""
    await fund(gateway, bank_debit=True)

    assert "succeeded" == (await gateway.api.refunds.retrieve_async(waiting.id)).status
    assert ["refund.updated", "charge.refund.updated"] == (await gateway.event_types())[-2:]


async def test_waiting_refunds_can_be_settled(gateway, waiting):
    """At once, once; the buyer's bank then has a reference."""
    settled = await lever(gateway, waiting.id, "settle")
    again = await lever(gateway, waiting.id, "settle")

    assert "succeeded" == settled.json()["status"]
    assert "available" == settled.json()["destination_details"]["card"]["reference_status"]
    assert settled.json()["balance_transaction"] is not None
    assert 409 == again.status_code


async def test_a_failed_refund_that_never_left_moves_nothing(gateway, waiting):
    """No movement out, so none back."""
    failed = await lever(gateway, waiting.id, "fail", reason="insufficient_funds")

    listed = await gateway.api.balance_transactions.list_async()
    assert ("failed", "insufficient_funds") == (failed.json()["status"], failed.json()["failure_reason"])
    assert "failure_balance_transaction" not in failed.json()
    assert ["charge"] == [one.type for one in listed.data]


async def test_a_refund_fails_days_after_it_succeeded(gateway):
    """The money is back with its own movement, the charge may be refunded again, both events tell."""
    outcome = await gateway.paid()
    made = await gateway.api.refunds.create_async({"charge": outcome["charge"]})
    await gateway.advance(5 * DAY_S)

    failed = await lever(gateway, made.id, "fail", reason="lost_or_stolen_card")

    back = await gateway.api.balance_transactions.retrieve_async(failed.json()["failure_balance_transaction"])
    charge = await gateway.api.charges.retrieve_async(outcome["charge"])
    assert ("refund_failure", 41_500, made.id) == (back.reporting_category, back.amount, back.source)
    assert (0, False) == (charge.amount_refunded, charge.refunded)
    assert ["refund.updated", "charge.refund.updated", "refund.failed"] == (await gateway.event_types())[-3:]


async def test_card_7726_settles_three_days_later_by_the_clock(gateway):
    """Time that is skipped settles it at its own moment."""
    outcome = await gateway.paid("4000000000007726")
    made = await gateway.api.refunds.create_async({"charge": outcome["charge"]})

    await gateway.advance(3 * DAY_S)

    [updated] = (await gateway.api.events.list_async({"type": "refund.updated"})).data
    assert ("pending", "succeeded") == (made.status, updated.data.object.status)
    assert updated.created - made.created < 60


async def test_a_pending_refund_can_be_called_off(gateway, waiting):
    """The charge is whole again; a second try and a finished one are refused."""
    canceled = await gateway.api.refunds.cancel_async(waiting.id)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        await gateway.api.refunds.cancel_async(waiting.id)
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await gateway.api.refunds.cancel_async("re_none")
    charge = await gateway.api.charges.retrieve_async(waiting.charge)
    assert ("canceled", "merchant_request") == (canceled.status, canceled.failure_reason)
    assert 0 == charge.amount_refunded
    assert 404 == unknown.value.http_status
    await gateway.advance(4 * DAY_S)
    assert "canceled" == (await gateway.api.refunds.retrieve_async(waiting.id)).status


async def test_a_person_may_refund_on_the_dashboard(gateway):
    """Found by the session, without our metadata and without a request of ours; too much is refused."""
    session = await gateway.open()
    await gateway.pay(session)

    made = await gateway.http.post("/_emulator/external-refunds", json={"session": session.id, "amount": 1_500})
    too_much = await gateway.http.post("/_emulator/external-refunds", json={"session": session.id, "amount": 41_500})
    unknown = await gateway.http.post("/_emulator/external-refunds", json={"charge": "ch_none"})

    found = await gateway.api.refunds.retrieve_async(made.json()["id"])
    [event] = (await gateway.api.events.list_async({"type": "refund.created"})).data
    assert (1_500, {}, "requested_by_customer") == (found.amount, found.metadata.to_dict(), found.reason)
    assert (None, None) == (event.request.id, event.request.idempotency_key)
    assert (409, 404) == (too_much.status_code, unknown.status_code)


async def test_refunds_are_found_by_their_payment(gateway):
    """What a janitor asks when it does not know whether its request arrived."""
    mine, other = await gateway.paid(), await gateway.paid()
    made = await gateway.api.refunds.create_async({"charge": mine["charge"], "amount": 100})
    await gateway.api.refunds.create_async({"charge": other["charge"], "amount": 100})

    found = await gateway.api.refunds.list_async({"payment_intent": mine["payment_intent"]})

    assert [made.id] == [one.id for one in found.data]


async def test_a_late_settlement_does_not_undo_a_failure(gateway):
    """Failed before the bank's answer was due: the answer is ignored."""
    outcome = await gateway.paid("4000000000007726")
    made = await gateway.api.refunds.create_async({"charge": outcome["charge"]})
    await lever(gateway, made.id, "fail")

    await gateway.advance(DAY_S)

    async def same():
        return (await gateway.api.refunds.retrieve_async(made.id)).status == "failed"

    await eventually(same)
    assert 409 == (await lever(gateway, made.id, "settle")).status_code
