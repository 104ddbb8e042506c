"""The comparison with the gateways' truth notices whatever differs; else all that stands on it would hold nothing."""

from copy import deepcopy
from typing import Any

import pytest

from tests.crash.truth import Here, disagreements

WORDS = {"order_id": "ord_1", "payment_id": "pay_1"}
PAID: dict[str, Any] = {
    "provider": "stripe", "checkout": "cs_1", "payment": "pi_1", "status": "complete", "charged": 500, "refunded": 200,
    "currency": "usd", "metadata": WORDS,
}  # fmt: skip
REFUND: dict[str, Any] = {
    "provider": "stripe", "refund": "re_1", "status": "succeeded", "amount": 200, "currency": "usd",
    "metadata": {"refund_id": "rfd_1"},
}  # fmt: skip
ORDER = {"id": "ord_1", "status": "partially_refunded", "total_minor": 500}
PAYMENT: dict[str, Any] = {
    "id": "pay_1", "provider": "stripe", "checkout_ref": "cs_1", "payment_ref": "pi_1", "status": "succeeded",
    "amount_minor": 500, "amount_currency": "USD",
}  # fmt: skip
OURS: dict[str, Any] = {
    "id": "rfd_1", "provider": "stripe", "payment_id": "pay_1", "refund_ref": "re_1", "status": "succeeded",
    "amount_minor": 200, "amount_currency": "USD",
}  # fmt: skip


def sides() -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, Any]]]]:
    """Both sides of one order, paid and partly refunded."""
    truth = {"payments": [PAID], "refunds": [REFUND], "disputes": []}
    here = {"orders": [ORDER], "payments": [PAYMENT], "refunds": [OURS], "disputes": []}
    return deepcopy(truth), deepcopy(here)


def test_two_equal_sides_agree():
    """One charge, one payment, one refund, the same names and sums."""
    truth, here = sides()

    assert [] == disagreements(truth, Here(**here))


@pytest.mark.parametrize(
    ("side", "table", "changes"),
    [
        ("truth", "payments", {"charged": 499}),
        ("truth", "payments", {"charged": 0, "refunded": 0}),
        ("truth", "payments", {"refunded": 300}),
        ("truth", "payments", {"payment": "pi_2"}),
        ("truth", "payments", {"metadata": {}}),
        ("truth", "refunds", {"status": "failed"}),
        ("truth", "refunds", {"amount": 100}),
        ("truth", "refunds", {"refund": "re_2"}),
        ("here", "payments", {"status": "canceled"}),
        ("here", "payments", {"amount_currency": "EUR"}),
        ("here", "payments", {"checkout_ref": None}),
        ("here", "refunds", {"refund_ref": None}),
        ("here", "refunds", {"status": "requested"}),
        ("here", "orders", {"total_minor": 299}),
        ("here", "orders", {"status": "paid"}),
    ],
)
def test_a_difference_is_told(side, table, changes):
    """Whatever one side says otherwise."""
    truth, here = sides()
    {"truth": truth, "here": here}[side][table][0] |= changes

    assert disagreements(truth, Here(**here))


@pytest.mark.parametrize(("side", "table"), [("truth", "payments"), ("truth", "refunds"), ("here", "refunds")])
def test_what_is_there_twice_is_told(side, table):
    """Charged twice, refunded twice, known under a name nobody gave."""
    truth, here = sides()
    rows = {"truth": truth, "here": here}[side][table]
    rows.append(rows[0] | {"refund": "re_2", "refund_ref": "re_2", "checkout": "cs_2", "payment": "pi_2"})

    assert disagreements(truth, Here(**here))


def test_a_dispute_only_one_side_knows_is_told():
    """By its name and amount."""
    truth, here = sides()
    truth["disputes"].append({"provider": "stripe", "id": "dp_1", "amount": 500, "currency": "usd"})

    assert ["dispute ('stripe', 'dp_1', 500, 'usd') is not known here"] == disagreements(truth, Here(**here))
