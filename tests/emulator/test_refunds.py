"""Refunds: whole, in parts, too much, twice, late and failing."""

import pytest
import stripe

from tests.emulator.gateway import eventually


async def refund(gateway, outcome, **given):
    return await gateway.api.refunds.create_async({"payment_intent": outcome["payment_intent"], **given})


async def test_a_whole_refund_returns_everything(gateway):
    """The charge is refunded, the balance moves back, the fee stays with the gateway."""
    outcome = await gateway.paid()

    made = await refund(gateway, outcome, reason="requested_by_customer", metadata={"refund_id": "ref_1"})

    charge = await gateway.api.charges.retrieve_async(outcome["charge"], {"expand": ["refunds"]})
    movement = await gateway.api.balance_transactions.retrieve_async(made.balance_transaction)
    assert ("succeeded", 41_500, {"refund_id": "ref_1"}) == (made.status, made.amount, made.metadata.to_dict())
    assert (True, 41_500, [made.id]) == (
        charge.refunded,
        charge.amount_refunded,
        [one.id for one in charge.refunds.data],
    )
    assert (-41_500, 0, "refund") == (movement.amount, movement.fee, movement.type)
    assert ["refund.created", "charge.refunded"] == (await gateway.event_types())[5:7]


async def test_parts_add_up_to_the_charge_and_no_further(gateway):
    """Several by charge id; one unit more than is left is refused, and then nothing is left."""
    outcome = await gateway.paid()
    await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 11_500})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as too_much:
        await refund(gateway, outcome, amount=30_001)
    await refund(gateway, outcome, amount=30_000)
    with pytest.raises(stripe.InvalidRequestError) as again:
        await refund(gateway, outcome)

    listed = await gateway.api.refunds.list_async({"payment_intent": outcome["payment_intent"]})
    assert "amount" == too_much.value.param
    assert (400, "charge_already_refunded") == (again.value.http_status, again.value.code)
    assert [30_000, 11_500] == [one.amount for one in listed.data]


@pytest.mark.parametrize("amount", [0, -1, "12.5"])
async def test_an_amount_is_a_positive_integer(gateway, amount):
    """Anything else names the parameter."""
    outcome = await gateway.paid()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refund(gateway, outcome, amount=amount)

    assert ("amount", "parameter_invalid_integer") == (refused.value.param, refused.value.code)


async def test_what_was_not_charged_cannot_be_refunded(gateway):
    """An intent without a successful charge, an unknown one, and none at all."""
    outcome = await gateway.paid("4000000000000002")

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await refund(gateway, outcome)
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await gateway.api.refunds.create_async({"charge": "ch_none"})
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        await gateway.api.refunds.create_async({"amount": 100})

    assert (404, "resource_missing") == (unknown.value.http_status, unknown.value.code)
    assert "parameter_missing" == nothing.value.code


async def test_the_same_key_refunds_once(gateway):
    """A retry answers with the first refund."""
    outcome = await gateway.paid()
    given = {"payment_intent": outcome["payment_intent"], "amount": 1_000}

    first = await gateway.api.refunds.create_async(given, {"idempotency_key": "ref_1"})
    second = await gateway.api.refunds.create_async(given, {"idempotency_key": "ref_1"})

    assert first.id == second.id
    assert {"usd": 1_000} == (await gateway.truth())["totals"]["refunded"]


async def test_card_7726_refunds_later(gateway):
    """Pending first, then succeeded with `refund.updated`."""
    outcome = await gateway.paid("4000000000007726")

    made = await refund(gateway, outcome)

    async def updated():
        return "refund.updated" in await gateway.event_types()

    await eventually(updated)
    after = await gateway.api.refunds.retrieve_async(made.id)
    assert ("pending", "succeeded") == (made.status, after.status)


async def test_card_5126_refund_fails_later(gateway):
    """It succeeded at first; then `refund.failed`, and the money is back on the charge and the balance."""
    outcome = await gateway.paid("4000000000005126")

    made = await refund(gateway, outcome)

    async def failed():
        return "refund.failed" in await gateway.event_types()

    await eventually(failed)
    after = await gateway.api.refunds.retrieve_async(made.id, {"expand": ["failure_balance_transaction", "charge"]})
    assert ("succeeded", "failed", "expired_or_canceled_card") == (made.status, after.status, after.failure_reason)
    assert (41_500, 0, False) == (
        after.failure_balance_transaction.amount,
        after.charge.amount_refunded,
        after.charge.refunded,
    )


async def test_any_refund_can_be_made_to_fail(gateway):
    """By control, once; afterwards the charge may be refunded again."""
    outcome = await gateway.paid()
    made = await refund(gateway, outcome)

    answer = await gateway.http.post(f"/_emulator/refunds/{made.id}/fail", json={"reason": "lost_or_stolen_card"})
    again = await gateway.http.post(f"/_emulator/refunds/{made.id}/fail", json={})
    other = await refund(gateway, outcome)

    truth = {row["refund"]: row["status"] for row in (await gateway.truth())["refunds"]}
    assert (200, 409) == (answer.status_code, again.status_code)
    assert {made.id: "failed", other.id: "succeeded"} == truth


async def test_a_dispute_takes_the_money_and_stops_refunds(gateway):
    """The object, its events and the balance are there; the refund error says charged back."""
    outcome = await gateway.paid("4000000000002685")

    answer = await gateway.http.post("/_emulator/disputes", json={"charge": outcome["charge"]})

    dispute = await gateway.api.disputes.retrieve_async(answer.json()["id"])
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refund(gateway, outcome)
    assert (41_500, "product_not_received", "needs_response") == (dispute.amount, dispute.reason, dispute.status)
    assert (-41_500, 1_500) == (dispute.balance_transactions[0].amount, dispute.balance_transactions[0].fee)
    assert "charge_disputed" == refused.value.code
    expected = ["charge.dispute.created", "charge.updated", "charge.dispute.funds_withdrawn"]
    assert expected == (await gateway.event_types())[-3:]


async def test_an_inquiry_moves_no_money(gateway):
    """The bank only asks, and the merchant may still refund."""
    outcome = await gateway.paid("4000000000001976")

    answer = await gateway.http.post("/_emulator/disputes", json={"payment_intent": outcome["payment_intent"]})
    made = await refund(gateway, outcome)

    assert ("warning_needs_response", []) == (answer.json()["status"], answer.json()["balance_transactions"])
    assert "succeeded" == made.status


async def test_a_bank_debit_is_refunded_to_the_bank(gateway):
    """The refund goes back the way the money came."""
    session = await gateway.open()
    outcome = await gateway.pay(session, None, **{"async": "succeed"})

    async def paid():
        return (await gateway.api.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"

    await eventually(paid)
    made = await refund(gateway, outcome)

    async def updated():
        return "refund.updated" in await gateway.event_types()

    await eventually(updated)
    after = await gateway.api.refunds.retrieve_async(made.id)
    movements = (await gateway.api.balance_transactions.list_async()).data
    assert [("payment_refund", "refund"), ("payment", "charge")] == [(m.type, m.reporting_category) for m in movements]
    failed = await gateway.http.post(f"/_emulator/refunds/{made.id}/fail", json={})
    movement = await gateway.api.balance_transactions.retrieve_async(failed.json()["failure_balance_transaction"])
    assert ("payment_failure_refund", 41_500) == (movement.type, movement.amount)
    assert "us_bank_transfer" == after.destination_details.type
    assert "available" == after.destination_details.us_bank_transfer.reference_status
