"""Disputes from the first question of the bank to its last word."""

import pytest
import stripe

from tests.emulator.gateway import eventually

DAY_S = 86_400


async def opened(gateway, **given):
    outcome = await gateway.paid()
    answer = await gateway.http.post("/_emulator/disputes", json={"charge": outcome["charge"], **given})
    answer.raise_for_status()
    return answer.json()


async def lever(gateway, dispute, name, **body):
    return await gateway.http.post(f"/_emulator/disputes/{dispute['id']}/{name}", json=body or None)


async def moved(gateway):
    """What disputes moved on the balance: reporting category, amount, fee; oldest first."""
    listed = await gateway.api.balance_transactions.list_async({"type": "adjustment"})
    return [(one.reporting_category, one.amount, one.fee) for one in reversed(listed.data)]


async def test_an_answered_dispute_that_is_won_brings_the_money_back(gateway):
    """Evidence, review, the decision: each with its event; the fee stays with the gateway."""
    dispute = await opened(gateway, amount=20_000)

    answered = await gateway.api.disputes.update_async(
        dispute["id"], {"evidence": {"uncategorized_text": "They danced all night."}, "metadata": {"case": "7"}}
    )
    closed = await lever(gateway, dispute, "close", outcome="won")

    after = await gateway.api.disputes.retrieve_async(dispute["id"])
    assert ("under_review", 1, "manual") == (
        answered.status,
        answered.evidence_details.submission_count,
        answered.evidence_details.submission_method,
    )
    assert ("won", {"case": "7"}) == (after.status, after.metadata.to_dict())
    assert closed.json()["balance_transactions"] == [one.to_dict() for one in after.balance_transactions]
    assert [("dispute", -20_000, 1_500), ("dispute_reversal", 20_000, 0)] == await moved(gateway)
    assert [
        "charge.dispute.created",
        "charge.updated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ] == (await gateway.event_types())[-6:]


async def test_a_lost_dispute_keeps_the_money(gateway):
    """Nothing moves any more, and no refund is possible ever after."""
    dispute = await opened(gateway)

    await lever(gateway, dispute, "close", outcome="lost")
    again = await lever(gateway, dispute, "close", outcome="won")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await gateway.api.refunds.create_async({"charge": dispute["charge"]})
    assert 409 == again.status_code
    assert "charge_disputed" == refused.value.code
    assert [("dispute", -41_500, 1_500)] == await moved(gateway)
    assert "charge.dispute.closed" == (await gateway.event_types())[-1]


async def test_after_a_won_dispute_a_refund_is_possible_again(gateway):
    """While it runs, it is not."""
    dispute = await opened(gateway)
    with pytest.raises(stripe.InvalidRequestError):
        await gateway.api.refunds.create_async({"charge": dispute["charge"]})

    await lever(gateway, dispute, "close", outcome="won")

    assert "succeeded" == (await gateway.api.refunds.create_async({"charge": dispute["charge"]})).status


async def test_staged_evidence_is_not_sent(gateway):
    """With `submit` false it lies there until somebody sends it; what was sent cannot be sent again."""
    dispute = await opened(gateway)

    staged = await gateway.api.disputes.update_async(
        dispute["id"], {"evidence": {"customer_name": "Ana"}, "submit": False}
    )
    sent = await lever(gateway, dispute, "submit")
    again = await lever(gateway, dispute, "submit")

    assert ("needs_response", True) == (staged.status, staged.evidence_details.has_evidence)
    assert ("under_review", "Ana") == (sent.json()["status"], sent.json()["evidence"]["customer_name"])
    assert 409 == again.status_code


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
async def test_the_test_evidence_decides(gateway, text, status):
    """The vendor's own words for its test mode, after the settling time."""
    dispute = await opened(gateway)

    await gateway.api.disputes.update_async(dispute["id"], {"evidence": {"uncategorized_text": text}})

    async def decided():
        found = (await gateway.api.disputes.retrieve_async(dispute["id"])).status
        return found if found != "under_review" else None

    assert status == await eventually(decided)


async def test_silence_loses(gateway):
    """Nine days later the answer was due; an hour before, all is open."""
    dispute = await opened(gateway)

    await gateway.advance(9 * DAY_S - 3_600)
    before = (await gateway.api.disputes.retrieve_async(dispute["id"])).status
    await gateway.advance(7_200)

    after = await gateway.api.disputes.retrieve_async(dispute["id"])
    [closed] = (await gateway.api.events.list_async({"type": "charge.dispute.closed"})).data
    assert ("needs_response", "lost", True) == (before, after.status, after.evidence_details.past_due)
    assert dispute["evidence_details"]["due_by"] == closed.created


async def test_an_answer_in_time_waits_for_the_bank(gateway):
    """However long it takes."""
    dispute = await opened(gateway)
    await gateway.api.disputes.update_async(dispute["id"], {"evidence": {"customer_name": "Ana"}})

    await gateway.advance(60 * DAY_S)

    assert "under_review" == (await gateway.api.disputes.retrieve_async(dispute["id"])).status


async def test_giving_in_is_losing(gateway):
    """`close` of the API is the merchant's own; closed is closed."""
    dispute = await opened(gateway)

    given_in = await gateway.api.disputes.close_async(dispute["id"])
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await gateway.api.disputes.close_async(dispute["id"])
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await gateway.api.disputes.close_async("du_none")

    assert "lost" == given_in.status
    assert 404 == unknown.value.http_status


async def test_an_inquiry_that_is_answered_moves_nothing(gateway):
    """It goes warning by warning, and the money stays where it is."""
    dispute = await opened(gateway, inquiry=True)

    sent = await lever(gateway, dispute, "submit")
    closed = await lever(gateway, dispute, "close", outcome="won")

    assert ["warning_needs_response", "warning_under_review", "warning_closed"] == [
        dispute["status"],
        sent.json()["status"],
        closed.json()["status"],
    ]
    assert [] == await moved(gateway)
    assert ["charge.dispute.updated", "charge.dispute.closed"] == (await gateway.event_types())[-2:]


async def test_an_inquiry_may_become_a_chargeback(gateway):
    """Then the money goes, with a new day to answer by; once."""
    dispute = await opened(gateway, inquiry=True)

    escalated = await lever(gateway, dispute, "escalate")
    again = await lever(gateway, dispute, "escalate")

    assert ("needs_response", False) == (escalated.json()["status"], escalated.json()["is_charge_refundable"])
    assert 409 == again.status_code
    assert [("dispute", -41_500, 1_500)] == await moved(gateway)
    assert "charge.dispute.funds_withdrawn" == (await gateway.event_types())[-1]


@pytest.mark.parametrize("name", ["submit", "close", "escalate"])
async def test_an_unknown_dispute_is_404(gateway, name):
    """For each lever."""
    body = {"outcome": "won"} if name == "close" else {}

    assert 404 == (await lever(gateway, {"id": "du_none"}, name, **body)).status_code


async def test_metadata_is_merged(gateway):
    """Keys are added, an empty value takes one away; the dispute is not answered by it."""
    dispute = await opened(gateway)
    await gateway.api.disputes.update_async(dispute["id"], {"metadata": {"a": "1", "b": "2"}})

    after = await gateway.api.disputes.update_async(dispute["id"], {"metadata": {"a": "", "c": "3"}})
    digits = await gateway.api.disputes.update_async(dispute["id"], {"metadata": {"0": "x"}})
    none = await gateway.api.disputes.update_async(dispute["id"], {"metadata": ""})

    assert {"b": "2", "c": "3"} == after.metadata.to_dict()
    assert {"b": "2", "c": "3", "0": "x"} == digits.metadata.to_dict()
    assert {} == none.metadata.to_dict()
    assert "needs_response" == none.status
