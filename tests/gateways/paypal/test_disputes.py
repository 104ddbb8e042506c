"""What PayPal says of a dispute, and what that is to us: from its inquiry to whoever has the money in the end."""

import json
from datetime import UTC, datetime

import pytest

from service.gateways.facts import DisputeStatus, EventKind
from service.gateways.paypal_events import normalise
from service.kernel.errors import Parked
from service.kernel.money import Money
from tests.gateways.paypal.conftest import ORDER_ID
from tests.gateways.paypal.resources import amount, dispute, event

CAPTURE_REF, SUM = "42311647XV020574X", Money(25_000, "USD")


def said(kind: str, resource: object):
    return normalise(json.dumps(event(kind, resource)).encode())


# A dispute's stage, status and outcome; and what that is to us.
DISPUTES = [
    ("INQUIRY", "WAITING_FOR_SELLER_RESPONSE", None, DisputeStatus.INQUIRY),
    ("INQUIRY", "UNDER_REVIEW", None, DisputeStatus.INQUIRY),
    ("INQUIRY", "RESOLVED", "RESOLVED_SELLER_FAVOUR", DisputeStatus.CLOSED),
    ("INQUIRY", "RESOLVED", "CANCELED_BY_BUYER", DisputeStatus.CLOSED),
    ("INQUIRY", "RESOLVED", "RESOLVED_BUYER_FAVOUR", DisputeStatus.LOST),  # the money went back all the same
    ("CHARGEBACK", "OPEN", None, DisputeStatus.NEEDS_RESPONSE),
    ("CHARGEBACK", "WAITING_FOR_SELLER_RESPONSE", None, DisputeStatus.NEEDS_RESPONSE),
    ("CHARGEBACK", "WAITING_FOR_BUYER_RESPONSE", None, DisputeStatus.UNDER_REVIEW),
    ("CHARGEBACK", "UNDER_REVIEW", None, DisputeStatus.UNDER_REVIEW),
    ("PRE_ARBITRATION", "WAITING_FOR_SELLER_RESPONSE", None, DisputeStatus.NEEDS_RESPONSE),
    ("CHARGEBACK", "RESOLVED", "RESOLVED_SELLER_FAVOUR", DisputeStatus.WON),
    ("CHARGEBACK", "RESOLVED", "RESOLVED_WITH_PAYOUT", DisputeStatus.WON),
    ("CHARGEBACK", "RESOLVED", "CANCELED_BY_BUYER", DisputeStatus.WON),
    ("CHARGEBACK", "RESOLVED", "DENIED", DisputeStatus.WON),
    ("CHARGEBACK", "RESOLVED", "RESOLVED_BUYER_FAVOUR", DisputeStatus.LOST),
    ("CHARGEBACK", "RESOLVED", "ACCEPTED", DisputeStatus.LOST),
]


@pytest.mark.parametrize(("stage", "status", "outcome", "expected"), DISPUTES)
def test_a_dispute_is_where_its_stage_and_outcome_say(stage, status, outcome, expected):
    """Its capture and our order stand in what is disputed; evidence is due when PayPal says."""
    more = {"dispute_outcome": {"outcome_code": outcome}} if outcome else {}
    told = said("CUSTOMER.DISPUTE.UPDATED", dispute(dispute_life_cycle_stage=stage, status=status, **more))

    assert (EventKind.DISPUTE_CHANGED, expected, CAPTURE_REF) == (told.kind, told.dispute.status, told.payment_ref)
    assert (ORDER_ID, SUM, "PP-D-27803") == (told.order_id, told.dispute.amount, told.dispute.ref)
    assert datetime(2026, 12, 4, 18, 4, 12, tzinfo=UTC) == told.dispute.due_at


def test_of_a_lost_dispute_the_amount_is_what_went_back():
    """PayPal may give back a part of what was disputed."""
    outcome = {"outcome_code": "RESOLVED_BUYER_FAVOUR", "amount_refunded": amount("100.00")}

    told = said("CUSTOMER.DISPUTE.RESOLVED", dispute(status="RESOLVED", dispute_outcome=outcome))

    assert Money(10_000, "USD") == told.dispute.amount


def test_of_a_lost_dispute_with_nothing_refunded_the_amount_is_what_was_disputed():
    """Zero would be no dispute at all."""
    outcome = {"outcome_code": "ACCEPTED", "amount_refunded": amount("0.00")}

    told = said("CUSTOMER.DISPUTE.RESOLVED", dispute(status="RESOLVED", dispute_outcome=outcome))

    assert (DisputeStatus.LOST, SUM) == (told.dispute.status, told.dispute.amount)


@pytest.mark.parametrize("more", [{}, {"dispute_outcome": {}}, {"dispute_outcome": {"outcome_code": "NONE"}}])
@pytest.mark.parametrize("stage", ["INQUIRY", "CHARGEBACK"])
def test_a_dispute_resolved_for_nobody_is_for_a_person(stage, more):
    """Whose the money is stands nowhere: neither closed nor won, whatever its stage."""
    with pytest.raises(Parked) as caught:
        said("CUSTOMER.DISPUTE.RESOLVED", dispute(status="RESOLVED", dispute_life_cycle_stage=stage, **more))

    assert "dispute_without_outcome" == caught.value.cause
